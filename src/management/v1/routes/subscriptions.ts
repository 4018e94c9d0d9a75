/** Messages as they come, for who can read HTTP: server-sent events one way, what has been received the other. */
import { z } from 'zod';
import { DOT, SLASH } from '../../../message/message.ts';
import {
  type Delivered,
  OWN_LENGTH_MAX,
  type Subscription,
  type SubscriptionSource,
} from '../../../operator/subscriptions/subscription.ts';
import { whenKnown } from '../../../operator/when-known.ts';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { nothing } from '../http/replies.ts';
import { BODY_BYTES, BODY_FORM, type BodyForm, messageShape } from '../shapes/message.ts';

/** Milliseconds: less than a socket may be silent. */
const IDLE_MS = 4_000;
const WINDOW_MAX = 10_000;
const COUNT_MAX = Number.MAX_SAFE_INTEGER;

const encoder = new TextEncoder();

function event(name: string, data: object, id?: number): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

function written({ number, message }: Delivered, form: BodyForm): string {
  const { state: _state, ...shown } = messageShape(message, form);
  return event('message', shown, number);
}

/** Asked for more only as its reader takes what there is: the rest stays in the queue. */
function stream(
  id: string,
  subscription: Subscription,
  form: BodyForm,
  stillMay: () => boolean,
): ReadableStream<Uint8Array> {
  let told = 0;
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) =>
        controller.enqueue(encoder.encode(event('subscribed', { subscription: id, queue: subscription.queue }))),
      async pull(controller) {
        if (!stillMay()) subscription.end('access-refused');
        const delivered = await subscription.next(IDLE_MS);
        const { dropped, ended } = subscription;
        let text = delivered.map((one) => written(one, form)).join('');
        if (dropped > told) text += event('dropped', { count: dropped - told });
        told = Math.max(told, dropped);
        if (ended !== undefined) text += event('ended', { reason: ended });
        controller.enqueue(encoder.encode(text === '' ? ': nothing\n\n' : text));
        if (ended !== undefined) controller.close();
      },
      cancel: () => subscription.end(),
    },
    { highWaterMark: 1 },
  );
}

const SUBSCRIBE = z.strictObject({
  queue: z.string().min(1).max(65_535).optional().describe('The queue to take messages from.'),
  exchange: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('In the place of a queue: what this exchange brings by `key`.'),
  key: z.string().max(65_535).default('').describe('The binding’s key, with wildcards where the exchange knows them.'),
  spelling: z.enum(['dots', 'slashes']).default('dots').describe('How `key` parts its levels: `a.*.#` or `a/+/#`.'),
  retained: z.stringbool().default(false).describe('Begin with the retained messages that `key` matches.'),
  keep: z.coerce
    .number()
    .int()
    .min(1)
    .max(OWN_LENGTH_MAX)
    .default(OWN_LENGTH_MAX)
    .describe('Of an exchange: messages that are kept for a slow reader; the oldest go then. Few show the newest.'),
  window: z.coerce
    .number()
    .int()
    .min(0)
    .max(WINDOW_MAX)
    .default(0)
    .describe(
      'Messages that may be under way until they are reported as received. 0: nothing is reported; each is done as soon as the connection takes it.',
    ),
  ack: z
    .stringbool()
    .default(true)
    .describe(
      'With a window: whether a message stays the queue’s until it is reported; else it is done once it is sent.',
    ),
  selector: z
    .string()
    .min(1)
    .max(16_384)
    .optional()
    .describe(
      'Only messages that this JMS selector selects. The others stay in a queue; of an exchange they are passed over.',
    ),
  count: z.coerce.number().int().min(1).max(COUNT_MAX).optional().describe('No more than so many.'),
  body: BODY_FORM,
  bodyBytes: BODY_BYTES.default(1024 * 1024),
});

export const SUBSCRIPTIONS: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/subscription',
    id: 'subscribe',
    group: 'Messages',
    summary: 'Takes messages as they come, as server-sent events.',
    description:
      'Of a queue, or of an exchange by a queue of its own that goes with the subscription and keeps `keep` messages or 64 MiB for a slow reader; the oldest go then, and an event `dropped` says how many. Events: `subscribed` (the subscription’s name), `message` (its `id` is its number), `dropped`, `ended` with the reason. A slow reader costs no memory: what is not yet taken waits in the queue. What is under way when the connection ends goes back to the queue.',
    access: 'management',
    query: SUBSCRIBE,
    answer: { contentType: 'text/event-stream', what: 'Events, until the client goes or the queue does.' },
    handle: async (asked) => {
      const { query, operator, identity, vhost } = asked;
      const { window, ack, count = COUNT_MAX, body, bodyBytes, selector } = query;
      const { id, subscription } = await operator.subscriptions.start(
        identity,
        async (client) => {
          const session = await whenKnown(() => operator.enter(identity, vhost, client));
          if ('refused' in session) throw new Problem(503, 'unavailable', session.reason);
          return session;
        },
        sourceOf(query),
        {
          acknowledged: ack && window > 0,
          window,
          limit: count,
          selector,
          bodyBytes: body === 'none' ? 0 : bodyBytes,
        },
      );
      asked.signal.addEventListener('abort', () => subscription.end(), { once: true });
      if (asked.signal.aborted) subscription.end();
      return new Response(
        stream(id, subscription, body, () => asked.stillMay),
        {
          headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
        },
      );
    },
  }),
  operation({
    method: 'POST',
    path: '/subscriptions/{subscription}/received',
    id: 'reportReceived',
    group: 'Messages',
    summary: 'Says that a subscription’s messages have been received, which makes room for more.',
    description: 'All up to the number are done with, if the subscription has them acknowledged. Who subscribed may.',
    access: 'management',
    body: z.strictObject({ upTo: z.number().int().min(0).describe('The `id` of the last message that was received.') }),
    answer: 'nothing',
    handle: (asked) => {
      const subscription = asked.operator.subscriptions.find(asked.param('subscription'), asked.identity);
      if (subscription === undefined) throw new Problem(404, 'not-found', 'there is no such subscription any more');
      subscription.received(asked.body.upTo);
      return nothing();
    },
  }),
];

/** @throws Problem 400 */
function sourceOf({ queue, exchange, key, spelling, retained, keep }: z.output<typeof SUBSCRIBE>): SubscriptionSource {
  if ((queue === undefined) === (exchange === undefined)) {
    throw new Problem(400, 'invalid', 'name either a queue, or an exchange and a key', [
      { where: 'query.queue', what: 'either this or query.exchange' },
    ]);
  }
  if (queue !== undefined) return { queue };
  return { exchange: exchange!, key, spelling: spelling === 'slashes' ? SLASH : DOT, retained, keep };
}
