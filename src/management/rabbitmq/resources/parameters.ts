/**
 * Parameters of vhosts. They belong to components: here there are operators' policies (`operator_policy`) and limits (`vhost-limits`), both
 * seen from another side (`parameter-list.ts`); plugins that have such (shovels, federation) are not there, which is said.
 */
import type { Operator } from '../../../operator/operator.ts';
import { badRequest, notAuthorised, notFound } from '../http/errors.ts';
import { type Body, demandKeys } from '../http/fields.ts';
import { created, json, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource, Verb } from '../http/resource.ts';
import { listReply } from '../lists/list-reply.ts';
import { clearVhostLimits, hasVhostLimits, replaceVhostLimits } from './limits.ts';
import {
  LIMITS_NAME,
  OPERATOR_POLICY,
  operatorPolicyParameter,
  type Parameter,
  parameterList,
  VHOST_LIMITS,
  vhostLimitsParameter,
} from './parameter-list.ts';
import { putPolicy } from './policies.ts';

/** Sets a vhost's parameter. @returns whether it was there @throws Failure 400: there is no such component */
export async function putParameter(
  operator: Operator,
  component: string,
  vhost: string,
  name: string,
  body: Body,
): Promise<boolean> {
  if (component === 'policy') throw badRequest('policies may not be set using this method');
  demandKeys(body, ['value']);
  const value = (body['value'] ?? {}) as Body;
  if (component === OPERATOR_POLICY) return putPolicy(operator, vhost, name, 'operator', value);
  if (component !== VHOST_LIMITS) throw badRequest(`Validation failed\n\ncomponent ${component} not found\n`);
  if (name !== LIMITS_NAME) throw badRequest(`Validation failed\n\n${VHOST_LIMITS} are called ${LIMITS_NAME}\n`);
  const existed = hasVhostLimits(operator, vhost);
  await replaceVhostLimits(operator, vhost, value);
  return existed;
}

function list(request: ApiRequest): Response | Promise<Response> {
  const { component } = request.params;
  return listReply(request, parameterList(request.operator), request.scope, {
    show: (parameter: Parameter) => parameter,
    visible: component === undefined ? undefined : (parameter) => parameter.component === component,
  });
}

/** @throws Failure 404 */
function one(request: ApiRequest): Parameter {
  const { operator } = request;
  const vhost = request.vhost().name;
  const [component, name] = [request.param('component'), request.param('name')];
  let found: Parameter | undefined;
  if (component === VHOST_LIMITS && name === LIMITS_NAME) found = vhostLimitsParameter(operator, vhost);
  if (component === OPERATOR_POLICY) {
    const policy = operator.policies.find(vhost, name, 'operator');
    found = policy && operatorPolicyParameter(policy);
  }
  if (found === undefined) throw notFound();
  return found;
}

/** Both are an administrator's to change, from whichever side. @throws Failure 401 */
function demandMayChange(request: ApiRequest): void {
  if (request.has('administrator') || ![OPERATOR_POLICY, VHOST_LIMITS].includes(request.param('component'))) return;
  throw notAuthorised('Not administrator user');
}

const LIST: Verb = { tag: 'policymaker', handle: list };

export const PARAMETERS: readonly Resource[] = [
  { path: '/parameters', verbs: { GET: LIST } },
  { path: '/parameters/:component', verbs: { GET: LIST } },
  { path: '/parameters/:component/:vhost', verbs: { GET: LIST } },
  {
    path: '/parameters/:component/:vhost/:name',
    verbs: {
      GET: { tag: 'policymaker', handle: (request) => json(one(request)) },
      PUT: {
        tag: 'policymaker',
        handle: async (request) => {
          const { operator } = request;
          const body = await request.body();
          demandMayChange(request);
          const vhost = request.vhost().name;
          const existed = await putParameter(operator, request.param('component'), vhost, request.param('name'), body);
          return existed ? noContent() : created();
        },
      },
      DELETE: {
        tag: 'policymaker',
        handle: async (request) => {
          demandMayChange(request);
          const { component, vhost, name } = one(request);
          if (component === VHOST_LIMITS) await clearVhostLimits(request.operator, vhost);
          else await request.operator.policies.clear(vhost, name, 'operator');
          return noContent();
        },
      },
    },
  },
];
