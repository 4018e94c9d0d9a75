/**
 * The HTTP port's resources: what this is, whether it is well, and its metrics. Everything else is 404.
 *
 *     GET /         the console (`console.ts`) for who takes text/html, as browsers do; a line of text for others
 *     GET /assets/… what belongs to it
 *     GET /healthz  200 {"status":"ok","version":"0.1.0","uptimeS":12}
 *                   503 {"status":"stopping"|"failed", …, "reason":"…"} while stopping, or when nothing can be confirmed
 *     /api/…        RabbitMQ's HTTP API (`rabbitmq/`), which asks for a login
 *     /v1/…         our own API (`v1/`), which asks for the same; GET /v1/ describes it
 *     GET /metrics  200 in Prometheus' text format; the paths and queries: metrics/routes.ts
 *
 * All but the APIs answer anyone who reaches the port, and so say nothing about messages or users; the metrics name vhosts, and
 * queues where those are asked for. Long answers are compressed for whoever takes gzip.
 */
import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import type { Clock } from '../clock/clock.ts';
import { peerOf } from '../transport/peer.ts';
import { PRODUCT, VERSION } from '../version.ts';
import { ConsoleFiles } from './console.ts';
import type { Health } from './health.ts';
import type { HttpApi } from './http/api.ts';
import { compressed } from './http/compressed.ts';
import { saysWhatItIs } from './http/headers.ts';
import type { Metrics } from './metrics/metrics.ts';
import { metricsRoutes } from './metrics/routes.ts';

export type ManagementApp = Hono<{ Bindings: HttpBindings }>;

type Answering = Pick<HttpApi<never>, 'covers' | 'answer'>;

export function managementApp(
  clock: Clock,
  health: () => Health,
  metrics?: Metrics,
  apis: readonly Answering[] = [],
  files: ConsoleFiles = new ConsoleFiles(),
): ManagementApp {
  const app: ManagementApp = new Hono();
  app.use(saysWhatItIs, compressed);
  const startedMs = clock.monotonicMs();
  app.get('/', async (context) => {
    const { req } = context;
    const page = /\btext\/html\b/.test(req.header('accept') ?? '')
      ? await files.answer('', req.header('accept-encoding') ?? '')
      : undefined;
    return (
      page ??
      context.text(
        `${PRODUCT} ${VERSION}, a message broker. Whether it is well: GET /healthz. What it does: GET /metrics\n`,
        200,
        { vary: 'accept' },
      )
    );
  });
  const file = async ({ req, notFound }: Context): Promise<Response> =>
    (await files.answer(req.path.slice(1), req.header('accept-encoding') ?? '')) ?? (await notFound());
  app.get('/assets/:name', file).get('/icon.svg', file);
  app.get('/healthz', (context) => {
    const now = health();
    const uptimeS = Math.floor((clock.monotonicMs() - startedMs) / 1_000);
    const body = { status: now.status, version: VERSION, uptimeS, ...(now.reason && { reason: now.reason }) };
    return context.json(body, now.status === 'ok' ? 200 : 503, { 'cache-control': 'no-store' });
  });
  if (metrics !== undefined) app.route('/metrics', metricsRoutes(metrics));
  for (const api of apis) {
    app.use(async ({ env, req }, next) => {
      const { url = '', socket } = env.incoming;
      return api.covers(url) ? api.answer(req.raw, url, peerOf(socket)) : next();
    });
  }
  app.notFound((context) => context.text('There is nothing here. Try GET /healthz or GET /metrics\n', 404));
  return app;
}
