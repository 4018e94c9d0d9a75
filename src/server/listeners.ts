/** Everything that a broker listens on: opened one after the other, and stopped together. */
import type { Server } from 'node:net';
import { formatListen, type ListenAddress, listenName } from '../config/listen.ts';
import { BrokerError } from '../message/errors.ts';
import { Listener } from '../transport/listener.ts';

/** Several of the addresses cannot be listened on; each problem is one line. */
class NotListening extends BrokerError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('unavailable', problems.join('; '));
    this.problems = problems;
  }
}

export class Listeners {
  /** In the order in which they were asked for. */
  readonly all: Listener[] = [];
  private readonly serverFor: (address: ListenAddress) => Server;

  /** @param serverFor makes a server that is not yet listening; called once for each address that is bound */
  constructor(serverFor: (address: ListenAddress) => Server) {
    this.serverFor = serverFor;
  }

  /**
   * Opens all of them.
   * @throws BrokerError unavailable, with a line in `problems` for each that could not be opened; the others are open then
   */
  async open(addresses: readonly ListenAddress[]): Promise<void> {
    const problems: string[] = [];
    for (const address of addresses) {
      try {
        await this.openOne(address);
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error;
        problems.push(this.ownHolder(address) ?? error.message);
      }
    }
    if (problems.length > 0) throw new NotListening(problems);
  }

  /** The port of the first listener that serves this protocol. @throws BrokerError not-found */
  port(protocol: string): number {
    const listener = this.all.find((l) => l.name.split('+').includes(protocol));
    if (listener === undefined) throw new BrokerError('not-found', `nothing listens for ${protocol}`);
    return listener.port;
  }

  /** Stops accepting at once; resolves when the servers are closed. */
  async stop(): Promise<void> {
    await Promise.all(this.all.map((listener) => listener.stop()));
  }

  private async openOne(address: ListenAddress): Promise<void> {
    this.all.push(
      await Listener.open({
        name: listenName(address),
        host: address.host,
        port: address.port,
        durability: address.durability,
        createServer: () => this.serverFor(address),
      }),
    );
  }

  /** Says so if what holds the port is this broker itself. */
  private ownHolder({ host, port }: ListenAddress): string | undefined {
    const other = this.all.find((listener) => listener.port === port);
    if (port === 0 || other === undefined) return undefined;
    const held = formatListen({ protocols: [other.name], host: other.host, port });
    return `port ${port} on ${host} is listened on already, as ${held}; to serve several protocols on one port join them: amqp+mqtt://HOST:${port}`;
  }
}
