/** Half messages: listed, and ended in the place of their publishers. */
import { z } from 'zod';
import { whenSafe } from '../../http/safe.ts';
import type { Asked } from '../http/asked.ts';
import { type Operation, operation } from '../http/operation.ts';
import { json, nothing } from '../http/replies.ts';

const HALF = z.object({
  id: z.string(),
  user: z.string(),
  checkAddress: z.string().describe('Where the broker asks; empty for nowhere.'),
  preparedAt: z.iso.datetime(),
  asked: z.number().int().describe('How often the broker has asked for it.'),
  askedNextAt: z.iso.datetime(),
});

const WHOSE = z.strictObject({
  user: z.string().max(255).optional().describe('Whose it is, where several users have one of that id.'),
});

async function ended(asked: Asked<z.output<typeof WHOSE>, unknown>, action: 'commit' | 'rollback'): Promise<Response> {
  const { operator, vhost, query } = asked;
  const mark = operator.halfMessages.end(vhost, asked.param('id'), action, query.user);
  const session = operator.enterAsOperator(vhost);
  try {
    await whenSafe(session, mark);
  } finally {
    session.close(true);
  }
  return nothing();
}

export const HALF_MESSAGES: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/half-messages',
    id: 'listHalfMessages',
    group: 'Half messages',
    summary:
      'Lists messages that are stored and wait for a word of their publishers, the oldest first, a thousand at most.',
    access: 'monitoring',
    answer: z.object({ halfMessages: z.array(HALF), total: z.number().int() }),
    handle: ({ operator, vhost }) => {
      const { items, total } = operator.halfMessages.list(vhost);
      const halfMessages = items.map(({ id, user, checkAddress, preparedAtMs, asked, nextMs }) => ({
        ...{ id, user, checkAddress, asked },
        preparedAt: new Date(preparedAtMs).toISOString(),
        askedNextAt: new Date(nextMs).toISOString(),
      }));
      return json({ halfMessages, total });
    },
  }),
  operation({
    method: 'POST',
    path: '/vhosts/{vhost}/half-messages/{id}/commit',
    id: 'commitHalfMessage',
    group: 'Half messages',
    summary: 'Has a half message go on its way, in the place of its publisher.',
    access: 'administrator',
    query: WHOSE,
    answer: 'nothing',
    handle: (asked) => ended(asked, 'commit'),
  }),
  operation({
    method: 'POST',
    path: '/vhosts/{vhost}/half-messages/{id}/rollback',
    id: 'rollBackHalfMessage',
    group: 'Half messages',
    summary: 'Drops a half message, in the place of its publisher.',
    access: 'administrator',
    query: WHOSE,
    answer: 'nothing',
    handle: (asked) => ended(asked, 'rollback'),
  }),
];
