/**
 * A whole broker for a test: every protocol on a free port of the loopback, in memory unless a directory is given.
 *
 *     const broker = await startTestBroker();
 *     … connect to broker.ports.amqp …
 *     await broker.close();
 */
import { type BrokerOptions, createBroker, type RunningBroker } from '../../src/index.ts';

export { temporaryDirectory, withTemporaryDirectory } from './directory.ts';

export interface TestBroker extends RunningBroker {
  readonly ports: {
    readonly amqp: number;
    readonly mqtt: number;
    readonly stomp: number;
    readonly ws: number;
    readonly http: number;
  };
}

/** Options are those of `createBroker`; `listen` may be narrowed when a test needs but one protocol. */
export async function startTestBroker(options: BrokerOptions = {}): Promise<TestBroker> {
  const listen = ['amqp', 'mqtt', 'stomp', 'ws', 'http'].map((name) => `${name}://127.0.0.1:0`);
  const running = await createBroker({ listen, ...options });
  const port = (name: string): number => running.listeners.find((l) => l.name.split('+').includes(name))?.port ?? 0;
  const ports = {
    amqp: port('amqp'),
    mqtt: port('mqtt'),
    stomp: port('stomp'),
    ws: port('ws'),
    http: port('http'),
  };
  return Object.assign(running, { ports });
}
