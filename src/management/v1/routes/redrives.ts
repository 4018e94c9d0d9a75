/** Redrives: dead letters on their way back, as jobs that nobody waits for and that survive a restart. */
import { z } from 'zod';
import type { RedriveCount } from '../../../operator/redrives/count.ts';
import { LISTED_MAX, type RedriveRecord } from '../../../operator/redrives/plan.ts';
import type { Asked } from '../http/asked.ts';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { json, nothing } from '../http/replies.ts';
import { FROM, fromOf, LOOKED, lookedShape, SELECTOR, TEXT } from '../shapes/looking.ts';
import { LISTED, PAGE } from '../shapes/paging.ts';

const TO = z
  .union([
    z.literal('origin'),
    z.strictObject({ queue: z.string().min(1).max(65_535) }),
    z.strictObject({ exchange: z.string().max(255), routingKey: z.string().max(255).optional() }),
  ])
  .default('origin')
  .describe(
    '`origin`: the queue that each message died in first, as the broker has seen it; a queue; or an exchange, with a key or with each message’s own.',
  );

const PLAN = {
  to: TO,
  selector: SELECTOR.optional(),
  text: TEXT.optional(),
  messageIds: z.array(z.string().min(1).max(255)).min(1).max(LISTED_MAX).optional().describe('Only these.'),
  positions: z.array(z.number().int().min(0)).min(1).max(LISTED_MAX).optional().describe('Only those at these places.'),
  rate: z
    .number()
    .min(0)
    .max(10_000_000)
    .default(0)
    .describe('Messages a second; 0: as fast as clients do not notice.'),
  limit: z.number().int().min(1).default(Number.MAX_SAFE_INTEGER).describe('So many at most.'),
  attempts: z
    .enum(['keep', 'reset'])
    .default('keep')
    .describe('`keep`: the record of its deaths goes on; `reset`: it comes as if it had never died.'),
};

const REDRIVE = z.object({
  id: z.string(),
  queue: z.string(),
  user: z.string().nullable().describe('Null: the operator on the broker’s own machine.'),
  to: z.union([
    z.literal('origin'),
    z.object({ queue: z.string() }),
    z.object({ exchange: z.string(), routingKey: z.string().optional() }),
  ]),
  selector: z.string().optional(),
  text: z.string().optional(),
  messageIds: z.number().int().optional().describe('How many are named.'),
  positions: z.number().int().optional().describe('How many are named.'),
  rate: z.number(),
  limit: z.number().int(),
  attempts: z.enum(['keep', 'reset']),
  state: z.enum(['running', 'waiting', 'stopped', 'done']),
  why: z.string().describe('What it waits for, or why it has stopped.'),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  moved: z.number().int(),
  scanned: z.number().int(),
  left: z
    .object({ noOrigin: z.number().int(), unroutable: z.number().int(), accessRefused: z.number().int() })
    .describe('Messages that it wanted and that stay where they are, by why.'),
});

const OUTCOME = z.object({
  position: z.number().int().describe('Where it was in its queue.'),
  at: z.iso.datetime(),
  outcome: z.enum(['moved', 'left']).describe('`left`: it stays where it was.'),
  why: z.enum(['no-origin', 'unroutable', 'access-refused']).optional(),
  to: z.string().optional().describe('The queue or exchange that it went to, or was to go to.'),
});

const COUNTED = z.object({
  matching: z.number().int(),
  origins: z.array(z.object({ queue: z.string(), messages: z.number().int(), exists: z.boolean() })),
  others: z.number().int().describe('Messages of origins that are not listed.'),
  noOrigin: z.number().int().describe('Messages that have never died.'),
  ...LOOKED,
});

function shape({ id, queue, user, plan, startedAtMs, progress }: RedriveRecord): z.output<typeof REDRIVE> {
  const { to, selector, text, messageIds, positions, rate, limit, attempts } = plan;
  const { state, why, moved, scanned, left, endedAtMs } = progress;
  return {
    ...{ id, queue, user, to, rate, limit, attempts, state, why, moved, scanned },
    ...(selector !== undefined && { selector }),
    ...(text !== undefined && { text }),
    ...(messageIds !== undefined && { messageIds: messageIds.length }),
    ...(positions !== undefined && { positions: positions.length }),
    startedAt: new Date(startedAtMs).toISOString(),
    ...(endedAtMs > 0 && { endedAt: new Date(endedAtMs).toISOString() }),
    left: { noOrigin: left['no-origin'], unroutable: left.unroutable, accessRefused: left['access-refused'] },
  };
}

function counted({ matching, origins, others, noOrigin, ...looked }: RedriveCount): z.output<typeof COUNTED> {
  return { matching, origins: origins.map((one) => ({ ...one })), others, noOrigin, ...lookedShape(looked) };
}

const ONE = '/vhosts/{vhost}/redrives/{id}';
const WHOSE = 'Asks for the tag administrator, or to be who began it.';

/** What it looks for is for who began it and for who may read the queue. */
function maySee(asked: Asked<unknown, unknown>, vhost: string, { user, queue }: RedriveRecord): boolean {
  return user === asked.identity.user || asked.maySeeIn(vhost, queue);
}

/** The path's redrive. @throws Problem 404, 403 */
function own(asked: Asked<unknown, unknown>): { vhost: string; id: string } {
  const { operator, identity, vhost } = asked;
  const id = asked.param('id');
  const found = operator.redrives.find(vhost, id);
  if (found === undefined) throw new Problem(404, 'not-found', `no redrive '${id}' in vhost '${vhost}'`);
  if (found.user !== identity.user && identity.tags?.includes('administrator') !== true) {
    throw new Problem(403, 'access-refused', `redrive '${id}' is another user's`);
  }
  return { vhost, id };
}

