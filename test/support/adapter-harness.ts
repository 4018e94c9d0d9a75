/** An adapter on a socket before a core in memory, nothing else: options, clock and counters are the test's own. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { ConnectionHandler, Dialect, Protocol, Session } from '../../src/api/index.ts';
import { Broker } from '../../src/broker/broker.ts';
import type { StartOptions } from '../../src/broker/options.ts';
import { NO_LOGGER } from '../../src/logger.ts';
import { MemoryBudget } from '../../src/transport/memory-budget.ts';
import { TcpTransport, tcpServer } from '../../src/transport/tcp.ts';

export class AdapterHarness<P extends Protocol> {
  readonly broker: Broker;
  readonly protocol: P;
  readonly handlers: ConnectionHandler[] = [];
  private readonly server = tcpServer((socket) => this.accept(socket));
  private readonly sockets = new Set<Socket>();

  protected constructor(broker: Broker, protocol: P) {
    this.broker = broker;
    this.protocol = protocol;
  }

  /** A broker in memory that throws the faults it reports. @param other the dialect of a protocol that is not there */
  protected static startBroker(protocol: Protocol, other: Dialect, start: Partial<StartOptions>): Promise<Broker> {
    const logger = {
      ...NO_LOGGER,
      error: (fields: object) => {
        if ('err' in fields) throw fields.err;
      },
    };
    return Broker.start({ dataDirectory: null, dialects: [protocol.dialect, other], logger, ...start });
  }

  protected async listen(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
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
        departures: this.broker.turn.work.share(),
      },
      socket,
    );
    const handler = this.protocol.accept(transport, this.broker);
    this.handlers.push(handler);
    transport.attach(handler);
  }
}
