/** Vhosts, made and deleted. */
import { badRequest, notFound } from '../http/errors.ts';
import { type Body, textOf, wordsOf } from '../http/fields.ts';
import { created, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource } from '../http/resource.ts';
import { NODE } from '../node-name.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };

/**
 * Makes one, or takes what is said of it; whoever makes it may do everything in it. @returns whether it was there
 * @throws Failure 400, BrokerError invalid, not-allowed
 */
export async function putVhost(
  operator: ApiRequest['operator'],
  name: string,
  body: Body,
  maker: string,
): Promise<boolean> {
  const { metadata } = body;
  const told: Body = typeof metadata === 'object' && metadata !== null ? { ...(metadata as Body), ...body } : body;
  const made = await operator.vhosts.put(name, {
    description: textOf(told, 'description'),
    tags: wordsOf(told, 'tags') ?? [],
  });
  if (made && operator.users.get(maker) !== undefined) await operator.users.setPermissions(maker, name, ALL);
  return !made;
}

/** Of one that runs nothing is left to do; one whose log has failed needs a start of the broker. @throws Failure 400 */
function start(request: ApiRequest): Response {
  const [name, node] = [request.param('vhost'), request.param('node')];
  if (node !== NODE) throw badRequest(`Request to node ${node} failed with nodedown`);
  const found = request.operator.vhosts.find(name);
  if (found === undefined) throw badRequest(`Request to node ${node} failed with {no_such_vhost,<<"${name}">>}`);
  if (!found.running) throw badRequest(`vhost '${name}' has failed, and runs again when the broker is started anew`);
  return noContent();
}

export const VHOSTS_CHANGED: readonly Resource[] = [
  { path: '/vhosts/:vhost/start/:node', verbs: { POST: { tag: 'administrator', handle: start } } },
  {
    path: '/vhosts/:vhost',
    verbs: {
      PUT: {
        tag: 'administrator',
        handle: async (request) => {
          const body = await request.body();
          const existed = await putVhost(request.operator, request.param('vhost'), body, request.identity.user);
          return existed ? noContent() : created();
        },
      },
      DELETE: {
        tag: 'administrator',
        handle: async (request) => {
          if (!(await request.operator.vhosts.delete(request.param('vhost')))) throw notFound();
          return noContent();
        },
      },
    },
  },
];
