/** Pulling over HTTP: some messages, each with a token by which it is ended or held longer; with curl, if need be. */
import { z } from 'zod';
import { DEFERRAL_TOKEN_BYTES_MAX, DEFERRAL_TOKENS_MAX } from '../../../api/consume.ts';
import type { LeaseEnd } from '../../../operator/pulls/pulls.ts';
import type { Asked } from '../http/asked.ts';
import { type Operation, operation } from '../http/operation.ts';
import { json } from '../http/replies.ts';
import { SELECTOR } from '../shapes/looking.ts';
import { BODY_FORM, MESSAGE, messageShape } from '../shapes/message.ts';

const PULLED_MAX = 1_000;
const WAIT_MAX_MS = 60_000;
const LEASE_MIN_MS = 100;
/** Twelve hours. */
const LEASE_MAX_MS = 43_200_000;

const LEASE_MS = z
  .number()
  .int()
  .min(LEASE_MIN_MS)
  .max(LEASE_MAX_MS)
  .default(30_000)
  .describe('Milliseconds; then the message goes back to its queue as a failed attempt, and its token is nobody’s.');
const TOKENS = z.array(z.string().max(64)).min(1).max(PULLED_MAX).describe('As the pull gave them.');
const DEFERRAL_TOKEN = z
  .string()
  .min(1)
  .refine((token) => Buffer.byteLength(token) <= DEFERRAL_TOKEN_BYTES_MAX, `at most ${DEFERRAL_TOKEN_BYTES_MAX} bytes`);
const TIME_MS = z.number().int().min(0);
const ENDED = z.object({
  done: z.number().int(),
  gone: z
    .array(z.string())
    .describe('Tokens that are nobody’s: their time was up, they were ended already, or another user has them.'),
});

function answer(tokens: readonly string[], gone: readonly string[]): Response {
  return json({ done: tokens.length - gone.length, gone });
}

async function ended(
  { operator, identity, body: { tokens } }: Asked<unknown, { tokens: string[] }>,
  end: LeaseEnd,
): Promise<Response> {
  return answer(tokens, await operator.pulls.end(tokens, end, identity));
}

