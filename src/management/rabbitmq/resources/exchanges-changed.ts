/** Exchanges, declared and deleted, and messages published to them. */
import { BrokerError } from '../../../message/errors.ts';
import { whenSafe } from '../../http/safe.ts';
import { notAuthorised, notFound } from '../http/errors.ts';
import { booleanOf, headersOf, textOf } from '../http/fields.ts';
import { json, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource } from '../http/resource.ts';
import { publish } from '../messages/publish.ts';
import { exchangeName } from '../shapes/exchange.ts';
import { declared, demandShortName } from './declared.ts';

function exists(request: ApiRequest, vhost: string, name: string): boolean {
  try {
    request.enter(vhost).checkExchange(name);
    return true;
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'not-found') return false;
    throw error;
  }
}

export const EXCHANGES_CHANGED: readonly Resource[] = [
  {
    path: '/exchanges/:vhost/:exchange',
    verbs: {
      PUT: {
        tag: 'management',
        handle: async (request) => {
          const vhost = request.vhost().name;
          const name = exchangeName(request.param('exchange'));
          demandShortName('exchange', name);
          const body = await request.body();
          if (name === '') throw notAuthorised('Access refused.');
          const existed = exists(request, vhost, name);
          const session = request.enter(vhost);
          const mark = session.declareExchange(name, textOf(body, 'type', 'direct'), {
            durable: booleanOf(body, 'durable'),
            autoDelete: booleanOf(body, 'auto_delete'),
            internal: booleanOf(body, 'internal'),
            arguments: headersOf(body, 'arguments'),
          });
          return declared(session, mark, existed);
        },
      },
      DELETE: {
        tag: 'management',
        handle: async (request) => {
          const vhost = request.vhost().name;
          const name = exchangeName(request.param('exchange'));
          if (!exists(request, vhost, name)) throw notFound();
          const session = request.enter(vhost);
          await whenSafe(session, session.deleteExchange(name, request.query.get('if-unused') === 'true'));
          return noContent();
        },
      },
    },
  },
  {
    path: '/exchanges/:vhost/:exchange/publish',
    verbs: {
      POST: {
        tag: 'management',
        handle: async (request) => {
          const session = request.enter(request.vhost().name);
          return json(await publish(session, exchangeName(request.param('exchange')), await request.body()));
        },
      },
    },
  },
];
