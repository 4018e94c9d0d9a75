/**
 * Answers upgrade requests (RFC 6455, 4.2): the sub-protocol or the path says which adapters may speak on the new socket.
 *
 *     sub-protocol offered, and in the table      ──▶ that adapter
 *     sub-protocol offered, none in the table     ──▶ 400, naming those that are
 *     none offered                                ──▶ the adapters of the path; with several, the first bytes decide
 *     a path that is not in the table             ──▶ 404
 *     a request that is no upgrade                ──▶ 426
 *     too many connections are open               ──▶ 503
 *
 *     a page of an origin that is not listed      ──▶ 403
 *
 * Unless origins are listed, pages of any may connect, as with other brokers: a client shows who it is inside the protocol, not by a cookie
 * that a browser would add for a foreign page. But a page of another site is no client from this machine, wherever its browser is.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { isMadeHere, type Peer, peerOf } from '../../../src/api/index.ts';
import { MESSAGE_SIZE_MAX, REQUEST_TIMEOUT_MS, type SubProtocol, type WebSocketOptions } from '../options.ts';
import { Origins } from './origins.ts';
import { type MessageKind, WebSocketTransport } from './transport.ts';

const FULL = 'too many connections are open';
/** How often the server looks for requests that take too long. */
const CHECK_MS = 500;

export class WebSocketUpgrades {
  private readonly options: WebSocketOptions;
  private readonly webSocketServer: WebSocketServer;
  private readonly origins: Origins;

  constructor(options: WebSocketOptions) {
    this.options = options;
    this.origins = new Origins(options.origins ?? []);
    this.webSocketServer = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.messageSizeMax ?? MESSAGE_SIZE_MAX,
      handleProtocols: (offered) => this.choose(offered)?.name ?? false,
    });
  }

  /** A server for WebSockets alone. */
  createServer(): Server {
    const { connections, requestTimeoutMs = REQUEST_TIMEOUT_MS } = this.options;
    const timeouts = { headersTimeout: requestTimeoutMs, requestTimeout: requestTimeoutMs };
    const server = createServer({ ...timeouts, connectionsCheckingInterval: CHECK_MS }, (_request, response) => {
      response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain' });
      response.end(`This port speaks WebSocket, on ${[...this.options.paths.keys()].join(', ')}.\n`);
    });
    server.prependListener('connection', (socket: Socket) => {
      if (connections.reserve(socket)) return;
      // Nothing it says is waited for.
      refuse(socket, '503 Service Unavailable', FULL);
      socket.destroySoon();
    });
    this.attach(server);
    return server;
  }

  /** Takes the upgrade requests of an HTTP server. */
  attach(server: Server): void {
    server.on('upgrade', (request, socket, head) => this.upgrade(request, socket as Socket, head));
  }

  private upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    if (socket.writableEnded) return;
    const { connections, paths, subProtocols } = this.options;
    const candidates = paths.get(pathOf(request));
    if (candidates === undefined) {
      refuse(socket, '404 Not Found', `WebSocket is served on ${[...paths.keys()].join(', ')}`);
      return;
    }
    if (!this.origins.allow(request.headers.origin)) {
      refuse(socket, '403 Forbidden', 'pages of this origin may not connect');
      return;
    }
    const offered = offeredBy(request);
    if (offered.size > 0 && this.choose(offered) === undefined) {
      const known = subProtocols.map((s) => s.name).join(', ');
      refuse(socket, '400 Bad Request', `none of the offered sub-protocols is spoken here; these are: ${known}`);
      return;
    }
    if (!connections.mayAdmit(socket)) {
      refuse(socket, '503 Service Unavailable', FULL);
      return;
    }
    this.webSocketServer.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      const chosen = subProtocols.find((s) => s.name === webSocket.protocol);
      const kind: MessageKind = chosen?.kind ?? 'mirror';
      const transport = new WebSocketTransport(
        connections.services,
        webSocket,
        socket,
        kind,
        this.peerOf(request, socket),
      );
      connections.unreserve(socket);
      connections.admit(transport, chosen === undefined ? candidates : [chosen.protocol]);
    });
  }

  private peerOf({ headers }: IncomingMessage, socket: Socket): Peer {
    const peer = peerOf(socket);
    const { origin } = headers;
    const isListed = origin !== undefined && this.origins.lists(origin);
    return { ...peer, loopback: peer.loopback && isMadeHere(headers, isListed) };
  }

  /** The client's first choice that is known. */
  private choose(offered: ReadonlySet<string>): SubProtocol | undefined {
    for (const name of offered) {
      const known = this.options.subProtocols.find((s) => s.name === name);
      if (known !== undefined) return known;
    }
    return undefined;
  }
}

function pathOf(request: IncomingMessage): string {
  const path = (request.url ?? '/').split('?', 1)[0]!;
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function offeredBy(request: IncomingMessage): Set<string> {
  const header = request.headers['sec-websocket-protocol'] ?? '';
  return new Set(
    header
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );
}

function refuse(socket: Socket, status: string, reason: string): void {
  const body = `${reason}\n`;
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