export const PULLS: readonly Operation[] = [
  operation({
    method: 'POST',
    path: '/vhosts/{vhost}/queues/{queue}/pull',
    id: 'pullMessages',
    group: 'Pulling',
    summary: 'Takes some messages of a queue, each held by a token for a while.',
    description:
      'Answered at once where there is something, else when something comes or the wait is over. End each with `ack`, `nack` or `renew` before its lease is over. Bodies of one answer are some 4 MiB at most. Asks for the permission to read the queue.',
    access: 'management',
    body: z.strictObject({
      max: z.number().int().min(1).max(PULLED_MAX).default(1),
      waitMs: z.number().int().min(0).max(WAIT_MAX_MS).default(0).describe('How long to wait for the first one.'),
      leaseMs: LEASE_MS,
      selector: SELECTOR.optional(),
      deferralTokens: z
        .array(DEFERRAL_TOKEN)
        .min(1)
        .max(DEFERRAL_TOKENS_MAX)
        .optional()
        .describe('Messages that are parked under these come first.'),
      body: BODY_FORM,
      bodyBytes: z
        .number()
        .int()
        .min(0)
        .max(16 * 1024 * 1024)
        .default(1024 * 1024)
        .describe('So much of each body.'),
    }),
    answer: z.object({ messages: z.array(MESSAGE.omit({ state: true }).extend({ token: z.string() })) }),
    handle: async (asked) => {
      const { operator, identity, vhost, signal } = asked;
      const { max, waitMs, leaseMs, selector, deferralTokens, body, bodyBytes } = asked.body;
      const { queue } = await asked.readableQueue();
      const pulled = await operator.pull(
        vhost,
        queue,
        { max, waitMs, leaseMs, selector, deferralTokens, bodyBytes: body === 'none' ? 0 : bodyBytes },
        { identity, signal },
      );
      const messages = pulled.map(({ token, message }) => {
        const { state: _state, ...shown } = messageShape(message, body);
        return { token, ...shown };
      });
      return json({ messages });
    },
  }),
  operation({
    method: 'POST',
    path: '/leases/ack',
    id: 'ackLeases',
    group: 'Pulling',
    summary: 'Messages that were pulled have been dealt with.',
    description: 'Answered when that is safe.',
    access: 'management',
    body: z.strictObject({ tokens: TOKENS }),
    answer: ENDED,
    handle: (asked) => ended(asked, 'ack'),
  }),
  operation({
    method: 'POST',
    path: '/leases/nack',
    id: 'nackLeases',
    group: 'Pulling',
    summary: 'Messages that were pulled have not been dealt with.',
    access: 'management',
    body: z.strictObject({
      tokens: TOKENS,
      requeue: z.boolean().default(true).describe('Else they become dead letters.'),
      failed: z
        .boolean()
        .default(true)
        .describe('With `requeue`: it counts as an attempt, and the queue’s retry policy applies.'),
    }),
    answer: ENDED,
    handle: (asked) => ended(asked, !asked.body.requeue ? 'reject' : asked.body.failed ? 'retry' : 'release'),
  }),
  operation({
    method: 'POST',
    path: '/leases/defer',
    id: 'deferLeases',
    group: 'Pulling',
    summary: 'Messages that were pulled are parked: until a time, or until somebody asks for them by a token.',
    description:
      'No failed attempt. What cannot be parked, because its queue holds as many as it may, is held on and named in `gone`. Answered when it is safe.',
    access: 'management',
    body: z
      .strictObject({
        tokens: TOKENS,
        deferralToken: DEFERRAL_TOKEN.optional().describe('What they can be asked for by; several may have the same.'),
        deliveryTime: TIME_MS.optional().describe('Epoch milliseconds; then they are back in their places.'),
        deliveryDelay: TIME_MS.optional().describe('Milliseconds from now, where there is no `deliveryTime`.'),
      })
      .refine(
        ({ deliveryTime, deliveryDelay }) => deliveryTime !== undefined || deliveryDelay !== undefined,
        'needs deliveryTime or deliveryDelay',
      ),
    answer: ENDED,
    handle: async ({ operator, identity, body }) => {
      const { tokens, deferralToken: token = '', deliveryTime: dueMs = -1, deliveryDelay: delayMs = -1 } = body;
      return answer(tokens, await operator.pulls.defer(tokens, { token, dueMs, delayMs }, identity));
    },
  }),
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/queues/{queue}/deferred',
    id: 'listDeferred',
    group: 'Pulling',
    summary: 'Messages of a queue that are parked under tokens.',
    description: 'In no particular order, `max` of them at most. Asks for the permission to read the queue.',
    access: 'management',
    query: z.strictObject({ max: z.coerce.number().int().min(1).max(PULLED_MAX).default(100) }),
    answer: z.object({
      total: z.number().int(),
      messages: z.array(
        z.object({
          position: z.number().int(),
          token: z.string(),
          deliveryTime: z.number().describe('Epoch milliseconds'),
        }),
      ),
    }),
    handle: async (asked) => {
      const { queue } = await asked.readableQueue();
      return json(asked.operator.messages.deferred(asked.vhost, queue, asked.query.max));
    },
  }),
  operation({
    method: 'POST',
    path: '/leases/renew',
    id: 'renewLeases',
    group: 'Pulling',
    summary: 'Messages that were pulled are held longer: so long from now on.',
    access: 'management',
    body: z.strictObject({ tokens: TOKENS, leaseMs: LEASE_MS }),
    answer: ENDED,
    handle: ({ operator, identity, body: { tokens, leaseMs } }) =>
      answer(tokens, operator.pulls.renew(tokens, leaseMs, identity)),
  }),
];
