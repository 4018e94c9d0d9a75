/**
 * The paths of metrics, in Prometheus' text format:
 *
 *     GET /metrics                               everything, added up; our own names
 *     GET /metrics?family=queues[&top=N|all]     a series for each of the 100 queues in which most waits, or as many as are asked for
 *     GET /metrics?prefix=rabbitmq               everything, added up; RabbitMQ's names
 *     GET /metrics/per-object                    the same, and a series for each queue, channel and connection
 *     GET /metrics/detailed?family=F&vhost=V     RabbitMQ's families of these groups, in these vhosts; both may be repeated
 */
import { type Context, Hono } from 'hono';
import { CONTENT_TYPE } from './exposition.ts';
import { type Answer, LARGEST_QUEUES, type Metrics, type Stream } from './metrics.ts';

export function metricsRoutes(metrics: Metrics): Hono {
  const routes = new Hono();
  const send = (context: Context, answer: Answer | Stream): Response =>
    context.body(answer, 200, { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' });

  routes.get('/', async (context) => {
    const { family, prefix, top } = context.req.query();
    if (prefix !== undefined && prefix !== 'rabbitmq') {
      return context.text(`There is no prefix '${prefix}'; there is 'rabbitmq'\n`, 404);
    }
    if (prefix !== undefined) return send(context, await metrics.rabbitmqText());
    if (family === undefined) return send(context, await metrics.text());
    if (family !== 'queues') return context.text(`There is no family '${family}'; there is 'queues'\n`, 404);
    if (top === 'all') return send(context, metrics.allQueues());
    const max = top === undefined ? LARGEST_QUEUES : /^\d{1,3}$/.test(top) ? Number(top) : undefined;
    if (max === undefined) return context.text(`'top' is a number up to 999, or 'all'\n`, 400);
    return send(context, await metrics.largestQueuesText(max));
  });
  routes.get('/per-object', async (context) => send(context, await metrics.perObject()));
  routes.get('/detailed', async (context) => {
    const { family = [], vhost = [] } = context.req.queries();
    return send(context, await metrics.detailed(family, vhost));
  });
  return routes;
}
