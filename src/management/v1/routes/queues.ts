/** Queues: what there is, paused and resumed. */
import { z } from 'zod';
import type { QueueView } from '../../../operator/queues.ts';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { json } from '../http/replies.ts';
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
    handle: (asked) => {
      const { vhost } = asked;
      const found = asked.operator.queues.find(vhost, asked.param('queue'));
      if (found === undefined)
        throw new Problem(404, 'not-found', `no queue '${asked.param('queue')}' in vhost '${vhost}'`);
      return json(queueShape(found));
    },
  }),
  pausing(true),
  pausing(false),
];
