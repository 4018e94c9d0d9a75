/**
 * The two brokers of these scenarios: this one, in the test's own process with its data on the disk, and RabbitMQ. What
 * an operator does to them (policies, alarms) has one shape for both.
 */
import { type BrokerOptions, createBroker } from '../../src/index.ts';
import { installed, type PeerKind, startRabbitmq } from '../peers.ts';
import { temporaryDirectory } from '../processes.ts';

export interface Policy {
  readonly pattern: string;
  readonly applyTo?: 'queues' | 'exchanges' | 'all';
  readonly priority?: number;
  readonly definition: Readonly<Record<string, string | number>>;
}

export interface TestBroker {
  readonly kind: PeerKind;
  readonly version: string;
  readonly amqpPort: number;
  setPolicy(name: string, policy: Policy): Promise<void>;
  clearPolicy(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** How long both give a client to say who it is: short, so that a scenario can wait for it. */
export const HANDSHAKE_TIMEOUT_MS = 1_000;

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
  const options: BrokerOptions = {
    data: data.path,
    listen: ['amqp://127.0.0.1:0'],
    connections: { handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
    amqp: { bodySizeMax: MESSAGE_SIZE_MAX },
  };
  const running = await createBroker(options);
  return {
    kind: 'entrepot',
    version: 'this tree',
    amqpPort: running.port('amqp'),
    async setPolicy() {
      throw new Error('there are no policies yet');
    },
    async clearPolicy() {
      throw new Error('there are no policies yet');
    },
    async stop() {
      await running.close();
      await data.remove();
    },
  };
}

/**
 * RabbitMQ, started for the run. One that is running already is used where CONFORMANCE_RABBITMQ says its ports, as
 * `5672,15672`: AMQP and HTTP on this machine, user guest.
 */
export async function startThere(): Promise<TestBroker> {
  const running = process.env['CONFORMANCE_RABBITMQ'];
  if (running !== undefined) {
    const [amqpPort, httpPort] = running.split(',').map(Number) as [number, number];
    return there('as it runs', amqpPort, httpPort, async () => {});
  }
  const peer = await startRabbitmq({
    plugins: PLUGINS,
    settings: [`handshake_timeout = ${HANDSHAKE_TIMEOUT_MS}`, `max_message_size = ${MESSAGE_SIZE_MAX}`],
  });
  return there(peer.version, peer.amqpPort, peer.httpPort, () => peer.stop());
}

export const rabbitmqInstalled = (): boolean =>
  process.env['CONFORMANCE_RABBITMQ'] !== undefined || installed('rabbitmq') !== undefined;

function there(version: string, amqpPort: number, httpPort: number, stop: () => Promise<void>): TestBroker {
  const ask = async (verb: 'PUT' | 'DELETE', path: string, body?: object): Promise<void> => {
    const response = await fetch(`http://127.0.0.1:${httpPort}/api/${path}`, {
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
  return {
    kind: 'rabbitmq',
    version,
    amqpPort,
    setPolicy: (name, { pattern, applyTo, priority, definition }) =>
      ask('PUT', `policies/%2F/${encodeURIComponent(name)}`, {
        pattern,
        'apply-to': applyTo ?? 'all',
        priority: priority ?? 0,
        definition,
      }),
    clearPolicy: (name) => ask('DELETE', `policies/%2F/${encodeURIComponent(name)}`),
    stop,
  };
}
