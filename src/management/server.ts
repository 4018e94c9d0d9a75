/** The HTTP server that an app runs on. */
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { HttpSockets } from './sockets.ts';

/** Milliseconds. */
export interface HttpTimeouts {
  /** For a client to send a request's head, from its connecting or its last answer on, and all of it. */
  readonly head: number;
  readonly request: number;
  /** Between requests. */
  readonly idle: number;
  /** In which nothing moves, because the client does not read its answer. */
  readonly stuck: number;
  /** How often it is looked at. */
  readonly check: number;
}

const TIMEOUTS: HttpTimeouts = { head: 5_000, request: 10_000, idle: 5_000, stuck: 10_000, check: 500 };
const REQUESTS_A_SOCKET = 1_000;

/** What answers requests; a Hono app fits. */
interface Answering {
  readonly fetch: Parameters<typeof getRequestListener>[0];
}

export function managementServer(app: Answering, sockets: HttpSockets, timeouts = TIMEOUTS): Server {
  const server = createServer({
    connectionsCheckingInterval: timeouts.check,
    headersTimeout: timeouts.head,
    requestTimeout: timeouts.request,
    keepAliveTimeout: timeouts.idle,
  });
  server.timeout = timeouts.stuck;
  // Others are being worked on, or wait for what they asked for: the time begins anew as soon as something moves.
  server.on('timeout', (socket) => {
    if (sockets.isStuck(socket)) socket.destroy();
  });
  server.maxRequestsPerSocket = REQUESTS_A_SOCKET;
  // An embedder's global Request and Response stay as they are.
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  sockets.serve(server, (request, response) => void listener(request, response));
  return server;
}
