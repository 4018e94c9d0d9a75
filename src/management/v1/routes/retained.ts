/** Retained messages: the last of each topic, for who subscribes later. */
import { z } from 'zod';
import type { AccessRequest } from '../../../api/identity.ts';
import type { RetainedView } from '../../../operator/messages/retained.ts';
import type { Asked } from '../http/asked.ts';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { json, nothing } from '../http/replies.ts';
import { BODY_BYTES, BODY_FORM, MESSAGE, messageShape } from '../shapes/message.ts';
import { LISTED, PAGE } from '../shapes/paging.ts';

/** Where topics live. */
const TOPICS = 'amq.topic';
const ONE = '/vhosts/{vhost}/retained/{key}';
const ASKS = 'Asks for the permission to read the topic: the exchange amq.topic, and the key in it.';

const RETAINED = z.object({
  key: z.string().describe('The topic, its levels parted by dots: `/` and `.` trade places.'),
  bytes: z.number().int().describe('Of key, properties and body.'),
  expiresAt: z.iso.datetime().optional(),
});

/** Whether he may do that with a topic: what he is shown is what a subscriber of his would be. */
export function mayUseTopic(
  { identity, operator }: Asked<unknown, unknown>,
  vhost: string,
  action: 'read' | 'write',
  key: string,
): boolean {
  if (action === 'read') return operator.mayReadRetained(identity, vhost, TOPICS, key);
  const asks: AccessRequest[] = [
    { vhost, action, resource: 'exchange', name: TOPICS, topicsFollow: true },
    { vhost, action, resource: 'topic', name: TOPICS, routingKey: key },
  ];
  return asks.every((request) => operator.permits(identity, request));
}

function demand(asked: Asked<unknown, unknown>, vhost: string, action: 'read' | 'write', key: string): void {
  if (mayUseTopic(asked, vhost, action, key)) return;
  throw new Problem(403, 'access-refused', `user '${asked.identity.user}' may not ${action} topic '${key}'`);
}

function retainedShape({ key, bytes, expiresAtMs }: RetainedView): z.output<typeof RETAINED> {
  return { key, bytes, ...(expiresAtMs > 0 && { expiresAt: new Date(expiresAtMs).toISOString() }) };
}

export const RETAINED_MESSAGES: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/retained',
    id: 'listRetained',
    group: 'Retained messages',
    summary: 'Lists topics that have a retained message, by key.',
    description: 'Those that he may read.',
    access: 'management',
    query: z.strictObject({ ...PAGE, name: z.string().max(255).optional().describe('Only keys that hold this.') }),
    answer: z.object({ retained: z.array(RETAINED), ...LISTED }),
    handle: async (asked) => {
      const { vhost } = asked;
      const { skip, limit, name } = asked.query;
      const page = await asked.operator.retained.list.page([vhost], {
        ...{ skip, take: limit },
        visible: ({ key }) => mayUseTopic(asked, vhost, 'read', key),
        ...(name !== undefined && { filter: ({ key }: RetainedView) => key.includes(name) }),
      });
      return json({ retained: page.items.map(retainedShape), total: page.total, matching: page.filtered });
    },
  }),
  operation({
    method: 'GET',
    path: ONE,
    id: 'getRetained',
    group: 'Retained messages',
    summary: 'Shows the retained message of a topic.',
    description: ASKS,
    access: 'management',
    query: z.strictObject({ body: BODY_FORM, bodyBytes: BODY_BYTES }),
    answer: MESSAGE,
    handle: async (asked) => {
      const { vhost } = asked;
      const key = asked.param('key');
      demand(asked, vhost, 'read', key);
      const found = await asked.operator.retained.find(vhost, key, asked.query.bodyBytes);
      if (found === undefined) throw new Problem(404, 'not-found', `nothing is retained under '${key}'`);
      return json(messageShape(found, asked.query.body));
    },
  }),
  operation({
    method: 'DELETE',
    path: ONE,
    id: 'deleteRetained',
    group: 'Retained messages',
    summary: 'Removes the retained message of a topic; subscribers hear nothing of it.',
    description: 'Asks for the permission to write the topic.',
    access: 'management',
    answer: 'nothing',
    handle: async (asked) => {
      const { vhost } = asked;
      const key = asked.param('key');
      demand(asked, vhost, 'write', key);
      if (!(await asked.operator.retained.delete(vhost, key))) {
        throw new Problem(404, 'not-found', `nothing is retained under '${key}'`);
      }
      return nothing();
    },
  }),
];
