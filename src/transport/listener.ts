/**
 * A listener: one host and port. It binds, says in one line why it could not, and stops; the sockets belong to the server that
 * it is given.
 *
 * The host `localhost` means this machine by either family: 127.0.0.1, and ::1 where the machine has it, on the same port.
 */
import type { Server } from 'node:net';
import type { Endpoint } from '../api/endpoint.ts';
import { BrokerError } from '../message/errors.ts';
import { plainAddress } from './address.ts';

/** How many connections the kernel keeps for us while we are busy: a fleet that reconnects comes all at once. */
const BACKLOG = 4_096;

export interface ListenerOptions {
  /** What an operator calls it, and what stands before `://` in the advice of an error. */
  readonly name: string;
  /** An address or name of this machine; `*` for all of them. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** What is promised to those who come in here; only shown. */
  readonly durability?: 'fsync' | 'interval' | 'none' | undefined;
  /** Makes a server that is not yet listening; called once an address. */
  readonly createServer: () => Server;
}

export class Listener {
  readonly name: string;
  /** As it was asked for. */
  readonly host: string;
  /** The actual one. */
  readonly port: number;
  /** Every address that is bound. */
  readonly addresses: readonly Endpoint[];
  readonly durability: ListenerOptions['durability'];
  private readonly servers: readonly Server[];

  private constructor(options: ListenerOptions, servers: readonly Server[]) {
    this.name = options.name;
    this.host = options.host;
    this.durability = options.durability;
    this.servers = servers;
    this.addresses = servers.map((server) => {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('a listener without an address');
      return { address: plainAddress(address.address), port: address.port };
    });
    this.port = this.addresses[0]!.port;
  }

  /** Throws a BrokerError whose text an operator can act on. */
  static async open(options: ListenerOptions): Promise<Listener> {
    if (options.host !== 'localhost') {
      const server = options.createServer();
      await bind(server, options, options.host, options.port);
      return new Listener(options, [server]);
    }
    const first = options.createServer();
    await bind(first, options, '127.0.0.1', options.port);
    const listener = new Listener(options, [first]);
    const second = options.createServer();
    try {
      await bind(second, options, '::1', listener.port);
    } catch (error) {
      // No IPv6 on this machine; or a port that was picked at random happens to be taken in the other family.
      if (error instanceof BindError && (error.noSuchAddress || options.port === 0)) return listener;
      await listener.stop();
      throw error;
    }
    return new Listener(options, [first, second]);
  }

  /** Stops accepting at once; resolves when it is done, and an HTTP server's sockets are gone. */
  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => new Promise<void>((resolve) => void server.close(() => resolve()))));
  }
}

class BindError extends BrokerError {
  readonly noSuchAddress: boolean;

  constructor(text: string, noSuchAddress: boolean) {
    super('unavailable', text);
    this.noSuchAddress = noSuchAddress;
  }
}

function bind(server: Server, options: ListenerOptions, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const noSuchAddress = error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT';
      reject(new BindError(explain(options, host, port, error), noSuchAddress));
    };
    server.once('error', failed);
    server.listen({ host: host === '*' ? undefined : host, port, backlog: BACKLOG }, () => {
      server.removeListener('error', failed);
      // Later trouble (no file descriptor left to accept with) concerns one client, never the process.
      server.on('error', () => {});
      resolve();
    });
  });
}

function explain(options: ListenerOptions, host: string, port: number, error: NodeJS.ErrnoException): string {
  const shown = options.host.includes(':') ? `[${options.host}]` : options.host;
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use by another program; choose another with --listen ${options.name}://${shown}:PORT`;
    case 'EACCES':
      return `not permitted to listen on port ${port} on ${host}; choose one above 1023 with --listen ${options.name}://${shown}:PORT`;
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return `${host} is not an address of this machine; choose another with --listen ${options.name}://HOST:${port}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name ${host} has no address; choose another with --listen ${options.name}://HOST:${port}`;
    default:
      return `cannot listen on port ${port} on ${host}: ${error.message}`;
  }
}
