/**
 * Parameters. Global ones are kept whatever they are called. Those of a vhost belong to components: here there are operators' policies
 * (`operator_policy`), seen from another side; plugins that have such (shovels, federation) are not there, which is said.
 */
import type { PolicyView } from '../../../operator/policies.ts';
import { badRequest, notFound } from '../http/errors.ts';
import { type Body, demandKeys } from '../http/fields.ts';
import { plain } from '../http/plain.ts';
import { created, json, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource, Verb } from '../http/resource.ts';
import { listReply } from '../lists/list-reply.ts';
import { putPolicy } from './policies.ts';

const OPERATOR_POLICY = 'operator_policy';

/** As definitions have it, too. */
export function operatorPolicyParameter({ vhost, name, pattern, applyTo, definition, priority }: PolicyView): object {
  const value = { pattern, definition, priority, 'apply-to': applyTo };
  return { value, vhost, component: OPERATOR_POLICY, name };
}

/** Sets a vhost's parameter. @returns whether it was there @throws Failure 400: there is no such component */
export async function putParameter(
  operator: ApiRequest['operator'],
  component: string,
  vhost: string,
  name: string,
  body: Body,
): Promise<boolean> {
  if (component === 'policy') throw badRequest('policies may not be set using this method');
  demandKeys(body, ['value']);
  if (component !== OPERATOR_POLICY) throw badRequest(`Validation failed\n\ncomponent ${component} not found\n`);
  return putPolicy(operator, vhost, name, 'operator', (body['value'] ?? {}) as Body);
}

function list(request: ApiRequest): Response | Promise<Response> {
  const { component } = request.params;
  if (component !== undefined && component !== OPERATOR_POLICY) return json([]);
  return listReply(request, request.operator.policies.list, request.scope, {
    show: operatorPolicyParameter,
    visible: (policy) => policy.kind === 'operator',
  });
}

/** @throws Failure 404 */
function one(request: ApiRequest): PolicyView {
  const vhost = request.vhost().name;
  const found =
    request.param('component') === OPERATOR_POLICY
      ? request.operator.policies.find(vhost, request.param('name'), 'operator')
      : undefined;
  if (found === undefined) throw notFound();
  return found;
}

const LIST: Verb = { tag: 'policymaker', handle: list };

export const PARAMETERS: readonly Resource[] = [
  { path: '/parameters', verbs: { GET: LIST } },
  { path: '/parameters/:component', verbs: { GET: LIST } },
  { path: '/parameters/:component/:vhost', verbs: { GET: LIST } },
  {
    path: '/parameters/:component/:vhost/:name',
    verbs: {
      GET: { tag: 'policymaker', handle: (request) => json(operatorPolicyParameter(one(request))) },
      PUT: {
        tag: 'policymaker',
        handle: async (request) => {
          const { operator } = request;
          const body = await request.body();
          const vhost = request.vhost().name;
          const existed = await putParameter(operator, request.param('component'), vhost, request.param('name'), body);
          return existed ? noContent() : created();
        },
      },
      DELETE: {
        tag: 'policymaker',
        handle: async (request) => {
          const { vhost, name } = one(request);
          await request.operator.policies.clear(vhost, name, 'operator');
          return noContent();
        },
      },
    },
  },
  {
    path: '/global-parameters',
    verbs: {
      GET: {
        tag: 'policymaker',
        handle: ({ operator: { globals } }) =>
          json(globals.names().map((name) => ({ name, value: globals.get(name) }))),
      },
    },
  },
  {
    path: '/global-parameters/:name',
    verbs: {
      GET: {
        tag: 'policymaker',
        handle: (request) => {
          const value = request.operator.globals.get(request.param('name'));
          if (value === undefined) throw notFound();
          return json({ name: request.param('name'), value });
        },
      },
      PUT: {
        tag: 'policymaker',
        handle: async (request) => {
          const body = await request.body();
          demandKeys(body, ['value']);
          const name = request.param('name');
          const { globals } = request.operator;
          const existed = globals.get(name) !== undefined;
          await globals.put(name, plain(body['value']));
          return existed ? noContent() : created();
        },
      },
      DELETE: {
        tag: 'policymaker',
        handle: async (request) => {
          if (!(await request.operator.globals.delete(request.param('name')))) throw notFound();
          return noContent();
        },
      },
    },
  },
];
