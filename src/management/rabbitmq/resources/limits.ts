/** Limits of vhosts and of users, by RabbitMQ's names. What the configuration says is not shown here, and changed only there. */
import type { UserLimitName, VhostLimitName } from '../../../broker/kept-limits.ts';
import type { Operator } from '../../../operator/operator.ts';
import { badRequest, notFound } from '../http/errors.ts';
import { type Body, demandKeys } from '../http/fields.ts';
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

/** Limits of a kind, and how RabbitMQ speaks of them. */
interface Kind<T> {
  readonly names: Readonly<Record<string, T>>;
  readonly what: string;
  readonly said: (reason: string) => string;
}
const VHOSTS: Kind<VhostLimitName> = {
  names: OF_VHOSTS,
  what: 'limits',
  said: (reason) => `Validation failed\n\n${reason}\n`,
};
const USERS: Kind<UserLimitName> = { names: OF_USERS, what: 'user-limits', said: (reason) => reason };

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

/** @throws Failure 400 */
export function checkVhostLimits(given: Body): void {
  for (const name of Object.keys(given)) {
    nameOf(VHOSTS, given, name);
    limitOf(VHOSTS, given, name);
  }
}

/** Those that are in `given` and no others. @throws Failure 400, before anything is changed */
export async function replaceVhostLimits(operator: Operator, vhost: string, given: Body): Promise<void> {
  checkVhostLimits(given);
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
    await operator.limits.setOfVhost(vhost, nameOf(VHOSTS, given, name), limitOf(VHOSTS, given, name));
  }
}

/** @throws Failure 400 */
export async function setUserLimits(operator: Operator, user: string, given: Body): Promise<void> {
  for (const name of Object.keys(given)) {
    await operator.limits.setOfUser(user, nameOf(USERS, given, name), limitOf(USERS, given, name));
  }
}

/** @throws Failure 400, in RabbitMQ's words */
function nameOf<T>({ names, what, said }: Kind<T>, given: Body, name: string): T {
  if (Object.hasOwn(names, name)) return names[name]!;
  throw badRequest(said(`Unrecognised terms [{${erlang(name)},${erlang(given[name])}}] in ${what}`));
}

/** What is negative is none, whichever number it is. @throws Failure 400, in RabbitMQ's words */
function limitOf({ said }: Kind<unknown>, given: Body, name: string): number {
  const value = given[name];
  // One that no double holds bounds nothing: the nearest will do.
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw badRequest(said(`${name} should be a number, actually was ${erlang(value)}`));
}

/** A value as Erlang prints it, where it is no more than a text or a number. */
function erlang(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  return typeof value === 'string' ? `<<${JSON.stringify(value)}>>` : JSON.stringify(value);
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
