/** The adapter on a socket before a core in memory, nothing else: options, clock and counters are the test's own. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { type RedisOptions, type RedisProtocol, redis } from '../../../protocols/redis/index.ts';
import type { ConnectionHandler, Dialect, Session } from '../../../src/api/index.ts';
import { Broker } from '../../../src/broker/broker.ts';
import type { StartOptions } from '../../../src/broker/options.ts';
import { NO_LOGGER } from '../../../src/logger.ts';
import { MemoryBudget } from '../../../src/transport/memory-budget.ts';
import { TcpTransport, tcpServer } from '../../../src/transport/tcp.ts';
import { encode, RawClient } from './raw-client.ts';

/** Stands for another protocol. */
export const OTHER_DIALECT: Dialect = { id: 200, name: 'other', decode: () => ({ headers: [] }) };

export class RedisHarness {
  readonly broker: Broker;
  readonly protocol: RedisProtocol;
  readonly handlers: ConnectionHandler[] = [];
  private readonly server = tcpServer((socket) => this.accept(socket));
  private readonly sockets = new Set<Socket>();

  private constructor(broker: Broker, protocol: RedisProtocol) {
    this.broker = broker;
    this.protocol = protocol;
  }

  static async start(options: RedisOptions = {}, start: Partial<StartOptions> = {}): Promise<RedisHarness> {
    const protocol = redis(options);
    const logger = {
      ...NO_LOGGER,
      error: (fields: object) => {
        if ('err' in fields) throw fields.err;
      },
    };
    const dialects = [protocol.dialect, OTHER_DIALECT];
    const broker = await Broker.start({ dataDirectory: null, dialects, logger, ...start });
    const harness = new RedisHarness(broker, protocol);
    harness.server.listen(0, '127.0.0.1');
    await once(harness.server, 'listening');
    return harness;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get stats(): RedisProtocol['stats'] {
    return this.protocol.stats;
  }

  open(): Promise<RawClient> {
    return RawClient.open(this.port);
  }

  /** One that speaks RESP3. */
  async open3(): Promise<RawClient> {
    const client = await this.open();
    client.write(encode('HELLO', '3'));
    await client.next();
    return client;
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
