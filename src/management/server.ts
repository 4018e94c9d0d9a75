/** The HTTP server that an app runs on. */
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';

/** How long a client may take to send its request. */
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 1_000;

export function managementServer(app: Hono): Server {
  // An embedder's global Request and Response stay as they are.
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.maxConnections = CONNECTIONS_MAX;
  return server;
}
