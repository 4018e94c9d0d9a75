/** Queues, declared, deleted, emptied, and read from. */

import { whenSafe } from '../../http/safe.ts';
import { badRequest, notFound } from '../http/errors.ts';
import { booleanOf, demandKeys, headersOf } from '../http/fields.ts';
import { json, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource } from '../http/resource.ts';
import { get } from '../messages/get.ts';
import { declared, demandShortName } from './declared.ts';

/** The path's queue. @throws Failure 404 */
function demandQueue(request: ApiRequest): string {
  const name = request.param('queue');
  if (request.operator.queues.find(request.vhost().name, name) === undefined) throw notFound();
  return name;
}

export const QUEUES_CHANGED: readonly Resource[] = [
  {
    path: '/queues/:vhost/:queue',
    verbs: {
      PUT: {
        tag: 'management',
        handle: async (request) => {
          const vhost = request.vhost().name;
          const name = request.param('queue');
          demandShortName('queue', name);
          const body = await request.body();
          const session = request.enter(vhost);
          const existed = session.queueExists(name);
          const { mark } = session.declareQueue(name, {
            // RabbitMQ's default over HTTP, where nobody says anything.
            durable: booleanOf(body, 'durable'),
            autoDelete: booleanOf(body, 'auto_delete'),
            exclusive: false,
            arguments: headersOf(body, 'arguments'),
          });
          return declared(session, mark, existed);
        },
      },
      DELETE: {
        tag: 'management',
        handle: async (request) => {
          const name = demandQueue(request);
          const session = request.enter(request.vhost().name);
          const { query } = request;
          const { mark } = session.deleteQueue(
            name,
            query.get('if-unused') === 'true',
            query.get('if-empty') === 'true',
          );
          await whenSafe(session, mark);
          return noContent();
        },
      },
    },
  },
  {
    path: '/queues/:vhost/:queue/contents',
    verbs: {
      DELETE: {
        tag: 'management',
        handle: async (request) => {
          const name = demandQueue(request);
          const session = request.enter(request.vhost().name);
          const mark = await new Promise<number>((resolve) =>
            session.purgeQueue(name, ({ mark: safe }) => resolve(safe)),
          );
          await whenSafe(session, mark);
          return noContent();
        },
      },
    },
  },
  {
    path: '/queues/:vhost/:queue/actions',
    verbs: {
      POST: {
        tag: 'management',
        handle: async (request) => {
          demandQueue(request);
          const body = await request.body();
          demandKeys(body, ['action']);
          const { action } = body;
          // There are no mirrors to be synchronised: it is done.
          if (action === 'sync' || action === 'cancel_sync') return noContent();
          throw badRequest(['unknown', action]);
        },
      },
    },
  },
  {
    path: '/queues/:vhost/:queue/get',
    verbs: {
      POST: {
        tag: 'management',
        handle: async (request) => {
          const body = await request.body();
          return json(await get(request.enter(request.vhost().name), request.param('queue'), body));
        },
      },
    },
  },
];
