/** The node: what the machine has, what is used of it, which alarms there are. */
import { availableParallelism } from 'node:os';
import { VERSION } from '../../../version.ts';
import { Failure, notFound } from '../http/errors.ts';
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

/** Whose memory RabbitMQ tells apart, and what is not here or not told apart here. */
const NONE_APART = Object.fromEntries(
  [
    ...['connection_readers', 'connection_writers', 'connection_channels', 'connection_other'],
    ...['queue_procs', 'queue_slave_procs', 'quorum_queue_procs', 'quorum_queue_dlx_procs', 'stream_queue_procs'],
    ...['stream_queue_replica_reader_procs', 'stream_queue_coordinator_procs', 'plugins', 'metrics', 'mgmt_db'],
    ...['metadata_store', 'metadata_store_ets', 'mnesia', 'quorum_ets', 'other_ets', 'msg_index', 'atom', 'code'],
  ].map((name) => [name, 0]),
);

function memoryParts(): { readonly parts: Readonly<Record<string, number>>; readonly total: Record<string, number> } {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const parts = {
    ...NONE_APART,
    binary: arrayBuffers,
    other_system: Math.max(0, rss - heapTotal - external),
    other_proc: heapUsed,
    allocated_unused: heapTotal - heapUsed,
    reserved_unallocated: 0,
  };
  return { parts, total: { erlang: heapUsed + external, rss, allocated: heapTotal + external } };
}

function memory(): object {
  const { parts, total } = memoryParts();
  return { memory: { ...parts, strategy: 'rss', total } };
}

/** In percent of what is resident; what is there at all is 1 at least. */
function relativeMemory(): object {
  const { parts, total } = memoryParts();
  const percent = (bytes: number): number => (bytes === 0 ? 0 : Math.max(1, Math.round((bytes / total['rss']!) * 100)));
  const shown = Object.entries(parts).map(([name, bytes]) => [name, percent(bytes)]);
  return { memory: { total: 100, ...Object.fromEntries(shown) } };
}

/** @throws Failure 404 */
function mustBeHere(request: ApiRequest): void {
  if (request.param('node') !== NODE) throw notFound();
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
          return json(onlyColumns(node(request), columnsOf(request.query)));
        },
      },
    },
  },
  {
    path: '/nodes/:node/memory',
    verbs: {
      GET: {
        tag: 'monitoring',
        handle: (request) => {
          mustBeHere(request);
          return json(memory());
        },
      },
    },
  },
  {
    path: '/nodes/:node/memory/relative',
    verbs: {
      GET: {
        tag: 'monitoring',
        handle: (request) => {
          mustBeHere(request);
          return json(relativeMemory());
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
  // What a mixed cluster must agree on: there is nobody to agree with.
  { path: '/feature-flags', verbs: { GET: { tag: 'administrator', handle: () => json([]) } } },
];
