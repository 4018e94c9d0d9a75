/** The adapter on a socket before a core in memory, nothing else: options, clock and counters are the test's own. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { type StompOptions, type StompProtocol, stomp } from '../../../protocols/stomp/index.ts';
import type { ConnectionHandler } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import { Broker } from '../../../src/broker/broker.ts';
import type { StartOptions } from '../../../src/broker/options.ts';
import { NO_LOGGER } from '../../../src/logger.ts';
import type { Dialect } from '../../../src/message/dialect.ts';
import { MemoryBudget } from '../../../src/transport/memory-budget.ts';
import { TcpTransport, tcpServer } from '../../../src/transport/tcp.ts';
import { RawClient } from './raw-client.ts';

/** Stands for another protocol: its property bytes are JSON of the neutral form. */
export const OTHER_DIALECT: Dialect = {
  id: 200,
  name: 'other',
  decode: (view) => JSON.parse(view.props.toString('utf8', view.propsStart, view.propsEnd)),
};

/** What no client can see of its connection, for tests that must know when something has come. */
export interface ConnectionInternals {
  readonly gate: { readonly reasons: number };
  readonly input: { readonly large: object | null };
  readonly client: { readonly receipts: { readonly owed: number; readonly behindBody: number } } | null;
  readonly timers: { readonly received: boolean };
}

export class StompHarness {
  readonly broker: Broker;
  readonly protocol: StompProtocol;
  readonly handlers: ConnectionHandler[] = [];
  private readonly server = tcpServer((socket) => this.accept(socket));
  private readonly sockets = new Set<Socket>();

  private constructor(broker: Broker, protocol: StompProtocol) {
    this.broker = broker;
    this.protocol = protocol;
  }

  static async start(options: StompOptions = {}, start: Partial<StartOptions> = {}): Promise<StompHarness> {
    const protocol = stomp(options);
    const logger = {
      ...NO_LOGGER,
      error: (fields: object) => {
        if ('err' in fields) throw fields.err;
      },
    };
    const dialects = [protocol.dialect, OTHER_DIALECT];
    const broker = await Broker.start({ dataDirectory: null, dialects, logger, ...start });
    const harness = new StompHarness(broker, protocol);
    harness.server.listen(0, '127.0.0.1');
    await once(harness.server, 'listening');
    return harness;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get stats(): StompProtocol['stats'] {
    return this.protocol.stats;
  }

  /** Of the connection that was accepted as number `index`, from 0; negative from the last one on. */
  internals(index = 0): ConnectionInternals {
    return this.handlers.at(index) as unknown as ConnectionInternals;
  }

  open(version = '1.2', more: Record<string, string> = {}): Promise<RawClient> {
    return RawClient.open(this.port, version, more);
  }

  /** A session that speaks to the core directly, as another adapter would. */
  session(): Promise<Session> {
    return new Promise((resolve, reject) => {
      const request = { client: 'test', loopback: true, user: undefined, password: undefined, vhost: undefined };
      this.broker.open(request, { uncongested() {}, kicked() {} }, (result) => {
        if ('refused' in result) reject(new Error(result.reason));
        else resolve(result);
      });
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await this.broker.close();
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    const transport = new TcpTransport(
      {
        ...this.broker,
        logger: NO_LOGGER,
        unfinished: new MemoryBudget(this.broker.turn, Number.POSITIVE_INFINITY),
        unsent: new MemoryBudget(this.broker.turn, Number.POSITIVE_INFINITY),
      },
      socket,
    );
    const handler = this.protocol.accept(transport, this.broker);
    this.handlers.push(handler);
    transport.attach(handler);
  }
}
