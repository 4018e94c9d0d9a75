/** Messages that are in a queue: looked at. */
import { z } from 'zod';
import type { WholeBody } from '../../../operator/messages/peek.ts';
import { DURATION_MAX_MS } from '../../../operator/messages/scan.ts';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
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
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/queues/{queue}/messages/{position}/body',
    id: 'getMessageBody',
    group: 'Messages',
    summary: 'The whole body of a message, however long, as it was sent.',
    description: 'Nothing is taken. Asks for the permission to read the queue.',
    access: 'management',
    answer: { contentType: 'application/octet-stream', what: 'The body.' },
    handle: async (asked) => {
      const { vhost, queue } = await asked.readableQueue();
      const position = Number(asked.param('position'));
      const body = /^\d{1,15}$/.test(asked.param('position'))
        ? await asked.operator.messages.body(vhost, queue, position)
        : undefined;
      if (body === undefined) {
        throw new Problem(404, 'not-found', `no message '${asked.param('position')}' in queue '${queue}'`);
      }
      return new Response(streamed(body, asked.signal), {
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': String(body.length),
          'content-disposition': `attachment; filename="message-${position}.bin"`,
          'cache-control': 'no-store',
        },
      });
    },
  }),
];

/** Read as its reader takes it: what it does not take is not in memory. */
function streamed({ pieces }: WholeBody, signal: AbortSignal): ReadableStream<Uint8Array> {
  const source = pieces[Symbol.asyncIterator]();
  const end = (): void => void source.return?.().catch(() => {});
  signal.addEventListener('abort', end, { once: true });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await source.next();
          if (done === true) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          // The length that was announced is not reached, so nobody takes it for whole.
          controller.error(error);
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}
