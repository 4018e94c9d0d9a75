/** Queues: what there is, paused and resumed. */
import { z } from 'zod';
import type { Endpoint } from '../../../api/endpoint.ts';
import type { ConsumerView } from '../../../operator/connections.ts';
import type { QueueView } from '../../../operator/queues.ts';
import type { OldestHeld } from '../../../operator/rates/held-since.ts';
import { hasTag } from '../../http/tags.ts';
import type { Asked } from '../http/asked.ts';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { json } from '../http/replies.ts';
import { OLDEST, oldestShape } from '../shapes/oldest-held.ts';
import { LISTED, PAGE } from '../shapes/paging.ts';

const QUEUE = z.object({
  name: z.string(),
  vhost: z.string(),
  type: z.enum(['classic', 'quorum']),
  durable: z.boolean(),
  exclusive: z.boolean(),
  autoDelete: z.boolean(),
  paused: z.boolean(),
  ready: z.number().int().describe('Messages that wait.'),
  unsettled: z.number().int().describe('Messages that consumers hold.'),
  consumers: z.number().int(),
});

function queueShape(view: QueueView): z.output<typeof QUEUE> {
  const { options } = view;
  return {
    name: view.name,
    vhost: view.vhost,
    type: view.type,
    durable: options.durable,
    exclusive: options.exclusive,
    autoDelete: options.autoDelete,
    paused: view.paused,
    ready: view.ready,
    unsettled: view.unsettled,
    consumers: view.consumerCount,
  };
}

const PAUSED = z.object({ paused: z.boolean(), changed: z.boolean().describe('False: it was so already.') });
const KEPT =
  'Publishing goes on, limits and times to live hold. What consumers hold may be settled. That of a durable queue is kept through a restart. Asks for the permission to configure the queue.';

const CONSUMER = z.object({
  tag: z.string(),
  client: z.string().describe('The far end of its connection, `ADDRESS:PORT`.'),
  listener: z.string().describe('The near one.'),
  channel: z.number().int(),
  user: z.string(),
  activity: z
    .enum(['up', 'single-active', 'waiting'])
    .describe('`waiting`: another one is the queue’s single active one.'),
  settles: z.boolean().describe('Its deliveries wait to be settled.'),
  prefetch: z.number().int().describe('That it may hold; 0: any number.'),
  held: z.number().int().describe('Messages that it has and has not settled.'),
  holdMs: z.number().int().describe('For how long it may hold one; 0: for ever.'),
  ...OLDEST,
});

function consumerShape(view: ConsumerView, oldest: OldestHeld | undefined): z.output<typeof CONSUMER> {
  const { tag, connection, channel, activity, settled, prefetch, held, settleTimeoutMs } = view;
  return {
    ...{ tag, client: end(connection.remote), listener: end(connection.local), channel, user: connection.user },
    ...{ activity, settles: !settled, prefetch, held, holdMs: settleTimeoutMs },
    ...oldestShape(oldest),
  };
}

function end({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** @throws Problem 404 */
function queueOf(asked: Asked<unknown, unknown>): QueueView {
  const { vhost } = asked;
  const found = asked.operator.queues.find(vhost, asked.param('queue'));
  if (found !== undefined) return found;
  throw new Problem(404, 'not-found', `no queue '${asked.param('queue')}' in vhost '${vhost}'`);
}

function pausing(paused: boolean): Operation {
  return operation({
    method: 'POST',
    path: `/vhosts/{vhost}/queues/{queue}/${paused ? 'pause' : 'resume'}`,
    id: paused ? 'pauseQueue' : 'resumeQueue',
    group: 'Queues',
    summary: paused ? 'Stops a queue handing out messages.' : 'Has a queue that is paused hand out messages again.',
    ...(paused && { description: KEPT }),
    access: 'management',
    answer: PAUSED,
    handle: async (asked) => {
      const { vhost, queue } = await asked.permittedQueue('configure');
      return json({ paused, changed: await asked.operator.queues.setPaused(vhost, queue, paused) });
    },
  });
}

export const QUEUES: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/queues',
    id: 'listQueues',
    group: 'Queues',
    summary: 'Lists queues of a vhost by name.',
    access: 'management',
    query: z.strictObject({
      ...PAGE,
      name: z.string().max(255).optional().describe('Only those whose names hold this.'),
      paused: z.enum(['true', 'false']).optional().describe('Only those that are, or are not.'),
    }),
    answer: z.object({ queues: z.array(QUEUE), ...LISTED }),
    handle: async (asked) => {
      const { skip, limit, name, paused } = asked.query;
      const wants =
        name === undefined && paused === undefined
          ? undefined
          : (view: QueueView) =>
              (name === undefined || view.name.includes(name)) &&
              (paused === undefined || view.paused === (paused === 'true'));
      const page = await asked.operator.queues.list.page([asked.vhost], { skip, take: limit, filter: wants });
      return json({ queues: page.items.map(queueShape), total: page.total, matching: page.filtered });
    },
  }),
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/queues/{queue}',
    id: 'getQueue',
    group: 'Queues',
    summary: 'Shows a queue.',
    access: 'management',
    answer: QUEUE,
    handle: (asked) => json(queueShape(queueOf(asked))),
  }),
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/queues/{queue}/consumers',
    id: 'listQueueConsumers',
    group: 'Queues',
    summary: 'Lists consumers of a queue, those that hold most first.',
    description: 'Without the tag `monitoring` only one’s own, as `/consumers`.',
    access: 'management',
    query: z.strictObject(PAGE),
    answer: z.object({ consumers: z.array(CONSUMER), total: LISTED.total }),
    handle: (asked) => {
      const { skip, limit } = asked.query;
      const { identity } = asked;
      const seesAll = hasTag(identity.tags, 'monitoring');
      const all = queueOf(asked)
        .consumers()
        .filter(({ connection }) => seesAll || connection.user === identity.user);
      all.sort((a, b) => b.held - a.held);
      const oldest = asked.operator.connections.oldestHeld(asked.vhost, asked.param('queue'));
      const consumers = all.slice(skip, skip + limit).map((view) => consumerShape(view, view.oldestHeld(oldest)));
      return json({ consumers, total: all.length });
    },
  }),
  pausing(true),
  pausing(false),
];
