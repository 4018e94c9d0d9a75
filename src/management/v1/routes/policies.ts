/** Policies and limits, changed while everything runs: in force at once. */
import { z } from 'zod';
import type { PolicyView } from '../../../operator/policies.ts';
import type { Asked } from '../http/asked.ts';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { json, nothing } from '../http/replies.ts';

const KIND = z
  .enum(['policy', 'operator'])
  .default('policy')
  .describe('`operator`: limits that no client and no policy can raise.');
const DEFINITION = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const APPLY_TO = z.enum(['all', 'queues', 'exchanges', 'classic_queues', 'quorum_queues']);

const POLICY = z.object({
  vhost: z.string(),
  name: z.string(),
  kind: z.enum(['policy', 'operator']),
  pattern: z.string(),
  applyTo: APPLY_TO,
  priority: z.number().int(),
  definition: DEFINITION,
  configured: z.boolean().describe('It comes from the configuration, and is changed only there.'),
});

const ONE = '/vhosts/{vhost}/policies/{name}';
const QUERY = z.strictObject({ kind: KIND });

function policyShape(view: PolicyView): z.output<typeof POLICY> {
  const { vhost, name, kind, pattern, applyTo, priority, definition, configured } = view;
  return { vhost, name, kind, pattern, applyTo, priority, definition: { ...definition }, configured };
}

function notFound(asked: Asked<unknown, unknown>): Problem {
  return new Problem(404, 'not-found', `no such policy '${asked.param('name')}' in vhost '${asked.param('vhost')}'`);
}

export const POLICIES: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/policies',
    id: 'listPolicies',
    group: 'Policies',
    summary: 'Lists policies of a vhost, of both kinds, the highest priority first.',
    access: 'management',
    answer: z.object({ policies: z.array(POLICY) }),
    handle: (asked) => json({ policies: asked.operator.policies.of(asked.vhost).map(policyShape) }),
  }),
  operation({
    method: 'GET',
    path: ONE,
    id: 'getPolicy',
    group: 'Policies',
    summary: 'Shows a policy.',
    access: 'management',
    query: QUERY,
    answer: POLICY,
    handle: (asked) => {
      const found = asked.operator.policies.find(asked.vhost, asked.param('name'), asked.query.kind);
      if (found === undefined) throw notFound(asked);
      return json(policyShape(found));
    },
  }),
  operation({
    method: 'PUT',
    path: ONE,
    id: 'putPolicy',
    group: 'Policies',
    summary: 'Sets a policy, or replaces it: in force at once for all that there is.',
    description: 'One of the kind `operator` asks for the tag `administrator`.',
    access: 'policymaker',
    query: QUERY,
    body: z.strictObject({
      pattern: z.string().max(1024).describe('A regular expression, looked for anywhere in a name.'),
      definition: DEFINITION,
      applyTo: APPLY_TO.default('all'),
      priority: z.number().int().default(0),
    }),
    answer: POLICY,
    handle: async (asked) => {
      const { operator, vhost } = asked;
      const { kind } = asked.query;
      demandKind(asked, kind);
      await operator.policies.set(vhost, { name: asked.param('name'), kind, ...asked.body });
      return json(policyShape(operator.policies.find(vhost, asked.param('name'), kind)!));
    },
  }),
  operation({
    method: 'DELETE',
    path: ONE,
    id: 'deletePolicy',
    group: 'Policies',
    summary: 'Removes a policy.',
    access: 'policymaker',
    query: QUERY,
    answer: 'nothing',
    handle: async (asked) => {
      demandKind(asked, asked.query.kind);
      if (!(await asked.operator.policies.clear(asked.vhost, asked.param('name'), asked.query.kind))) {
        throw notFound(asked);
      }
      return nothing();
    },
  }),
];

/** What operators set is not for who makes policies. */
function demandKind({ identity }: Asked<unknown, unknown>, kind: 'policy' | 'operator'): void {
  if (kind === 'policy' || identity.tags?.includes('administrator') === true) return;
  throw new Problem(403, 'access-refused', "operators' policies are set by who has the tag 'administrator'");
}
