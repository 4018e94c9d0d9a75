/** Sessions that outlive their clients' connections. */
import { z } from 'zod';
import { SLASH } from '../../../message/message.ts';
import type { KeptSessionView } from '../../../operator/sessions.ts';
import type { Asked } from '../http/asked.ts';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { json, nothing } from '../http/replies.ts';
import { LISTED, PAGE } from '../shapes/paging.ts';

const SESSION = z.object({
  vhost: z.string(),
  protocol: z.string(),
  clientId: z.string(),
  user: z.string(),
  connected: z.boolean(),
  queue: z.string().optional().describe('Where its messages wait.'),
  expirySeconds: z.number().int().nullable().describe('That it outlives its connection; null: for good.'),
  endsAt: z.iso.datetime().optional(),
});

const WHOLE = SESSION.extend({
  ready: z.number().int(),
  unsettled: z.number().int(),
  subscriptions: z.array(
    z.object({
      exchange: z.string(),
      key: z.string(),
      slashed: z.boolean().describe('Levels of the key are parted by `/`.'),
      assurance: z.number().int(),
    }),
  ),
});

function sessionShape(view: KeptSessionView): z.output<typeof SESSION> {
  const { vhost, protocol, clientId, user, connected, queue, expiryS, endsAtMs } = view;
  return {
    ...{ vhost, protocol, clientId, user, connected },
    ...(queue !== undefined && { queue }),
    expirySeconds: expiryS ?? null,
    ...(endsAtMs !== undefined && { endsAt: new Date(endsAtMs).toISOString() }),
  };
}

function notFound(asked: Asked<unknown, unknown>): Problem {
  return new Problem(
    404,
    'not-found',
    `${asked.param('protocol')} keeps no session of '${asked.param('clientId')}' in '${asked.param('vhost')}'`,
  );
}

const ONE = '/vhosts/{vhost}/sessions/{protocol}/{clientId}';

export const SESSIONS: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/sessions',
    id: 'listSessions',
    group: 'Sessions',
    summary: 'Lists sessions that outlive their connections, by client identifier.',
    access: 'monitoring',
    query: z.strictObject({
      ...PAGE,
      name: z.string().max(255).optional().describe('Only those whose client identifier holds this.'),
      connected: z.enum(['true', 'false']).optional(),
    }),
    answer: z.object({ sessions: z.array(SESSION), ...LISTED }),
    handle: async (asked) => {
      const { skip, limit, name, connected } = asked.query;
      const all = name === undefined && connected === undefined;
      const wants = (view: KeptSessionView): boolean =>
        (name === undefined || view.clientId.includes(name)) &&
        (connected === undefined || view.connected === (connected === 'true'));
      const page = await asked.operator.sessions.list.page([asked.vhost], {
        ...{ skip, take: limit },
        ...(!all && { filter: wants }),
      });
      return json({ sessions: page.items.map(sessionShape), total: page.total, matching: page.filtered });
    },
  }),
  operation({
    method: 'GET',
    path: ONE,
    id: 'getSession',
    group: 'Sessions',
    summary: 'Shows a session with its subscriptions.',
    access: 'monitoring',
    answer: WHOLE,
    handle: (asked) => {
      const { operator, vhost } = asked;
      const found = operator.sessions.find(vhost, asked.param('protocol'), asked.param('clientId'));
      if (found === undefined) throw notFound(asked);
      const queue = found.queue === undefined ? undefined : operator.queues.find(vhost, found.queue);
      const session = operator.enterAsOperator(vhost);
      try {
        const bindings = queue === undefined ? [] : session.bindings(queue.name);
        return json({
          ...sessionShape(found),
          ...{ ready: queue?.ready ?? 0, unsettled: queue?.unsettled ?? 0 },
          subscriptions: bindings.map(({ exchange, key, options: { spelling, assurance = 2 } }) => ({
            ...{ exchange, key, slashed: spelling === SLASH, assurance },
          })),
        });
      } finally {
        session.close(true);
      }
    },
  }),
  operation({
    method: 'DELETE',
    path: ONE,
    id: 'endSession',
    group: 'Sessions',
    summary: 'Ends a session with all that waits in it; its client is disconnected.',
    access: 'administrator',
    answer: 'nothing',
    handle: async (asked) => {
      const { operator, vhost } = asked;
      if (!(await operator.sessions.end(vhost, asked.param('protocol'), asked.param('clientId'))))
        throw notFound(asked);
      return nothing();
    },
  }),
];
