/** Bindings, read: all, of one queue or exchange, between two ends, one. */
import type { BindingEnds, BindingView } from '../../../operator/bindings.ts';
import type { Listing } from '../../../operator/listing/listing.ts';
import { notFound } from '../http/errors.ts';
import { json } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource, Verb } from '../http/resource.ts';
import { listReply } from '../lists/list-reply.ts';
import { binding, exchangeName } from '../shapes/exchange.ts';
import { propertiesKey } from '../shapes/properties-key.ts';

const LIST: Verb = {
  tag: 'management',
  handle: (request) => listReply(request, request.operator.bindings.list, request.scope, { show: binding }),
};

/** Of what has these ends, in the path's vhost. */
function listOf(ends: (request: ApiRequest) => BindingEnds): Verb {
  return {
    tag: 'management',
    handle: (request) => {
      const listing = request.operator.bindings.of(ends(request));
      return listReply(request, listing, request.scope, { show: binding });
    },
  };
}

/** One between two ends, by its key. */
function oneOf(ends: (request: ApiRequest) => BindingEnds): Verb {
  return {
    tag: 'management',
    handle: async (request) => {
      const found = await bindingOf(request, ends(request));
      if (found === undefined) throw notFound();
      return json(binding(found));
    },
  };
}

/** The binding that the path's last part names; undefined: there is none. */
export async function bindingOf(request: ApiRequest, ends: BindingEnds): Promise<BindingView | undefined> {
  const key = request.param('key');
  const listing: Listing<BindingView, BindingView> = request.operator.bindings.of(ends);
  for await (const piece of listing.pieces([request.vhost().name])) {
    const found = piece.find((view) => propertiesKey(view.key, view.arguments) === key);
    if (found !== undefined) return found;
  }
  return undefined;
}

export const toQueue = (request: ApiRequest): BindingEnds => ({
  source: exchangeName(request.param('source')),
  queue: request.param('destination'),
});

export const toExchange = (request: ApiRequest): BindingEnds => ({
  source: exchangeName(request.param('source')),
  exchange: exchangeName(request.param('destination')),
});

export const BINDINGS: readonly Resource[] = [
  { path: '/bindings', verbs: { GET: LIST } },
  { path: '/bindings/:vhost', verbs: { GET: LIST } },
  { path: '/queues/:vhost/:queue/bindings', verbs: { GET: listOf((request) => ({ queue: request.param('queue') })) } },
  {
    path: '/exchanges/:vhost/:exchange/bindings/source',
    verbs: { GET: listOf((request) => ({ source: exchangeName(request.param('exchange')) })) },
  },
  {
    path: '/exchanges/:vhost/:exchange/bindings/destination',
    verbs: { GET: listOf((request) => ({ exchange: exchangeName(request.param('exchange')) })) },
  },
  { path: '/bindings/:vhost/e/:source/q/:destination', verbs: { GET: listOf(toQueue) } },
  { path: '/bindings/:vhost/e/:source/e/:destination', verbs: { GET: listOf(toExchange) } },
  { path: '/bindings/:vhost/e/:source/q/:destination/:key', verbs: { GET: oneOf(toQueue) } },
  { path: '/bindings/:vhost/e/:source/e/:destination/:key', verbs: { GET: oneOf(toExchange) } },
];
