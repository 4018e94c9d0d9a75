/** Routes and subscriptions explained: a dry run of an address in any protocol's own words. */
import { z } from 'zod';
import type { AccessAnswer } from '../../../broker/access.ts';
import { BrokerError } from '../../../message/errors.ts';
import type { Headers } from '../../../message/properties.ts';
import { parseJson, valueFromJson } from '../../../message/values.ts';
import { LOCAL_OPERATOR } from '../../../operator/local-operator.ts';
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

const BINDINGS = z.array(
  z.object({
    exchange: z.string(),
    key: z.string(),
    to: z.union([z.object({ queue: z.string() }), z.object({ exchange: z.string() })]),
  }),
);

const QUEUE = z.object({
  name: z.string(),
  durable: z.boolean(),
  direct: z.boolean().optional().describe('Messages of at most once go past it: whether a subscriber is there.'),
  consumers: z.number().int(),
  messages: z.number().int(),
});

const PUBLISHED = z.object({
  as: z.literal('publish'),
  protocol: z.string(),
  address: z.string(),
  user: z.string(),
  exchange: z.string(),
  type: z.string().nullable().describe('Null: there is no such exchange.'),
  key: z.string().describe('In dots.'),
  declares: z.string().optional().describe('The queue that would be declared first.'),
  delayMs: z.number().optional(),
  bindings: BINDINGS,
  alternates: z.array(z.object({ exchange: z.string(), alternate: z.string() })),
  withheld: z
    .array(z.object({ exchange: z.string(), key: z.string() }))
    .describe("Topics that are the broker's own, to which nothing goes on from another exchange."),
  queues: z.array(QUEUE),
  cut: z.boolean().describe('There are more bindings or queues than are listed.'),
  perMessage: z
    .boolean()
    .describe('It depends on more than the key, as on headers: it cannot be told without the message.'),
  permissions: z.array(DECISION),
  delivered: z.boolean().describe('The user may, and some queue would take it.'),
});

const SUBSCRIBED = z.object({
  as: z.literal('subscribe'),
  protocol: z.string(),
  address: z.string(),
  user: z.string(),
  queueName: z.string().optional().describe('The queue that is read. Left out: one of a name that is made then.'),
  queue: QUEUE.extend({ exclusive: z.boolean().describe('One connection alone has it.') })
    .optional()
    .describe('As it is now. Left out: it is not there.'),
  declares: z.boolean().describe('It would be made.'),
  shared: z.boolean().describe('Subscribers take messages from each other; else each gets all of them.'),
  waits: z
    .enum(['queue', 'session', 'connection', 'never'])
    .describe(
      'How long a message waits for who subscribes: as the queue lasts, as the session, as the connection; not at all.',
    ),
  binding: z
    .object({
      exchange: z.string(),
      type: z.string().nullable().describe('Null: there is no such exchange.'),
      key: z.string().describe('In dots, with * and #.'),
      isThere: z.boolean().describe('The queue is bound so already.'),
    })
    .optional()
    .describe('What the queue would be bound with. Left out: it is read as it is.'),
  bindings: BINDINGS.describe(
    'What brings messages there now: bindings of the queue, and of exchanges that lead to theirs.',
  ),
  cut: z.boolean().describe('There are more bindings than are listed.'),
  retained: z
    .object({
      count: z.number().int(),
      withheld: z.number().int().describe('Others, which this user may not be shown.'),
      keys: z.array(z.string()).describe('The first hundred of their topics, in dots.'),
    })
    .optional()
    .describe('What is retained and would come first. Left out: it does not begin with that.'),
  notes: z.array(z.string()).describe('What else is to be known, for people.'),
  permissions: z.array(DECISION),
  granted: z.boolean().describe('The user may, and there is, or would be, something to read.'),
});

function headersFrom(text: string, context: z.RefinementCtx): Headers {
  let given: unknown;
  try {
    given = parseJson(text);
  } catch {
    // Told below.
  }
  const value = given === undefined ? undefined : valueFromJson(given, 8);
  if (typeof value === 'object' && value !== null && 'type' in value && value.type === 'map') return value.value;
  context.addIssue({ code: 'custom', message: 'is no object of JSON' });
  return z.NEVER;
}

export const EXPLAIN: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/explain',
    id: 'explain',
    group: 'Routes',
    summary:
      "A dry run of an address, in any protocol's own words: where a message would go, or what a subscription would get, and who may.",
    description:
      'Nothing is published, declared or subscribed to. Explaining what another user may asks for the tag `administrator`.',
    access: 'management',
    query: z.strictObject({
      protocol: z.string().max(64).describe('The protocol, as listeners name it.'),
      address: z
        .string()
        .max(65_535)
        .describe(
          'As its clients would write it: an exchange or a queue, a topic or a filter, a destination, a channel or a pattern.',
        ),
      as: z
        .enum(['publish', 'subscribe'])
        .optional()
        .describe('What would be done there. Default: it is published to, or, where that cannot be, subscribed to.'),
      key: z
        .string()
        .max(65_535)
        .optional()
        .describe(
          'The routing key, where the protocol says it apart from the address; to subscribe, the key to bind with.',
        ),
      headers: z
        .string()
        .max(8_192)
        .transform(headersFrom)
        .optional()
        .describe('Headers of the message, as an object of JSON: what goes by them is told then. To publish.'),
      clientId: z.string().max(65_535).optional().describe('What the client that subscribes calls itself.'),
      vhost: z.string().max(255).default('/'),
      user: z.string().max(255).optional().describe('Whose permissions are looked at. Default: who asks.'),
    }),
    answer: z.union([PUBLISHED, SUBSCRIBED]),
    handle: async (asked) => {
      const { user = asked.identity.user } = asked.query;
      const vhost = asked.vhostNamed(asked.query.vhost);
      if (user !== asked.identity.user && !asked.identity.tags?.includes('administrator')) {
        throw new Problem(403, 'access-refused', "what others may is shown to who has the tag 'administrator'");
      }
      const { protocol, address, key, clientId, as, headers } = asked.query;
      const whose = asked.identity === LOCAL_OPERATOR && asked.query.user === undefined ? null : user;
      const named = { protocol, address, user };
      const published = (): Response => {
        const { type, permissions, ...rest } = asked.operator.explain(vhost, whose, protocol, address, key, headers);
        const decided = permissions.map(shownDecision);
        return json({ as: 'publish', ...named, type: type ?? null, ...rest, permissions: decided });
      };
      const subscribed = async (): Promise<Response> => {
        const found = await asked.operator.explainSubscription(vhost, whose, protocol, address, { key, clientId });
        const { binding, permissions, ...rest } = found;
        const bound = binding && { ...binding, type: binding.type ?? null };
        return json({
          ...{ as: 'subscribe', ...named, ...rest, binding: bound, permissions: permissions.map(shownDecision) },
        });
      };
      if (as === 'subscribe') return subscribed();
      try {
        return published();
      } catch (error) {
        if (as === 'publish' || !(error instanceof BrokerError) || error.code !== 'invalid') throw error;
        // What it is no address for says more of it, where it is none for a subscription either.
        return subscribed().catch(() => {
          throw error;
        });
      }
    },
  }),
];

function shownDecision({ request, allowed, because }: AccessAnswer): object {
  return {
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
  };
}
