/**
 * Ways to a listener other than bare TCP, for clients that know only that: a port of the loopback whose bytes go on over TLS,
 * WebSocket, or WebSocket over TLS. When one side ends or breaks off, so does the other.
 *
 *     const tunnels = new Tunnels();
 *     const port = await tunnels.open(overTls(securePort, ca));
 *     … a client of any protocol dials `port` …
 *     await tunnels.close();
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as dialTls } from 'node:tls';
import { createWebSocketStream, WebSocket } from 'ws';

/** Opens the way for one client; what is written before it is open waits. */
export type Dial = () => Duplex;

/** @param ca the certificate of who signed the listener's, which is for `localhost` */
export function overTls(port: number, ca: Buffer): Dial {
  return () => dialTls({ host: '127.0.0.1', port, servername: 'localhost', ca });
}

/** @param ca as of overTls; undefined: without TLS */
export function overWebSocket(port: number, subProtocol: string, ca?: Buffer): Dial {
  const url = `${ca === undefined ? 'ws' : 'wss'}://localhost:${port}/ws`;
  return () => createWebSocketStream(new WebSocket(url, subProtocol, ca === undefined ? {} : { ca }));
}

export class Tunnels {
  private readonly servers: Server[] = [];
  private readonly ends = new Set<Duplex>();

  /** The port that clients dial. */
  async open(dial: Dial): Promise<number> {
    const server = createServer({ noDelay: true }, (client) => this.join(client, dial()));
    this.servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const end of this.ends) end.destroy();
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  private join(client: Socket, beyond: Duplex): void {
    for (const [from, to] of [
      [client, beyond],
      [beyond, client],
    ] as const) {
      this.ends.add(from);
      from.pipe(to);
      // Who breaks off is heard of as an error or, if it was rude, only by its close.
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.ends.delete(from);
        if (!from.readableEnded) to.destroy();
      });
    }
  }
}