export const REDRIVES: readonly Operation[] = [
  operation({
    method: 'POST',
    path: '/vhosts/{vhost}/queues/{queue}/redrives',
    id: 'startRedrive',
    group: 'Redrives',
    summary: 'Begins to move messages of a queue back to where they died, or elsewhere.',
    description:
      'Goes on by itself, also after a restart, until it has looked at every message that was there when it began. Each message is one commit unit: it is never twice and never nowhere. Where there is no room it waits; what cannot go anywhere stays and is counted. Asks for the permissions to read the queue and to publish where they go, of whoever begins it.',
    access: 'management',
    body: z.strictObject(PLAN),
    answer: REDRIVE,
    handle: async (asked) => {
      const { vhost, queue } = await asked.readableQueue();
      const { to } = asked.body;
      const session = await asked.enter(vhost);
      if (to !== 'origin' && 'queue' in to) session.checkQueue(to.queue);
      else if (to !== 'origin') session.checkExchange(to.exchange);
      return json(shape(asked.operator.redrives.start(vhost, queue, asked.body, asked.identity)));
    },
  }),
  operation({
    method: 'POST',
    path: '/vhosts/{vhost}/queues/{queue}/redrives/count',
    id: 'countRedrive',
    group: 'Redrives',
    summary: 'Says what a redrive would move, and where to; nothing is moved.',
    description: 'One request looks at some 250,000 messages or for five seconds at most: `next` goes on from there.',
    access: 'management',
    body: z.strictObject({ ...PLAN, from: FROM.default('oldest') }),
    answer: COUNTED,
    handle: async (asked) => {
      const { vhost, queue } = await asked.readableQueue();
      const { from, ...plan } = asked.body;
      return json(counted(await asked.operator.redrives.count(vhost, queue, plan, fromOf(from))));
    },
  }),
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/redrives',
    id: 'listRedrives',
    group: 'Redrives',
    summary: 'Lists redrives, the newest first: those at work, and the last hundred that have ended.',
    access: 'management',
    answer: z.object({ redrives: z.array(REDRIVE) }),
    handle: (asked) => {
      const { operator, vhost } = asked;
      const redrives = operator.redrives.list(vhost).filter((one) => maySee(asked, vhost, one));
      return json({ redrives: redrives.map(shape) });
    },
  }),
  operation({
    method: 'GET',
    path: ONE,
    id: 'getRedrive',
    group: 'Redrives',
    summary: 'Shows how far a redrive has come.',
    access: 'management',
    answer: REDRIVE,
    handle: (asked) => {
      const { operator, vhost } = asked;
      const found = operator.redrives.find(vhost, asked.param('id'));
      if (found === undefined || !maySee(asked, vhost, found))
        throw new Problem(404, 'not-found', `no redrive '${asked.param('id')}'`);
      return json(shape(found));
    },
  }),
  operation({
    method: 'GET',
    path: `${ONE}/outcomes`,
    id: 'listRedriveOutcomes',
    group: 'Redrives',
    summary: 'Tells what became of the last thousand messages of a redrive, one by one, the latest first.',
    description:
      'Since the broker was started; the counts are kept for longer. What finds no room is in no outcome: the redrive waits and tries again.',
    access: 'management',
    query: z.strictObject(PAGE),
    answer: z.object({ outcomes: z.array(OUTCOME), total: LISTED.total }),
    handle: (asked) => {
      const { operator, vhost, query } = asked;
      const id = asked.param('id');
      const found = operator.redrives.find(vhost, id);
      if (found === undefined || !maySee(asked, vhost, found))
        throw new Problem(404, 'not-found', `no redrive '${id}'`);
      const outcomes = operator.redrives.outcomes(vhost, id);
      const page = outcomes.page(query.skip, query.limit).map(({ position, atMs, left, to }) => ({
        ...{ position, at: new Date(atMs).toISOString(), outcome: left === undefined ? 'moved' : 'left' },
        ...(left !== undefined && { why: left }),
        ...(to !== '' && { to }),
      }));
      return json({ outcomes: page, total: outcomes.size });
    },
  }),
  operation({
    method: 'POST',
    path: `${ONE}/stop`,
    id: 'stopRedrive',
    group: 'Redrives',
    summary: 'Stops a redrive; it can go on later.',
    description: WHOSE,
    access: 'management',
    answer: REDRIVE,
    handle: (asked) => {
      const { vhost, id } = own(asked);
      return json(shape(asked.operator.redrives.stop(vhost, id)));
    },
  }),
  operation({
    method: 'POST',
    path: `${ONE}/resume`,
    id: 'resumeRedrive',
    group: 'Redrives',
    summary: 'Has a redrive go on that was stopped.',
    description: WHOSE,
    access: 'management',
    answer: REDRIVE,
    handle: (asked) => {
      const { vhost, id } = own(asked);
      return json(shape(asked.operator.redrives.resume(vhost, id)));
    },
  }),
  operation({
    method: 'DELETE',
    path: ONE,
    id: 'deleteRedrive',
    group: 'Redrives',
    summary: 'Stops a redrive and forgets it; what it has moved stays moved.',
    description: WHOSE,
    access: 'management',
    answer: 'nothing',
    handle: (asked) => {
      const { vhost, id } = own(asked);
      asked.operator.redrives.delete(vhost, id);
      return nothing();
    },
  }),
];
