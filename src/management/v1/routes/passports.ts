/** A message's passport: where it is, and what happened to it. */
import { z } from 'zod';
import { PASSPORT_EVENTS, type Passport } from '../../../operator/passports.ts';
import { DROP_REASONS } from '../../../vhost/dropped-messages.ts';
import type { Asked } from '../http/asked.ts';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { json } from '../http/replies.ts';

const PARTY = z.object({
  protocol: z.string(),
  user: z.string(),
  client: z.string().describe('What its connection is called.'),
  consumer: z.string().optional().describe('The tag of a consumer.'),
});
const PASSPORT = z.object({
  positions: z
    .array(z.number().int())
    .describe('The numbers that it had, the oldest first: one that is sent on gets a new one.'),
  message: z
    .object({
      arrivedAt: z.iso.datetime(),
      exchange: z.string(),
      routingKey: z.string(),
      messageId: z.string().optional(),
      bodyBytes: z.number().int(),
      expiresAt: z.iso.datetime().optional(),
    })
    .nullable()
    .describe('Null: it is in no queue any more.'),
  now: z.array(
    z.object({
      queue: z.string(),
      position: z.number().int(),
      state: z.enum(['ready', 'unsettled', 'retrying', 'dying', 'held-back']),
      attempts: z.number().int().describe('That have failed.'),
      redelivered: z.boolean(),
      heldBy: PARTY.omit({ protocol: true }).optional(),
      dueAt: z.iso.datetime().optional().describe('When it is tried again.'),
    }),
  ),
  events: z.array(
    z.object({
      at: z.iso.datetime(),
      event: z.enum(PASSPORT_EVENTS as unknown as [string, ...string[]]),
      position: z.number().int(),
      queue: z.string().nullable().describe('Null: that queue is gone. Empty: it was in none yet.'),
      by: PARTY.nullable().describe('Null: the broker itself.'),
      attempts: z.number().int().optional().describe('That had failed before this delivery.'),
      dueAt: z.iso.datetime().optional().describe('When it is tried again, or its time comes.'),
      reason: z
        .string()
        .optional()
        .describe('Why it died; why it failed or came back, where its client has not said so itself.'),
      continues: z.number().int().optional().describe('The number that it had before.'),
    }),
  ),
  dropped: z.array(
    z.object({
      at: z.iso.datetime(),
      reason: z.enum(DROP_REASONS),
      queue: z.string(),
      position: z.number().int().describe('0: it was never stored.'),
      by: PARTY.omit({ consumer: true }).optional().describe('Who published it, of what was not stored.'),
    }),
  ),
  eventsSince: z.iso.datetime().nullable().describe('What happened before is not known any more.'),
});

const time = (ms: number): string => new Date(ms).toISOString();

/** As much of it as he may see. */
function shownTo(asked: Asked<unknown, unknown>, vhost: string, known: Passport): Passport {
  const may = new Map<string | undefined, boolean>();
  const seen = ({ queue }: { readonly queue: string | undefined }): boolean => {
    if (!may.has(queue)) may.set(queue, asked.maySeeIn(vhost, queue));
    return may.get(queue)!;
  };
  const [places, events, dropped] = [known.places.filter(seen), known.events.filter(seen), known.dropped.filter(seen)];
  if (places.length + events.length + dropped.length > 0) return { ...known, places, events, dropped };
  return { positions: [], places, events, dropped, sinceMs: known.sinceMs };
}

export const PASSPORTS: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/passport',
    id: 'getPassport',
    group: 'Messages',
    summary: 'Tells where a message is and what happened to it.',
    description:
      'Name its position, or the message id that its publisher gave it. Events are kept of messages in queues that have them noted (argument `x-passport`, policy key `passport`): some 100,000 a vhost, the oldest go first. By its id a message is found there alone, and among those that were dropped. Who has not the tag `administrator` is told of queues that he may read, and nothing of a message that was in none of these.',
    access: 'monitoring',
    query: z.strictObject({
      position: z.coerce.number().int().min(1).optional(),
      messageId: z.string().min(1).max(65_535).optional(),
    }),
    answer: PASSPORT,
    handle: async (asked) => {
      const { vhost } = asked;
      const { position, messageId } = asked.query;
      if ((position === undefined) === (messageId === undefined)) {
        throw new Problem(400, 'invalid', 'name either position or messageId');
      }
      const question = position === undefined ? { messageId: messageId! } : { position };
      const known = await asked.operator.passports.of(vhost, question);
      const { positions, message, places, events, dropped, sinceMs } = shownTo(asked, vhost, known);
      return json({
        positions,
        message:
          message === undefined
            ? null
            : {
                arrivedAt: time(message.arrivedAtMs),
                ...{ exchange: message.exchange, routingKey: message.routingKey, messageId: message.messageId },
                bodyBytes: message.bodyBytes,
                ...(message.expiresAtMs > 0 && { expiresAt: time(message.expiresAtMs) }),
              },
        now: places.map(({ dueAtMs, ...rest }) => ({
          ...rest,
          ...(dueAtMs !== undefined && { dueAt: time(dueAtMs) }),
        })),
        events: events.map(({ atMs, dueAtMs, queue, by, ...rest }) => ({
          ...{ at: time(atMs), queue: queue ?? null },
          by: by === null ? null : { ...by, consumer: by.consumer === '' ? undefined : by.consumer },
          ...rest,
          ...(dueAtMs !== undefined && { dueAt: time(dueAtMs) }),
        })),
        dropped: dropped.map(({ atMs, reason, queue, position: at, by }) => ({
          ...{ at: time(atMs), reason, queue, position: at },
          ...(by !== undefined && { by }),
        })),
        eventsSince: sinceMs === undefined ? null : time(sinceMs),
      });
    },
  }),
];
