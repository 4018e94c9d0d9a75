/** Limits of vhosts and of users, by RabbitMQ's names. What the configuration says is not shown here, and changed only there. */
import type { UserLimitName, VhostLimitName } from '../../../broker/kept-limits.ts';
import type { Operator } from '../../../operator/operator.ts';
import { badRequest, notFound } from '../http/errors.ts';
import { type Body, demandKeys, wholeOf } from '../http/fields.ts';
import { json, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource, Verb } from '../http/resource.ts';

const OF_VHOSTS: Readonly<Record<string, VhostLimitName>> = {
  'max-connections': 'connections',
  'max-queues': 'queues',
};
const OF_USERS: Readonly<Record<string, UserLimitName>> = {
  'max-connections': 'connections',
  'max-channels': 'channels',
};

/** By RabbitMQ's names. */
function shown(names: Readonly<Record<string, string>>, limits: Readonly<Record<string, number | undefined>>): object {
  return Object.fromEntries(
    Object.entries(names).flatMap(([theirs, ours]) => (limits[ours] === undefined ? [] : [[theirs, limits[ours]]])),
  );
}

export function vhostLimitsShown(operator: Operator, vhost: string): object {
  return shown(OF_VHOSTS, operator.limits.vhosts.of(vhost));
}

export function userLimitsShown(operator: Operator, user: string): object {
  return shown(OF_USERS, operator.limits.users.of(user));
}

export function hasVhostLimits(operator: Operator, vhost: string): boolean {
  return Object.keys(vhostLimitsShown(operator, vhost)).length > 0;
}

/** Those that are in `given` and no others. @throws Failure 400, before anything is changed */
export async function replaceVhostLimits(operator: Operator, vhost: string, given: Body): Promise<void> {
  for (const name of Object.keys(given)) {
    known(OF_VHOSTS, name, 'vhost-limits');
    limitOf(given, name);
  }
  for (const [name, limit] of Object.entries(OF_VHOSTS)) {
    if (Object.hasOwn(given, name)) continue;
    await operator.limits.setOfVhost(vhost, limit, undefined);
  }
  await setVhostLimits(operator, vhost, given);
}

export async function clearVhostLimits(operator: Operator, vhost: string): Promise<void> {
  for (const limit of Object.values(OF_VHOSTS)) await operator.limits.setOfVhost(vhost, limit, undefined);
}

/** Sets all that are in `given`. @throws Failure 400 */
export async function setVhostLimits(operator: Operator, vhost: string, given: Body): Promise<void> {
  for (const name of Object.keys(given)) {
    await operator.limits.setOfVhost(vhost, known(OF_VHOSTS, name, 'vhost-limits'), limitOf(given, name));
  }
}

/** @throws Failure 400 */
export async function setUserLimits(operator: Operator, user: string, given: Body): Promise<void> {
  for (const name of Object.keys(given)) {
    await operator.limits.setOfUser(user, known(OF_USERS, name, 'user-limits'), limitOf(given, name));
  }
}

function known<T>(names: Readonly<Record<string, T>>, name: string, what: string): T {
  if (!Object.hasOwn(names, name)) throw badRequest(`Unrecognised terms [${name}] in ${what}`);
  return names[name]!;
}

function limitOf(body: Body, key: string): number {
  const value = wholeOf(body, key);
  if (value === undefined) throw badRequest(['not_int', body[key] ?? 'undefined']);
  return value;
}

/** The path's user. @throws Failure 404 */
function userName(request: ApiRequest): string {
  const name = request.param('user');
  if (request.operator.users.get(name) === undefined) throw notFound();
  return name;
}

const VHOST_LISTS: Verb = {
  tag: 'management',
  handle: (request) => {
    const set = request.operator.limits.vhosts.names();
    const names = request.scope.filter((vhost) => set.includes(vhost));
    return json(names.map((vhost) => ({ vhost, value: vhostLimitsShown(request.operator, vhost) })));
  },
};

const USER_LISTS: Verb = {
  tag: 'management',
  handle: (request) => {
    const { operator, params } = request;
    const names = operator.limits.users.names();
    const only = params['user'] === undefined ? undefined : userName(request);
    const wanted = only === undefined ? names : names.filter((name) => name === only);
    return json(wanted.map((user) => ({ user, value: userLimitsShown(operator, user) })));
  },
};

export const LIMITS: readonly Resource[] = [
  { path: '/vhost-limits', verbs: { GET: VHOST_LISTS } },
  { path: '/vhost-limits/:vhost', verbs: { GET: VHOST_LISTS } },
  {
    path: '/vhost-limits/:vhost/:name',
    verbs: {
      PUT: {
        tag: 'administrator',
        handle: async (request) => {
          const body = await request.body();
          demandKeys(body, ['value']);
          const { operator } = request;
          await setVhostLimits(operator, request.vhost().name, { [request.param('name')]: body['value'] });
          return noContent();
        },
      },
      DELETE: {
        tag: 'administrator',
        handle: async (request) => {
          const limit = OF_VHOSTS[request.param('name')];
          if (limit !== undefined) await request.operator.limits.setOfVhost(request.vhost().name, limit, undefined);
          return noContent();
        },
      },
    },
  },
  { path: '/user-limits', verbs: { GET: USER_LISTS } },
  { path: '/user-limits/:user', verbs: { GET: USER_LISTS } },
  {
    path: '/user-limits/:user/:name',
    verbs: {
      PUT: {
        tag: 'administrator',
        handle: async (request) => {
          const body = await request.body();
          demandKeys(body, ['value']);
          const user = request.param('user');
          if (request.operator.users.get(user) === undefined) throw badRequest(['no_such_user', user]);
          await setUserLimits(request.operator, user, { [request.param('name')]: body['value'] });
          return noContent();
        },
      },
      DELETE: {
        tag: 'administrator',
        handle: async (request) => {
          const limit = OF_USERS[request.param('name')];
          if (limit !== undefined) await request.operator.limits.setOfUser(userName(request), limit, undefined);
          return noContent();
        },
      },
    },
  },
];
