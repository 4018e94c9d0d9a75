/** Messages that are in a queue: looked at. */
import { z } from 'zod';
import { DURATION_MAX_MS } from '../../../operator/messages/scan.ts';
import { type Operation, operation } from '../http/operation.ts';
import { json } from '../http/replies.ts';
import { FROM, filterOf, fromOf, LOOKED, lookedShape, SELECTOR, TEXT } from '../shapes/looking.ts';
import { BODY_BYTES, BODY_FORM, MESSAGE, messageShape } from '../shapes/message.ts';

const PEEKED_MAX = 1000;

export const MESSAGES: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/queues/{queue}/messages',
    id: 'peekMessages',
    group: 'Messages',
    summary: 'Looks at messages of a queue without taking them.',
    description:
      'In order of arrival, whatever their priority. Nothing changes: not the order, not a count, not the redelivered flag. Asks for the permission to read the queue. One answer looks at some 250,000 messages or for five seconds at most, and holds some 4 MiB: `next` goes on from there.',
    access: 'management',
    query: z.strictObject({
      from: FROM.default('oldest'),
      limit: z.coerce.number().int().min(1).max(PEEKED_MAX).default(20).describe('Messages that are shown.'),
      state: z
        .enum(['all', 'ready', 'unsettled'])
        .default('all')
        .describe('Those that wait, those that consumers hold, or both.'),
      selector: SELECTOR.optional(),
      text: TEXT.optional(),
      withinMs: z.coerce
        .number()
        .int()
        .min(1)
        .max(DURATION_MAX_MS)
        .default(DURATION_MAX_MS)
        .describe('How long it may look before it says how far it has come.'),
      body: BODY_FORM,
      bodyBytes: BODY_BYTES,
    }),
    answer: z.object({ messages: z.array(MESSAGE), ...LOOKED }),
    handle: async (asked) => {
      const { query, operator } = asked;
      const { vhost, queue } = await asked.readableQueue();
      const peeked = await operator.messages.peek(vhost, queue, {
        from: fromOf(query.from),
        states: query.state === 'all' ? ['ready', 'unsettled'] : [query.state],
        filter: filterOf(query),
        limit: query.limit,
        withinMs: query.withinMs,
        bodyBytes: query.body === 'none' ? 0 : query.bodyBytes,
      });
      // It may have taken seconds.
      await operator.demand(asked.identity, vhost, 'read', 'queue', queue);
      const messages = peeked.messages.map((message) => messageShape(message, query.body));
      return json({ messages, ...lookedShape(peeked) });
    },
  }),
];
