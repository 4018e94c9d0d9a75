/** Delayed messages: those that wait for their time, the next first, and taken out before it. */
import { z } from 'zod';
import type { DelayedView } from '../../../operator/delayed.ts';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { json, nothing } from '../http/replies.ts';

const DELAYED = z.object({
  position: z
    .number()
    .int()
    .describe('Its place in the order of arrival: by this it is dropped, and its passport asked for.'),
  dueAt: z.iso.datetime(),
  durable: z.boolean().describe('It outlives the broker.'),
  readable: z.boolean().describe('False: it lies where it cannot be read, and stays there.'),
  origin: z.string().optional().describe("Whose it is, for bindings that leave out what a queue's owner publishes."),
  exchange: z
    .string()
    .optional()
    .describe('Where it will be routed; empty: the default one, whose keys are names of queues.'),
  routingKeys: z.array(z.string()).optional().describe('As they are bound; one, or all of a message that has several.'),
  messageId: z.string().optional(),
  bodyBytes: z.number().int().optional(),
  persistent: z.boolean().optional(),
  publishedAt: z.iso.datetime().optional(),
});

const AFTER = z
  .string()
  .regex(/^\d{1,16}:\d{1,15}$/, 'is what `next` has said')
  .optional()
  .describe('Goes on behind this one, as `next` says.');

function shape({ position, dueAtMs, durable, origin, message }: DelayedView): z.output<typeof DELAYED> {
  const about = {
    ...{ position, dueAt: new Date(dueAtMs).toISOString(), durable, readable: message !== undefined },
    ...(origin !== '' && { origin }),
  };
  if (message === undefined) return about;
  const { messageId, publishedAtMs, routingKeys, ...rest } = message;
  return {
    ...{ ...about, ...rest, routingKeys: [...routingKeys], publishedAt: new Date(publishedAtMs).toISOString() },
    ...(messageId !== undefined && { messageId }),
  };
}

export const DELAYED_MESSAGES: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/delayed',
    id: 'listDelayed',
    group: 'Delayed messages',
    summary: 'Lists messages that wait for their time, those that are due next first.',
    description:
      'Of those that he may read where they go (all to who has the tag `administrator`), so that a page may have fewer than `limit`; `next` goes on from there. Half messages and schedules are listed by themselves, and what waits in a queue for its next attempt with the queue.',
    access: 'monitoring',
    query: z.strictObject({ limit: z.coerce.number().int().min(1).max(500).default(100), after: AFTER }),
    answer: z.object({
      delayed: z.array(DELAYED),
      total: z.number().int().describe('How many wait, whoever may see them.'),
      next: z.string().nullable().describe('Where to go on, as `after`; null: that was the end.'),
    }),
    handle: async (asked) => {
      const { operator, vhost } = asked;
      const { limit, after } = asked.query;
      const [dueAtMs = 0, position = 0] = after?.split(':').map(Number) ?? [];
      const visible = ({ message }: DelayedView): boolean =>
        asked.maySeeRouted(vhost, message?.exchange, message?.routingKeys ?? []);
      const { items, total, next } = await operator.delayed.list(vhost, {
        ...{ limit, visible, after: after === undefined ? undefined : { dueAtMs, position } },
      });
      return json({
        ...{ delayed: items.map(shape), total },
        next: next === undefined ? null : `${next.dueAtMs}:${next.position}`,
      });
    },
  }),
  operation({
    method: 'DELETE',
    path: '/vhosts/{vhost}/delayed/{position}',
    id: 'dropDelayed',
    group: 'Delayed messages',
    summary: 'Drops a message before its time: it is never routed.',
    description:
      'It is counted (`entrepot_messages_dropped_cancelled_total`), told of among the dropped messages, and in its passport. Answered when that is safe.',
    access: 'administrator',
    answer: 'nothing',
    handle: async (asked) => {
      const { operator, vhost, identity } = asked;
      const position = asked.param('position');
      if (!/^\d{1,15}$/.test(position)) throw new Problem(404, 'not-found', `no delayed message '${position}'`);
      const by = { protocol: 'http', user: identity.user, client: '', consumer: '' };
      await operator.delayed.cancel(vhost, Number(position), by);
      return nothing();
    },
  }),
];
