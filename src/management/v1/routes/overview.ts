/** The broker at a glance: now, before, and all the time. */
import { z } from 'zod';
import { AccessPending } from '../../../api/pending.ts';
import type { LiveReader } from '../../../operator/overview/live.ts';
import type { Glance, Past } from '../../../operator/overview/overview.ts';
import { hasTag } from '../../http/tags.ts';
import type { Asked } from '../http/asked.ts';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { json } from '../http/replies.ts';
import { GLANCE, glanceShape, PAST, pastShape } from '../shapes/overview.ts';

type Any = Asked<unknown, unknown>;

const SEES =
  'Who has the tag `monitoring` sees the whole broker, others the vhosts that they may enter, and nothing of the machine.';

const encoder = new TextEncoder();

/** All of the broker, or the vhosts that are his. @throws AccessPending */
function scopeOf({ operator, identity }: Any): readonly string[] | undefined {
  if (hasTag(operator.tagsOf(identity), 'monitoring')) return undefined;
  return operator.vhosts.names.filter((name) => operator.mayEnter(identity, name));
}

function glance(asked: Any, scope: readonly string[] | undefined): Glance {
  const { operator, identity } = asked;
  let connections = 0;
  if (scope === undefined) connections = operator.connections.counts.connections;
  else for (const _ of operator.connections.of(identity.user)) connections++;
  return operator.overview.glance(scope, connections);
}

/** What is told at one moment to all who see everything is made once. */
const whole = new WeakMap<object, { moment: number; bytes: Uint8Array }>();

function told(asked: Any, scope: readonly string[] | undefined): Uint8Array {
  const { liveOverview } = asked.operator;
  const made = whole.get(liveOverview);
  if (scope === undefined && made?.moment === liveOverview.moment) return made.bytes;
  const text = `event: overview\ndata: ${JSON.stringify(glanceShape(glance(asked, scope)))}\n\n`;
  const bytes = encoder.encode(text);
  if (scope === undefined) whole.set(liveOverview, { moment: liveOverview.moment, bytes });
  return bytes;
}

/** Asked for more only as its reader takes what there is. */
function body(asked: Any, reader: LiveReader, first: readonly string[] | undefined): ReadableStream<Uint8Array> {
  let scope = first;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await reader.next();
        if (reader.over) {
          controller.close();
          return;
        }
        try {
          scope = scopeOf(asked);
        } catch (thrown) {
          // A back end is asked what he may enter: until it has said so, it is as it was.
          if (!(thrown instanceof AccessPending)) throw thrown;
        }
        controller.enqueue(told(asked, scope));
      },
      cancel: () => reader.end(),
    },
    { highWaterMark: 0 },
  );
}

const GROWING = z.object({
  vhost: z.string(),
  name: z.string(),
  messages: z.number().int().describe('That wait, or that consumers hold.'),
  rate: z.number().describe('By so many a second they become more.'),
});

export const OVERVIEW: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/overview/growing',
    id: 'listGrowingQueues',
    group: 'Overview',
    summary: 'Lists the queues whose messages become more the fastest.',
    description:
      'Of vhosts that he may enter. Only queues that are measured are looked at, in which something moves: ten thousand at most.',
    access: 'management',
    query: z.strictObject({ limit: z.coerce.number().int().min(1).max(50).default(5) }),
    answer: z.object({ queues: z.array(GROWING) }),
    handle: async ({ operator, identity, query }) => {
      const scope = operator.vhosts.names.filter((name) => operator.mayEnter(identity, name));
      const queues = await operator.queues.growing(scope, query.limit);
      return json({ queues: queues.map((one) => ({ ...one })) });
    },
  }),
  operation({
    method: 'GET',
    path: '/overview',
    id: 'getOverview',
    group: 'Overview',
    summary: 'Tells what flows, what waits, what fails, and what is wrong.',
    description: `${SEES} Rates are over the last five seconds.`,
    access: 'management',
    answer: GLANCE,
    handle: (asked) => json(glanceShape(glance(asked, scopeOf(asked)))),
  }),
  operation({
    method: 'GET',
    path: '/overview/history',
    id: 'getOverviewHistory',
    group: 'Overview',
    summary: 'Tells how that went for the last ten minutes, or the last hour.',
    description: `${SEES} A point each five seconds, or each thirty for the hour, which asks for the tag \`monitoring\`. It begins with the broker.`,
    access: 'management',
    query: z.strictObject({
      span: z.enum(['minutes', 'hour']).default('minutes').describe('Ten minutes, or an hour.'),
    }),
    answer: PAST,
    handle: (asked) => {
      const scope = scopeOf(asked);
      const { span } = asked.query;
      if (scope !== undefined && span === 'hour') {
        throw new Problem(403, 'access-refused', `user '${asked.identity.user}' has not the tag 'monitoring'`);
      }
      const past: Past = asked.operator.overview.past(scope, span);
      return json(pastShape(past, span));
    },
  }),
  operation({
    method: 'GET',
    path: '/overview/live',
    id: 'watchOverview',
    group: 'Overview',
    summary: 'Tells the overview again and again, as server-sent events.',
    description: `An event \`overview\` at once and each two seconds, its data what \`GET /v1/overview\` answers. ${SEES} A reader who is too slow is told less often. It ends with the user's rights.`,
    access: 'management',
    answer: { contentType: 'text/event-stream', what: 'Events, until the client goes.' },
    handle: (asked) => {
      const scope = scopeOf(asked);
      const reader = asked.operator.liveOverview.read(() => asked.stillMay);
      asked.signal.addEventListener('abort', () => reader.end(), { once: true });
      if (asked.signal.aborted) reader.end();
      return new Response(body(asked, reader, scope), {
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
      });
    },
  }),
];
