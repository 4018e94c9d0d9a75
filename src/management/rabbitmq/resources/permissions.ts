/** What users may do: permissions, and those of topics. */
import type { Permissions, TopicPermissions, UserInfo } from '../../../api/users.ts';
import { badRequest, notFound } from '../http/errors.ts';
import { type Body, demandKeys, textOf } from '../http/fields.ts';
import { created, json, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource } from '../http/resource.ts';
import { listReply } from '../lists/list-reply.ts';

export interface PermissionShown extends Permissions {
  readonly user: string;
  readonly vhost: string;
}

export interface TopicPermissionShown extends TopicPermissions {
  readonly user: string;
  readonly vhost: string;
  readonly exchange: string;
}

export function permissionsOf({ name: user, permissions }: UserInfo): PermissionShown[] {
  return permissions.map(({ vhost, configure, write, read }) => ({ user, vhost, configure, write, read }));
}

export function topicPermissionsOf({ name: user, topicPermissions }: UserInfo): TopicPermissionShown[] {
  return topicPermissions.map(({ vhost, exchange, write, read }) => ({ user, vhost, exchange, write, read }));
}

/** The path's user. @throws Failure 404 */
function user(request: ApiRequest): UserInfo {
  const found = request.operator.users.get(request.param('user'));
  if (found === undefined) throw notFound();
  return found;
}

/** The path's vhost. @throws Failure 404 */
function vhost(request: ApiRequest): string {
  const name = request.param('vhost');
  if (request.operator.vhosts.find(name) === undefined) throw notFound();
  return name;
}

/** @throws Failure 400 */
export function permissionsFrom(body: Body): Permissions {
  demandKeys(body, ['configure', 'write', 'read']);
  return { configure: textOf(body, 'configure'), write: textOf(body, 'write'), read: textOf(body, 'read') };
}

/** @throws Failure 400 */
export function topicPermissionsFrom(body: Body): TopicPermissions & { readonly exchange: string } {
  demandKeys(body, ['exchange', 'write', 'read']);
  return { exchange: textOf(body, 'exchange'), write: textOf(body, 'write'), read: textOf(body, 'read') };
}

/** A user and a vhost that are both there, for a change. @throws Failure 400 */
function place(request: ApiRequest): { readonly name: string; readonly within: string } {
  const name = request.param('user');
  const within = request.param('vhost');
  const { operator } = request;
  if (operator.vhosts.find(within) === undefined) throw badRequest('vhost_not_found');
  if (operator.users.get(name) === undefined) throw badRequest('user_not_found');
  return { name, within };
}

/** Those in the path's vhost or of the path's user, or all. */
function listing<T extends { readonly user: string; readonly vhost: string }>(
  of: (user: UserInfo) => readonly T[],
): (request: ApiRequest) => Promise<Response> {
  return (request) => {
    const { operator, params } = request;
    const within = params['vhost'] === undefined ? undefined : vhost(request);
    const rows = (one: UserInfo): readonly T[] => of(one).filter((row) => within === undefined || row.vhost === within);
    if (params['user'] !== undefined) return Promise.resolve(json(rows(user(request))));
    return listReply(request, operator.userLists.rows(rows), [], { show: (row: T) => row });
  };
}

export const PERMISSIONS: readonly Resource[] = [
  { path: '/permissions', verbs: { GET: { tag: 'administrator', handle: listing(permissionsOf) } } },
  { path: '/vhosts/:vhost/permissions', verbs: { GET: { tag: 'administrator', handle: listing(permissionsOf) } } },
  { path: '/users/:user/permissions', verbs: { GET: { tag: 'administrator', handle: listing(permissionsOf) } } },
  {
    path: '/permissions/:vhost/:user',
    verbs: {
      GET: {
        tag: 'administrator',
        handle: (request) => {
          const within = vhost(request);
          const found = permissionsOf(user(request)).find((one) => one.vhost === within);
          if (found === undefined) throw notFound();
          return json(found);
        },
      },
      PUT: {
        tag: 'administrator',
        handle: async (request) => {
          const given = permissionsFrom(await request.body());
          const { name, within } = place(request);
          const existed = user(request).permissions.some((one) => one.vhost === within);
          await request.operator.users.setPermissions(name, within, given);
          return existed ? noContent() : created();
        },
      },
      DELETE: {
        tag: 'administrator',
        handle: async (request) => {
          const within = vhost(request);
          if (!user(request).permissions.some((one) => one.vhost === within)) throw notFound();
          await request.operator.users.clearPermissions(request.param('user'), within);
          return noContent();
        },
      },
    },
  },
  { path: '/topic-permissions', verbs: { GET: { tag: 'administrator', handle: listing(topicPermissionsOf) } } },
  {
    path: '/vhosts/:vhost/topic-permissions',
    verbs: { GET: { tag: 'administrator', handle: listing(topicPermissionsOf) } },
  },
  {
    path: '/users/:user/topic-permissions',
    verbs: { GET: { tag: 'administrator', handle: listing(topicPermissionsOf) } },
  },
  {
    path: '/topic-permissions/:vhost/:user',
    verbs: {
      GET: { tag: 'administrator', handle: topicsOfOne },
      PUT: {
        tag: 'administrator',
        handle: async (request) => {
          const { exchange, ...given } = topicPermissionsFrom(await request.body());
          const { name, within } = place(request);
          const existed = user(request).topicPermissions.some((one) => one.vhost === within);
          await request.operator.users.setTopicPermissions(name, within, exchange, given);
          return existed ? noContent() : created();
        },
      },
      DELETE: { tag: 'administrator', handle: (request) => clearTopics(request, undefined) },
    },
  },
  {
    // RabbitMQ shows all of them whatever the exchange; one of them is deleted alone.
    path: '/topic-permissions/:vhost/:user/:exchange',
    verbs: {
      GET: { tag: 'administrator', handle: topicsOfOne },
      DELETE: { tag: 'administrator', handle: (request) => clearTopics(request, request.param('exchange')) },
    },
  },
];

function topicsOfOne(request: ApiRequest): Response {
  const within = vhost(request);
  const found = topicPermissionsOf(user(request)).filter((one) => one.vhost === within);
  if (found.length === 0) throw notFound();
  return json(found);
}

async function clearTopics(request: ApiRequest, exchange: string | undefined): Promise<Response> {
  const within = vhost(request);
  if (!user(request).topicPermissions.some((one) => one.vhost === within)) throw notFound();
  await request.operator.users.clearTopicPermissions(request.param('user'), within, exchange);
  return noContent();
}
