/** Why was this dropped: the last messages that ended without being delivered. */
import { z } from 'zod';
import { DROP_REASONS } from '../../../vhost/dropped-messages.ts';
import { type Operation, operation } from '../http/operation.ts';
import { json } from '../http/replies.ts';

const DROPPED = z.object({
  at: z.iso.datetime(),
  reason: z.enum(DROP_REASONS),
  queue: z.string().describe('Where it was, or was to go; empty where no queue was concerned.'),
  exchange: z.string(),
  routingKey: z.string(),
  messageId: z.string().optional(),
  position: z.number().int().describe('Its place in the order of arrival; 0 if it was never stored.'),
  bodyBytes: z.number().int(),
  by: z
    .object({ protocol: z.string(), user: z.string(), client: z.string() })
    .optional()
    .describe('Who published it, of what was never stored.'),
});

export const DROPPED_MESSAGES: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/dropped',
    id: 'listDropped',
    group: 'Messages',
    summary: 'Tells the last messages that ended without being delivered, and why, the latest first.',
    description:
      'A hundred of each reason, since the broker was started, of queues that he may read (all to who has the tag `administrator`); of a flood of them a hundred in a second. All are counted in the metrics.',
    access: 'monitoring',
    query: z.strictObject({
      reason: z.enum(DROP_REASONS).optional(),
      queue: z.string().max(65_535).optional().describe('Only those of this queue.'),
      messageId: z.string().max(255).optional().describe('Only those of this message id.'),
    }),
    answer: z.object({ dropped: z.array(DROPPED) }),
    handle: (asked) => {
      const { operator, vhost } = asked;
      const { reason, queue, messageId } = asked.query;
      const dropped = operator.vhosts
        .dropped(vhost, reason)
        .filter((one) =>
          one.queue === ''
            ? asked.maySeeRouted(vhost, one.exchange, [one.routingKey])
            : asked.maySeeIn(vhost, one.queue),
        )
        .filter((one) => queue === undefined || one.queue === queue)
        .filter((one) => messageId === undefined || one.messageId === messageId)
        .map(({ atMs, messageId: id, ...rest }) => ({
          at: new Date(atMs).toISOString(),
          ...rest,
          ...(id !== undefined && { messageId: id }),
        }));
      return json({ dropped });
    },
  }),
];
