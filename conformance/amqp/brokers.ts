/**
 * The two brokers of these scenarios: this one, in the test's own process with its data on the disk, and RabbitMQ. What
 * an operator does to them (policies, alarms) has one shape for both.
 */
import { type Broker, createBroker, type RunningBroker } from '../../src/index.ts';
import type { PublishFlowControl } from '../../src/vhost/flow/publish-flow-control.ts';
import { installed, type PeerKind, type RabbitmqPeer, startRabbitmq } from '../peers/index.ts';
import { temporaryDirectory } from '../support/processes.ts';

export interface Policy {
  readonly pattern: string;
  readonly applyTo?: 'queues' | 'exchanges' | 'all';
  readonly priority?: number;
  /** Default `policy`. One of the kind `operator` is set beside it, and limits what clients and policies ask for. */
  readonly kind?: 'policy' | 'operator';
  readonly definition: Readonly<Record<string, string | number>>;
}

export interface TestBroker {
  readonly kind: PeerKind;
  readonly version: string;
  readonly amqpPort: number;
  setPolicy(name: string, policy: Policy): Promise<void>;
  clearPolicy(name: string, kind: Policy['kind']): Promise<void>;
  /** The disk is full, or memory past its mark; or there is room again. */
  alarm(on: boolean, resource?: 'disk' | 'memory'): Promise<void>;
  /** Limits of the vhost, by RabbitMQ's names, until they are set again: {} for none. */
  setVhostLimits(limits: Readonly<Partial<Record<'max-connections' | 'max-queues', number>>>): Promise<void>;
  /** The same of the user guest. */
  setUserLimits(limits: Readonly<Partial<Record<'max-connections' | 'max-channels', number>>>): Promise<void>;
  /** Stops it in order and starts it again on its data, perhaps on another port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** How long both give a client to say who it is: short, so that a scenario can wait for it. */
export const HANDSHAKE_TIMEOUT_MS = 2_000;

/** The largest message that both take, in bytes: small enough to be gone over in a moment. */
export const MESSAGE_SIZE_MAX = 16 * 1024 * 1024;

const PLUGINS = [
  'rabbitmq_management',
  'rabbitmq_consistent_hash_exchange',
  'rabbitmq_random_exchange',
  'rabbitmq_sharding',
];

export async function startHere(): Promise<TestBroker> {
  const data = await temporaryDirectory('amqp');
  const start = (): Promise<RunningBroker> =>
    createBroker({
      data: data.path,
      listen: ['amqp://127.0.0.1:0'],
      connections: { handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
      amqp: { bodySizeMax: MESSAGE_SIZE_MAX },
    });
  let running = await start();
  return {
    kind: 'entrepot',
    version: 'this tree',
    get amqpPort() {
      return running.port('amqp');
    },
    setPolicy: (name, policy) => running.broker.policies.set('/', { name, ...policy }),
    async clearPolicy(name, kind) {
      await running.broker.policies.clear('/', name, kind);
    },
    async alarm(on, resource = 'disk') {
      if (resource === 'memory') running.setLimits(on ? { memory: { highWatermark: 1024 * 1024 } } : {});
      else pretendFullDisk(running.broker, on);
    },
    async setVhostLimits(limits) {
      const { 'max-connections': connections, 'max-queues': queues } = limits;
      running.setLimits({ vhosts: { '/': { limits: { connections, queues } } } });
    },
    async setUserLimits(limits) {
      const { 'max-connections': connections, 'max-channels': channels } = limits;
      running.setLimits({ limits: { users: { guest: { connections, channels } } } });
    },
    async restart() {
      await running.close();
      running = await start();
    },
    async stop() {
      await running.close();
      await data.remove();
    },
  };
}

/** A disk cannot be filled for a test: the vhost hears what its log would say. */
function pretendFullDisk(broker: Broker, full: boolean): void {
  interface Inside {
    readonly vhosts: Map<
      string,
      { readonly log: object; readonly publishFlow: Pick<PublishFlowControl, 'diskFull' | 'diskHasRoom'> }
    >;
  }
  const vhost = (broker as unknown as Inside).vhosts.get('/')!;
  Object.defineProperty(vhost.log, 'full', { configurable: true, get: () => full });
  if (full) vhost.publishFlow.diskFull();
  else vhost.publishFlow.diskHasRoom();
}

/**
 * RabbitMQ, started for the run. One that is running already is used where CONFORMANCE_RABBITMQ says its ports, as
 * `5672,15672`: AMQP and HTTP on this machine, user guest. Such a one is not stopped, started or alarmed.
 */
export async function startThere(): Promise<TestBroker> {
  const running = process.env['CONFORMANCE_RABBITMQ'];
  if (running !== undefined) {
    const [amqpPort, httpPort] = running.split(',').map(Number) as [number, number];
    const notMine = async (): Promise<void> => {
      throw new Error('this RabbitMQ was not started here, so it is not touched');
    };
    return there({ version: 'as it runs', amqpPort, httpPort, control: notMine, stop: async () => {} });
  }
  return there(
    await startRabbitmq({
      plugins: PLUGINS,
      settings: [`handshake_timeout = ${HANDSHAKE_TIMEOUT_MS}`, `max_message_size = ${MESSAGE_SIZE_MAX}`],
    }),
  );
}

export const rabbitmqInstalled = (): boolean =>
  process.env['CONFORMANCE_RABBITMQ'] !== undefined || installed('rabbitmq') !== undefined;

function there(peer: Pick<RabbitmqPeer, 'version' | 'amqpPort' | 'httpPort' | 'control' | 'stop'>): TestBroker {
  const ask = async (verb: 'PUT' | 'DELETE', path: string, body?: object): Promise<void> => {
    const response = await fetch(`http://127.0.0.1:${peer.httpPort}/api/${path}`, {
      method: verb,
      headers: {
        authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}`,
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const said = await response.text();
    if (!response.ok) throw new Error(`${verb} ${path}: ${response.status} ${said}`);
  };
  const pathOf = (name: string, kind: Policy['kind']): string =>
    `${kind === 'operator' ? 'operator-policies' : 'policies'}/%2F/${encodeURIComponent(name)}`;
  return {
    kind: 'rabbitmq',
    version: peer.version,
    amqpPort: peer.amqpPort,
    setPolicy: (name, { pattern, applyTo, priority, definition, kind }) =>
      ask('PUT', pathOf(name, kind), {
        pattern,
        'apply-to': applyTo ?? 'all',
        priority: priority ?? 0,
        definition,
      }),
    clearPolicy: (name, kind) => ask('DELETE', pathOf(name, kind)),
    alarm: (on, resource = 'disk') =>
      peer.control(
        resource === 'memory'
          ? ['set_vm_memory_high_watermark', on ? '0.00001' : '0.4']
          : ['set_disk_free_limit', on ? '1000000000000000' : '1000000'],
      ),
    setVhostLimits: (limits) => peer.control(['set_vhost_limits', JSON.stringify(limits)]),
    setUserLimits: async (limits) => {
      await peer.control(['clear_user_limits', 'guest', 'all']);
      await peer.control(['set_user_limits', 'guest', JSON.stringify(limits)]);
    },
    async restart() {
      await peer.control(['stop_app']);
      await peer.control(['start_app']);
    },
    stop: () => peer.stop(),
  };
}
