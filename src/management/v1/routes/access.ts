/** Who may do what, and which rule says so. */
import { z } from 'zod';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { json } from '../http/replies.ts';

export const ACCESS: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/access',
    id: 'explainAccess',
    group: 'Routes',
    summary: 'Says whether a user may do something, and which rule decides.',
    description: 'What another user may asks for the tag `administrator`.',
    access: 'management',
    query: z.strictObject({
      user: z.string().max(255).optional().describe('Default: who asks.'),
      action: z
        .string()
        .max(32)
        .describe('`configure`, `write` or `read`; of a topic `publish`, `receive`, `subscribe` or `unsubscribe`.'),
      resource: z
        .string()
        .max(65_535)
        .describe('`queue:NAME` or `exchange:NAME`; of a topic or filter `topic:A/B`, its levels parted by slashes.'),
      vhost: z.string().max(255).default('/'),
      topic: z.string().max(65_535).optional().describe('Also with this key, dotted, of a topic exchange.'),
      clientId: z.string().max(65_535).optional().describe('As the client calls itself.'),
    }),
    answer: z.object({
      user: z.string(),
      allowed: z.boolean(),
      rules: z
        .array(z.object({ allowed: z.boolean(), sentence: z.string() }))
        .describe('Those that were asked, up to one that refuses.'),
    }),
    handle: (asked) => {
      const { identity, operator, query } = asked;
      const { user = identity.user } = query;
      if (user !== identity.user && identity.tags?.includes('administrator') !== true) {
        throw new Problem(403, 'access-refused', "what others may is shown to who has the tag 'administrator'");
      }
      const rules = operator.explainAccess({ ...query, user });
      return json({ user, allowed: rules.every(({ allowed }) => allowed), rules });
    },
  }),
];
