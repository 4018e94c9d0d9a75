/** Messages of a queue moved, copied and removed by what they are. */
import { z } from 'zod';
import type { Route } from '../../../api/route.ts';
import type { Session } from '../../../api/session.ts';
import { DOT, type MessageView } from '../../../message/message.ts';
import { bytesOf } from '../../../message/text.ts';
import type { Relocated, RelocateQuery } from '../../../operator/messages/relocate.ts';
import { LISTED_MAX } from '../../../operator/redrives/plan.ts';
import { whenSafe } from '../../http/safe.ts';
import type { Asked } from '../http/asked.ts';
import { type Operation, operation } from '../http/operation.ts';
import { json } from '../http/replies.ts';
import { FROM, filterOf, fromOf, LOOKED, lookedShape, SELECTOR, TEXT } from '../shapes/looking.ts';

const LIMIT_MAX = 1_000_000;

const WHICH = {
  selector: SELECTOR.optional(),
  text: TEXT.optional(),
  from: FROM.default('oldest'),
};
const POSITIONS = z
  .array(z.coerce.number().int().min(0))
  .min(1)
  .max(LISTED_MAX)
  .optional()
  .describe(`Only those at these places, ${LISTED_MAX} at most; it begins with the first of them.`);
const LIMIT = z.number().int().min(1).max(LIMIT_MAX).default(LIMIT_MAX).describe('At most so many.');

const TO = z
  .union([
    z.strictObject({ queue: z.string().min(1).max(65_535) }),
    z.strictObject({
      exchange: z.string().max(255),
      routingKey: z.string().max(255).optional().describe("Left out: each message's own."),
    }),
  ])
  .describe('A queue, or an exchange, where he may publish.');

const DONE = z.object({
  done: z.number().int().describe('Messages that it was done with.'),
  stopped: z
    .enum(['queue-full', 'no-room', 'unroutable', 'access-refused'])
    .nullable()
    .describe('What was in the way; the message that it was in the way of stays, and `next` begins with it.'),
  ...LOOKED,
});

const HOW =
  'Each message is one commit unit: whatever happens, it is in one place. Messages that come in meanwhile are not looked at. One request looks at some 250,000 messages or for five seconds at most: `next` goes on from there. Answered when all is safe.';

type To = z.output<typeof TO>;

/** Where a message goes, with the permissions of the session's user. */
function routing(session: Session, to: To): (view: MessageView) => Route {
  if ('exchange' in to && to.routingKey === undefined) {
    const { exchange } = to;
    return (view) => session.route(exchange, view.spelling, view.head, view.keyStart, view.keyEnd);
  }
  const exchange = 'queue' in to ? '' : to.exchange;
  const key = bytesOf('queue' in to ? to.queue : to.routingKey!);
  let known: Route | undefined;
  return () => {
    if (known?.valid !== true) known = session.route(exchange, DOT, key, 0, key.length);
    return known;
  };
}

async function relocated(
  asked: Asked<
    unknown,
    {
      to: To;
      limit: number;
      from: string;
      selector?: string | undefined;
      text?: string | undefined;
      positions?: number[] | undefined;
    }
  >,
  keep: boolean,
): Promise<Response> {
  const { vhost, queue } = await asked.readableQueue();
  const { to, limit, from } = asked.body;
  const session = await asked.enter(vhost);
  if ('queue' in to) session.checkQueue(to.queue);
  else session.checkExchange(to.exchange);
  return answered(asked, session, queue, {
    ...{ keep, limit, to: routing(session, to) },
    ...{ from: fromOf(from), filter: filterOf(asked.body) },
    ...onlyAt(asked.body.positions, from),
  });
}

/** Nothing before the first of them is looked at, and nothing behind the last. */
function onlyAt(positions: readonly number[] | undefined, from: string): Partial<RelocateQuery> {
  if (positions === undefined) return {};
  const places = new Set(positions);
  return {
    wants: ({ seq }) => places.has(seq),
    before: Math.max(...positions) + 1,
    ...(from === 'oldest' && { from: { position: Math.min(...positions), backwards: false } }),
  };
}

async function answered(
  asked: Pick<Asked<unknown, unknown>, 'operator'>,
  session: Session,
  queue: string,
  query: RelocateQuery,
): Promise<Response> {
  const result: Relocated = await asked.operator.messages.relocate(session.vhost, queue, {
    ...{ ...query, by: session, mayRead: () => session.mayRead(queue) },
  });
  await whenSafe(session, result.mark);
  return json({ done: result.done, stopped: result.stopped ?? null, ...lookedShape(result) });
}

export const RELOCATIONS: readonly Operation[] = [
  operation({
    method: 'POST',
    path: '/vhosts/{vhost}/queues/{queue}/messages/move',
    id: 'moveMessages',
    group: 'Messages',
    summary: 'Moves messages that wait to another queue or exchange.',
    description: `${HOW} Asks for the permissions to read the queue and to publish where they go.`,
    access: 'management',
    body: z.strictObject({ to: TO, ...WHICH, positions: POSITIONS, limit: LIMIT }),
    answer: DONE,
    handle: (asked) => relocated(asked, false),
  }),
  operation({
    method: 'POST',
    path: '/vhosts/{vhost}/queues/{queue}/messages/copy',
    id: 'copyMessages',
    group: 'Messages',
    summary: 'Copies messages that wait to another queue or exchange.',
    description: `${HOW} Asks for the permissions to read the queue and to publish where they go.`,
    access: 'management',
    body: z.strictObject({ to: TO, ...WHICH, positions: POSITIONS, limit: LIMIT }),
    answer: DONE,
    handle: (asked) => relocated(asked, true),
  }),
  operation({
    method: 'DELETE',
    path: '/vhosts/{vhost}/queues/{queue}/messages',
    id: 'purgeMessages',
    group: 'Messages',
    summary: 'Removes messages that wait.',
    description: `${HOW} Nothing becomes a dead letter. Asks for the permission to read the queue.`,
    access: 'management',
    query: z.strictObject({
      ...WHICH,
      positions: z
        .preprocess((given) => (typeof given === 'string' ? given.split(',') : given), POSITIONS)
        .describe('Only those at these places, parted by commas; it begins with the first of them.'),
      limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(LIMIT_MAX).describe('At most so many.'),
    }),
    answer: DONE,
    handle: async (asked) => {
      const { vhost, queue } = await asked.readableQueue();
      const { from, limit } = asked.query;
      const session = await asked.enter(vhost);
      const filter = filterOf(asked.query);
      return answered(asked, session, queue, {
        ...{ keep: false, to: null, limit, from: fromOf(from), filter },
        ...onlyAt(asked.query.positions, from),
      });
    },
  }),
];
