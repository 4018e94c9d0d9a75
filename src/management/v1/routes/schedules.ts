/** Schedules: messages that come again and again, listed and ended. */
import { z } from 'zod';
import { whenSafe } from '../../http/safe.ts';
import { type Operation, operation } from '../http/operation.ts';
import { json, nothing } from '../http/replies.ts';

const SCHEDULE = z.object({
  id: z.string(),
  user: z.string().describe('Who has published it; each message is published in his name.'),
  exchange: z.string(),
  routingKey: z.string(),
  delayMs: z.number().int(),
  periodMs: z.number().int(),
  repeat: z.number().int().describe('How many follow the first message; -1: it never ends.'),
  cron: z.string().describe('In UTC; empty for none.'),
  madeAt: z.iso.datetime(),
  nextAt: z.iso.datetime(),
  fired: z.number().int().describe('How many messages have come of it.'),
});

export const SCHEDULES: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/schedules',
    id: 'listSchedules',
    group: 'Schedules',
    summary: 'Lists messages that come again and again, or by a calendar, the oldest first, a thousand at most.',
    access: 'monitoring',
    answer: z.object({ schedules: z.array(SCHEDULE), total: z.number().int() }),
    handle: ({ operator, vhost }) => {
      const { items, total } = operator.schedules.list(vhost);
      const schedules = items.map(({ madeAtMs, nextMs, ...shown }) => ({
        ...shown,
        madeAt: new Date(madeAtMs).toISOString(),
        nextAt: new Date(nextMs).toISOString(),
      }));
      return json({ schedules, total });
    },
  }),
  operation({
    method: 'DELETE',
    path: '/vhosts/{vhost}/schedules/{id}',
    id: 'deleteSchedule',
    group: 'Schedules',
    summary: 'Ends a schedule: nothing comes of it any more.',
    access: 'administrator',
    answer: 'nothing',
    handle: async (asked) => {
      const { operator, vhost } = asked;
      operator.schedules.remove(vhost, asked.param('id'));
      const session = operator.enterAsOperator(vhost);
      try {
        await whenSafe(session, session.mark());
      } finally {
        session.close(true);
      }
      return nothing();
    },
  }),
];
