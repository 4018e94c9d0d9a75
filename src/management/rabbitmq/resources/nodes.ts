/** The node: what the machine has, what is used of it, which alarms there are. */
import { availableParallelism } from 'node:os';
import { VERSION } from '../../../version.ts';
import { Failure } from '../http/errors.ts';
import { json, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource, Verb } from '../http/resource.ts';
import { columnsOf, onlyColumns } from '../lists/columns.ts';
import { NODE } from '../node-name.ts';
import { churnRates } from '../shapes/churn.ts';
import { detailed, historyQuery } from '../shapes/details.ts';
import { EXCHANGE_TYPE_SHAPES } from '../shapes/exchange-types.ts';
import { contexts, listenerShapes } from '../shapes/listeners.ts';
import { shown } from '../shapes/message-stats.ts';
import { mustBeHere } from './here.ts';
import { binaryOf, memoryOf } from './memory.ts';

const MECHANISMS = [
  ['PLAIN', 'SASL PLAIN authentication mechanism'],
  ['AMQPLAIN', 'QPid AMQPLAIN mechanism'],
] as const;

/** As RabbitMQ calls them where it counts logins. */
const PROTOCOLS: Readonly<Record<string, string>> = { amqp: 'amqp091' };

const USED = {
  mem_used: ['residentBytes'],
  // Files of the log are not counted, sockets are.
  fd_used: ['sockets'],
  sockets_used: ['sockets'],
  disk_free: ['diskFreeBytes'],
} as const;
/** The log writes and syncs in batches: what each was for is not told. */
const WRITTEN = { io_write_bytes: ['appendedBytes'], io_sync_count: ['syncs'] } as const;

function node({ operator, query }: ApiRequest): object {
  const { surroundings, overall } = operator;
  const history = historyQuery(query);
  const { measured } = overall;
  const syncs = measured.value('syncs');
  const machine = surroundings.machine();
  const listeners = surroundings.listeners();
  const spoken = new Set(listenerShapes(listeners).map(({ protocol }) => protocol));
  return {
    partitions: [],
    os_pid: String(process.pid),
    fd_total: machine.descriptorsMax,
    sockets_total: machine.socketsMax,
    mem_limit: machine.memoryMaxBytes,
    mem_alarm: machine.alarms.includes('memory'),
    disk_free_limit: machine.diskFreeMinBytes,
    disk_free_alarm: machine.alarms.includes('disk'),
    proc_total: 0,
    rates_mode: 'basic',
    uptime: Math.floor(operator.uptimeMs),
    run_queue: 0,
    processors: availableParallelism(),
    exchange_types: EXCHANGE_TYPE_SHAPES,
    auth_mechanisms: MECHANISMS.map(([name, description]) => ({ name, description, enabled: true })),
    applications: [{ name: 'entrepot', description: 'A multi-protocol message broker', version: VERSION }],
    contexts: contexts(listeners),
    log_files: [],
    db_dir: '',
    config_files: [],
    net_ticktime: 60,
    enabled_plugins: plugins(spoken),
    mem_calculation_strategy: 'rss',
    name: NODE,
    type: 'disc',
    running: true,
    // Of RabbitMQ 4: what is made for it does not do without.
    being_drained: false,
    ...shown(measured, USED, history.node),
    ...detailed('proc_used', 0, 0),
    ...shown(measured, WRITTEN, history.node),
    ...detailed('io_sync_avg_time', syncs === 0 ? 0 : measured.value('syncMs') / syncs, 0),
    ...churnRates(measured, history),
    cluster_links: [],
    metrics_gc_queue_length: {},
  };
}

/** RabbitMQ's names of what can be spoken beside its own protocol. */
function plugins(spoken: ReadonlySet<string>): string[] {
  const known = [
    ['rabbitmq_management', 'http'],
    ['rabbitmq_mqtt', 'mqtt'],
    ['rabbitmq_stomp', 'stomp'],
    ['rabbitmq_web_mqtt', 'http/web-mqtt'],
    ['rabbitmq_web_stomp', 'http/web-stomp'],
  ] as const;
  return known.filter(([, protocol]) => spoken.has(protocol)).map(([name]) => name);
}

/** @throws Failure 500 for another node, as RabbitMQ has it */
function mustBeThis(request: ApiRequest): void {
  if (request.param('node') !== NODE) throw new Failure(500);
}

/** What is counted of logins begins anew. */
const FORGETS_LOGINS: Verb = {
  tag: 'administrator',
  handle: (request) => {
    mustBeHere(request);
    request.operator.forgetLogins();
    return noContent();
  },
};

/** What was sampled begins anew: rates, and how it went. What has been counted stays, since the broker is asked for that itself. */
const RESETS: Verb = {
  tag: 'administrator',
  handle: (request) => {
    if (request.params['node'] !== undefined) mustBeHere(request);
    request.operator.forgetSamples();
    return noContent();
  },
};

function attempts({ operator }: ApiRequest): object[] {
  return operator.logins.map(({ protocol, succeeded, failed }) => ({
    protocol: PROTOCOLS[protocol] ?? protocol,
    auth_attempts: succeeded + failed,
    auth_attempts_failed: failed,
    auth_attempts_succeeded: succeeded,
  }));
}

export const NODES: readonly Resource[] = [
  {
    path: '/nodes',
    verbs: {
      GET: {
        tag: 'monitoring',
        handle: (request) => json(onlyColumns([node(request)], columnsOf(request.query))),
      },
    },
  },
  {
    path: '/nodes/:node',
    verbs: {
      GET: {
        tag: 'monitoring',
        handle: (request) => {
          mustBeThis(request);
          const { query } = request;
          const parts = {
            ...(query.get('memory') === 'true' && { memory: memoryOf() }),
            ...(query.get('binary') === 'true' && { binary: binaryOf() }),
          };
          return json(onlyColumns({ ...parts, ...node(request) }, columnsOf(query)));
        },
      },
    },
  },
  {
    path: '/auth/attempts/:node',
    verbs: {
      GET: {
        tag: 'monitoring',
        handle: (request) => {
          mustBeHere(request);
          return json(attempts(request));
        },
      },
      DELETE: FORGETS_LOGINS,
    },
  },
  {
    path: '/auth/attempts/:node/source',
    verbs: { GET: { tag: 'monitoring', handle: () => json([]) }, DELETE: FORGETS_LOGINS },
  },
  { path: '/reset', verbs: { DELETE: RESETS } },
  { path: '/reset/:node', verbs: { DELETE: RESETS } },
];
