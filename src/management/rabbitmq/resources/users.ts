/** Users: who may log in. Their permissions are in `permissions.ts`. */
import { type ExportedHash, HASHING_ALGORITHMS, OWN_HASHING_ALGORITHM, type UserInfo } from '../../../api/users.ts';
import type { Operator } from '../../../operator/operator.ts';
import { badRequest, notFound } from '../http/errors.ts';
import { type Body, textOf, wordsOf } from '../http/fields.ts';
import { created, json, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource } from '../http/resource.ts';
import { listReply } from '../lists/list-reply.ts';
import { userLimitsShown } from './limits.ts';

/** As RabbitMQ shows a user: its password's hash too, so that definitions bring it to another broker. */
export function userShown(operator: Operator, { name, tags }: UserInfo): object {
  const { passwordHash, hashingAlgorithm } = operator.users.passwordHash(name);
  return {
    name,
    password_hash: passwordHash,
    hashing_algorithm: hashingAlgorithm,
    tags,
    limits: userLimitsShown(operator, name),
  };
}

function found(request: ApiRequest): UserInfo {
  const user = request.operator.users.get(request.param('user'));
  if (user === undefined) throw notFound();
  return user;
}

/** @throws Failure 400, BrokerError invalid, not-allowed (the configuration sets it) */
export async function putUser(operator: Operator, name: string, body: Body): Promise<boolean> {
  const tags = wordsOf(body, 'tags');
  if (tags === undefined) throw badRequest('tags_not_present');
  const { password, password_hash: hash } = body;
  if (password !== undefined && hash !== undefined) throw badRequest('both_password_and_password_hash_are_provided');
  const existed = operator.users.get(name) !== undefined;
  await operator.users.put(name, {
    tags,
    // An empty password lets nobody in.
    ...(password !== undefined && password !== '' && { password: textOf(body, 'password') }),
    ...(hash !== undefined && {
      passwordHash: hashOf(textOf(body, 'password_hash')),
      hashingAlgorithm: algorithmOf(body['hashing_algorithm']),
    }),
  });
  return existed;
}

function hashOf(hash: string): string {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(hash) || hash.length % 4 !== 0) throw badRequest(['not_base64', hash]);
  return hash;
}

/** An unknown one is refused, where RabbitMQ takes it and lets the user in never again. */
function algorithmOf(given: unknown): ExportedHash['hashingAlgorithm'] | undefined {
  if (given === undefined || given === null) return undefined;
  const known = [...HASHING_ALGORITHMS, OWN_HASHING_ALGORITHM].find((name) => name === given);
  if (known === undefined) throw badRequest(`hashing_algorithm is one of ${HASHING_ALGORITHMS.join(', ')}`);
  return known as ExportedHash['hashingAlgorithm'];
}

export const USERS: readonly Resource[] = [
  {
    path: '/users',
    verbs: {
      GET: {
        tag: 'administrator',
        handle: (request) => {
          const { operator } = request;
          return listReply(request, operator.userLists.list, [], {
            show: (user) => userShown(operator, user),
            paged: true,
          });
        },
      },
    },
  },
  {
    path: '/users/without-permissions',
    verbs: {
      GET: {
        tag: 'administrator',
        handle: (request) => {
          const { operator } = request;
          const show = (user: UserInfo): object => userShown(operator, user);
          return listReply(request, operator.userLists.list, [], {
            show,
            visible: (user) => user.permissions.length === 0,
          });
        },
      },
    },
  },
  {
    path: '/users/bulk-delete',
    verbs: {
      POST: {
        tag: 'administrator',
        handle: async (request) => {
          const names = wordsOf(await request.body(), 'users');
          if (names === undefined) throw badRequest('[{key_missing,users}]');
          for (const name of names) {
            if (!(await request.operator.users.delete(name))) throw badRequest(['no_such_user', name]);
          }
          return noContent();
        },
      },
    },
  },
  {
    path: '/users/:user',
    verbs: {
      GET: { tag: 'administrator', handle: (request) => json(userShown(request.operator, found(request))) },
      PUT: {
        tag: 'administrator',
        handle: async (request) => {
          const existed = await putUser(request.operator, request.param('user'), await request.body());
          return existed ? noContent() : created();
        },
      },
      DELETE: {
        tag: 'administrator',
        handle: async (request) => {
          if (!(await request.operator.users.delete(request.param('user')))) throw notFound();
          return noContent();
        },
      },
    },
  },
];
