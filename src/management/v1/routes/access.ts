/** Who may do what, and which rule says so. */
import { z } from 'zod';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { json } from '../http/replies.ts';

/** Of one request: as many as a page of a list has rows, a few of each. */
const QUESTIONS_MAX = 500;

const ACTION = z
  .string()
  .max(32)
  .describe('`configure`, `write` or `read`; of a topic `publish`, `receive`, `subscribe` or `unsubscribe`.');
const RESOURCE = z
  .string()
  .max(65_535)
  .describe('`queue:NAME` or `exchange:NAME`; of a topic or filter `topic:A/B`, its levels parted by slashes.');
const TOPIC = z.string().max(65_535).optional().describe('Also with this key, dotted, of a topic exchange.');
const VHOST = z.string().max(255).default('/');

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
      action: ACTION,
      resource: RESOURCE,
      vhost: VHOST,
      topic: TOPIC,
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
  operation({
    method: 'POST',
    path: '/access',
    id: 'askAccess',
    group: 'Routes',
    summary: 'Says of many things at once whether who asks may do them.',
    description: `As a page does before it offers them. Nothing is changed. At most ${QUESTIONS_MAX}.`,
    access: 'management',
    body: z.strictObject({
      questions: z
        .array(z.strictObject({ action: ACTION, resource: RESOURCE, vhost: VHOST, topic: TOPIC }))
        .max(QUESTIONS_MAX),
    }),
    answer: z.object({ allowed: z.array(z.boolean()).describe('In the order of the questions.') }),
    handle: ({ identity: { user }, operator, body }) => {
      const allowed = body.questions.map((question) =>
        operator.explainAccess({ ...question, user }).every((rule) => rule.allowed),
      );
      return json({ allowed });
    },
  }),
];
