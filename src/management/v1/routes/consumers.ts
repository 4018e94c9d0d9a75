/** Consumers of queues, of all protocols. */
import { z } from 'zod';
import type { Endpoint } from '../../../api/endpoint.ts';
import type { ConsumerView } from '../../../operator/connections.ts';
import type { OldestHeld } from '../../../operator/rates/held-since.ts';
import { hasTag } from '../../http/tags.ts';
import { type Operation, operation } from '../http/operation.ts';
import { json } from '../http/replies.ts';
import { OLDEST, oldestShape } from '../shapes/oldest-held.ts';
import { LISTED, PAGE } from '../shapes/paging.ts';

const CONSUMER = z.object({
  vhost: z.string(),
  queue: z.string(),
  tag: z.string(),
  user: z.string(),
  protocol: z.string(),
  connection: z.string().describe('Both its ends, as RabbitMQ’s API names connections.'),
  channel: z.number().int(),
  activity: z.enum(['up', 'single-active', 'waiting']).describe('`waiting`: another one is the single active one.'),
  settles: z.boolean().describe('It says how its deliveries end.'),
  held: z.number().int().describe('Deliveries that it has not settled.'),
  prefetch: z.number().int().describe('How many it may hold; 0: any number.'),
  ...OLDEST,
});

function consumerShape(view: ConsumerView, oldest: OldestHeld | undefined): z.output<typeof CONSUMER> {
  const { vhost, queue, tag, channel, activity, held, prefetch, connection } = view;
  const { remote, local, user, report } = connection;
  return {
    ...{ vhost, queue, tag, user, protocol: report.protocol },
    connection: `${end(remote)} -> ${end(local)}`,
    ...{ channel, activity, settles: !view.settled, held, prefetch },
    ...oldestShape(oldest),
  };
}

function end({ address, port }: Endpoint): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

export const CONSUMERS: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/consumers',
    id: 'listConsumers',
    group: 'Consumers',
    summary: 'Lists who takes messages from queues, and what each holds.',
    description: 'Of vhosts that the user may enter; without the tag `monitoring` only her own.',
    access: 'management',
    query: z.strictObject({
      ...PAGE,
      name: z.string().max(255).optional().describe('Only those of queues whose name holds this.'),
      vhost: z.string().max(255).optional(),
    }),
    answer: z.object({ consumers: z.array(CONSUMER), ...LISTED }),
    handle: async ({ operator, identity, query: { skip, limit, name, vhost } }) => {
      const scope = operator.vhosts.names.filter(
        (one) => (vhost === undefined || one === vhost) && operator.mayEnter(identity, one),
      );
      const all = hasTag(identity.tags, 'monitoring');
      const page = await operator.connections.consumers.page(scope, {
        ...{ skip, take: limit },
        ...(!all && { visible: (view: ConsumerView) => view.connection.user === identity.user }),
        ...(name !== undefined && { filter: (view: ConsumerView) => view.queue.includes(name) }),
      });
      // A queue that several of them are of is looked at once.
      const oldest = new Map<string, ReturnType<typeof operator.connections.oldestHeld>>();
      const consumers = page.items.map((view) => {
        const key = JSON.stringify([view.vhost, view.queue]);
        let known = oldest.get(key);
        if (known === undefined) {
          known = view.held === 0 ? new Map() : operator.connections.oldestHeld(view.vhost, view.queue);
          if (view.held > 0) oldest.set(key, known);
        }
        return consumerShape(view, view.oldestHeld(known));
      });
      return json({ consumers, total: page.total, matching: page.filtered });
    },
  }),
];
