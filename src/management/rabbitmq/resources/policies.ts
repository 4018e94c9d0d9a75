/** Policies and operators' policies. */
import type { Policy, PolicyKind, PolicyTarget, PolicyValue } from '../../../api/policies.ts';
import { BrokerError } from '../../../message/errors.ts';
import type { Operator } from '../../../operator/operator.ts';
import type { PolicyView } from '../../../operator/policies.ts';
import { badRequest, notFound } from '../http/errors.ts';
import { type Body, demandKeys, textOf, wholeOf } from '../http/fields.ts';
import { plain } from '../http/plain.ts';
import { created, json, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource, Verb } from '../http/resource.ts';
import { listReply } from '../lists/list-reply.ts';

export function policyShown({ vhost, name, pattern, applyTo, definition, priority }: PolicyView): object {
  return { vhost, name, pattern, 'apply-to': applyTo, definition, priority };
}

/** As a body says it. @throws Failure 400 */
export function policyOf(name: string, kind: PolicyKind, body: Body): Policy {
  demandKeys(body, ['pattern', 'definition']);
  const definition = plain(body['definition']);
  if (typeof definition !== 'object' || definition === null || Array.isArray(definition)) {
    throw badRequest('definition is no object');
  }
  return {
    ...{ name, kind, pattern: textOf(body, 'pattern'), definition: definition as Record<string, PolicyValue> },
    applyTo: textOf(body, 'apply-to', 'all') as PolicyTarget,
    priority: wholeOf(body, 'priority') ?? 0,
  };
}

/** @throws Failure 400: it means nothing */
export function checkPolicy(operator: Operator, policy: Policy): void {
  try {
    operator.policies.check(policy);
  } catch (error) {
    throw validationOf(error);
  }
}

/** In RabbitMQ's words. */
function validationOf(error: unknown): unknown {
  if (!(error instanceof BrokerError) || error.code !== 'invalid') return error;
  return badRequest(`Validation failed\n\n${error.message}\n`);
}

/** Sets one. @returns whether it was there @throws Failure 400 */
export async function putPolicy(
  operator: Operator,
  vhost: string,
  name: string,
  kind: PolicyKind,
  body: Body,
): Promise<boolean> {
  const policy = policyOf(name, kind, body);
  const existed = operator.policies.find(vhost, name, kind) !== undefined;
  try {
    await operator.policies.set(vhost, policy);
  } catch (error) {
    throw validationOf(error);
  }
  return existed;
}

/** The resources of one kind. @param writes the least tag that may set them */
function resources(path: string, kind: PolicyKind, writes: Verb['tag']): readonly Resource[] {
  const list: Verb = {
    tag: 'management',
    handle: (request) =>
      listReply(request, request.operator.policies.list, request.scope, {
        show: policyShown,
        visible: (policy) => policy.kind === kind,
      }),
  };
  const one = (request: ApiRequest): PolicyView => {
    const found = request.operator.policies.find(request.vhost().name, request.param('policy'), kind);
    if (found === undefined) throw notFound();
    return found;
  };
  return [
    { path, verbs: { GET: list } },
    { path: `${path}/:vhost`, verbs: { GET: list } },
    {
      path: `${path}/:vhost/:policy`,
      verbs: {
        GET: { tag: 'management', handle: (request) => json(policyShown(one(request))) },
        PUT: {
          tag: writes,
          handle: async (request) => {
            const vhost = request.vhost().name;
            const body = await request.body();
            const existed = await putPolicy(request.operator, vhost, request.param('policy'), kind, body);
            return existed ? noContent() : created();
          },
        },
        DELETE: {
          tag: writes,
          handle: async (request) => {
            const { vhost, name } = one(request);
            await request.operator.policies.clear(vhost, name, kind);
            return noContent();
          },
        },
      },
    },
  ];
}

export const POLICIES: readonly Resource[] = [
  ...resources('/policies', 'policy', 'policymaker'),
  ...resources('/operator-policies', 'operator', 'administrator'),
];
