/** Bindings, made and deleted. */
import { BrokerError } from '../../../message/errors.ts';
import { DOT } from '../../../message/message.ts';
import type { BindingEnds } from '../../../operator/bindings.ts';
import { whenSafe } from '../../http/safe.ts';
import { Failure, notFound } from '../http/errors.ts';
import { headersOf, textOf } from '../http/fields.ts';
import { created, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource, Verb } from '../http/resource.ts';
import { propertiesKey } from '../shapes/properties-key.ts';
import { bindingOf, toExchange, toQueue } from './bindings.ts';

/** Binds the path's ends; 201 even where they were. Its place is the key, encoded once more, beside the destination. */
function make(ends: (request: ApiRequest) => BindingEnds): Verb {
  return {
    tag: 'management',
    handle: async (request) => {
      const { source = '', queue, exchange = '' } = ends(request);
      const body = await request.body();
      const key = textOf(body, 'routing_key');
      const given = headersOf(body, 'arguments');
      const session = request.enter(request.vhost().name);
      const options = { spelling: DOT, arguments: given } as const;
      try {
        const mark =
          queue === undefined
            ? session.bindExchange(exchange, source, key, options)
            : session.bindQueue(queue, source, key, options);
        await whenSafe(session, mark);
      } catch (error) {
        if (error instanceof BrokerError && error.code === 'not-found')
          throw new Failure(404, 'not_found', error.message);
        throw error;
      }
      const destination = encodeURIComponent(request.param('destination'));
      return created(`${destination}/${encodeURIComponent(propertiesKey(key, given))}`);
    },
  };
}

function remove(ends: (request: ApiRequest) => BindingEnds): Verb {
  return {
    tag: 'management',
    handle: async (request) => {
      const found = await bindingOf(request, ends(request));
      if (found === undefined) throw notFound();
      const { source, destination, destinationType, made } = found;
      const session = request.enter(request.vhost().name);
      // The default exchange's are there by themselves: it is refused in the session's own words.
      const { key, options } = made ?? { key: found.key, options: { spelling: DOT, arguments: [] } };
      const mark =
        destinationType === 'queue'
          ? session.unbindQueue(destination, source, key, options)
          : session.unbindExchange(destination, source, key, options);
      await whenSafe(session, mark);
      return noContent();
    },
  };
}

export const BINDINGS_CHANGED: readonly Resource[] = [
  { path: '/bindings/:vhost/e/:source/q/:destination', verbs: { POST: make(toQueue) } },
  { path: '/bindings/:vhost/e/:source/e/:destination', verbs: { POST: make(toExchange) } },
  { path: '/bindings/:vhost/e/:source/q/:destination/:key', verbs: { DELETE: remove(toQueue) } },
  { path: '/bindings/:vhost/e/:source/e/:destination/:key', verbs: { DELETE: remove(toExchange) } },
];
