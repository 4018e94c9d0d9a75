/** Routes explained: a dry run of an address in any protocol's own words. */
import { z } from 'zod';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { json } from '../http/replies.ts';

const DECISION = z.object({
  action: z.string(),
  resource: z.string(),
  name: z.string(),
  routingKey: z.string().optional(),
  allowed: z.boolean(),
  decidedBy: z
    .string()
    .optional()
    .describe('Which kind of rule decides; left out where somebody else than the broker keeps the rules.'),
  pattern: z.string().optional().describe("The rule's regular expression."),
  expanded: z.string().optional(),
  role: z.unknown().optional(),
});

const EXPLAINED = z.object({
  protocol: z.string(),
  address: z.string(),
  user: z.string(),
  exchange: z.string(),
  type: z.string().nullable().describe('Null: there is no such exchange.'),
  key: z.string().describe('In dots.'),
  declares: z.string().optional().describe('The queue that would be declared first.'),
  delayMs: z.number().optional(),
  bindings: z.array(
    z.object({
      exchange: z.string(),
      key: z.string(),
      to: z.union([z.object({ queue: z.string() }), z.object({ exchange: z.string() })]),
    }),
  ),
  alternates: z.array(z.object({ exchange: z.string(), alternate: z.string() })),
  withheld: z
    .array(z.object({ exchange: z.string(), key: z.string() }))
    .describe("Topics that are the broker's own, to which nothing goes on from another exchange."),
  queues: z.array(
    z.object({
      name: z.string(),
      durable: z.boolean(),
      direct: z.boolean().optional().describe('Messages of at most once go past it: whether a subscriber is there.'),
      consumers: z.number().int(),
      messages: z.number().int(),
    }),
  ),
  cut: z.boolean().describe('There are more bindings or queues than are listed.'),
  perMessage: z
    .boolean()
    .describe('It depends on more than the key, as on headers: it cannot be told without the message.'),
  permissions: z.array(DECISION),
  delivered: z.boolean().describe('The user may, and some queue would take it.'),
});

export const EXPLAIN: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/explain',
    id: 'explain',
    group: 'Routes',
    summary: "A dry run of an address, in any protocol's own words: where a message would go, and who may send it.",
    description: 'Nothing is published or declared. Explaining what another user may asks for the tag `administrator`.',
    access: 'management',
    query: z.strictObject({
      protocol: z.string().max(64).describe('The protocol, as listeners name it.'),
      address: z
        .string()
        .max(65_535)
        .describe('As its clients would write it: an exchange, a topic, a destination, a channel.'),
      key: z
        .string()
        .max(65_535)
        .optional()
        .describe('The routing key, where the protocol says it apart from the address.'),
      vhost: z.string().max(255).default('/'),
      user: z.string().max(255).optional().describe('Whose permissions are looked at. Default: who asks.'),
    }),
    answer: EXPLAINED,
    handle: (asked) => {
      const { protocol, address, key, user = asked.identity.user } = asked.query;
      const vhost = asked.vhostNamed(asked.query.vhost);
      if (user !== asked.identity.user && !asked.identity.tags?.includes('administrator')) {
        throw new Problem(403, 'access-refused', "what others may is shown to who has the tag 'administrator'");
      }
      const { type, permissions, ...rest } = asked.operator.explain(vhost, user, protocol, address, key);
      return json({
        ...{ protocol, address, user, type: type ?? null, ...rest },
        permissions: permissions.map(({ request, allowed, because }) => ({
          action: request.action,
          resource: request.resource,
          name: request.name,
          ...(request.routingKey !== undefined && { routingKey: request.routingKey }),
          allowed,
          ...(because !== undefined && {
            decidedBy: because.decidedBy,
            pattern: because.pattern,
            expanded: because.expanded,
            role: because.byRole,
          }),
        })),
      });
    },
  }),
];
