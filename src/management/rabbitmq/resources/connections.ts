/** Connections, channels and consumers: read, and closed. */
import type { ChannelView, ConnectionView } from '../../../operator/connections.ts';
import { Failure, notAuthorised, notFound } from '../http/errors.ts';
import { json, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource, Verb } from '../http/resource.ts';
import { columnsOf, onlyColumns } from '../lists/columns.ts';
import { listReply } from '../lists/list-reply.ts';
import { channel, connection, connectionOf } from '../shapes/connection.ts';
import { CHANNEL_ORDER, CONNECTION_ORDER } from '../shapes/connection-order.ts';
import { consumer } from '../shapes/consumer.ts';
import { asksHistory, type HistoryQuery, historyQuery } from '../shapes/details.ts';
import { channelName, channelOf, connectionName, endsOf } from '../shapes/names.ts';

const CLOSED = 'Closed via management plugin';

/** Which connections he sees in a list: his own, or all. */
function visible(request: ApiRequest): ((view: ConnectionView) => boolean) | undefined {
  if (request.has('monitoring')) return undefined;
  const { user } = request.identity;
  return (view) => view.user === user;
}

/** The vhosts whose clients he is shown: his own client may be in one that he has no permissions in any more. */
function scopeOf(request: ApiRequest): readonly string[] {
  return request.params['vhost'] === undefined ? request.operator.vhosts.names : [request.vhost().name];
}

/** @throws Failure 404; 401 for somebody else's */
function findConnection(request: ApiRequest, name: string): ConnectionView {
  const ends = endsOf(name);
  const found = ends && request.operator.connections.find(ends.remote, ends.local);
  if (found === undefined) throw notFound();
  if (found.user !== request.identity.user && !request.has('monitoring')) {
    throw notAuthorised('User not authorised to access object');
  }
  return found;
}

const CONNECTIONS_LIST: Verb = {
  tag: 'management',
  handle: (request) =>
    listReply(request, request.operator.connections.list, scopeOf(request), {
      show: (view) => connection(view, false),
      name: connectionName,
      visible: visible(request),
      sortBy: CONNECTION_ORDER,
      paged: true,
    }),
};

/** @param single it was asked for alone: from then on it is measured */
function shownChannel(request: ApiRequest, history: HistoryQuery, view: ChannelView, single: boolean): object {
  const ask = asksHistory(history) ? 'history' : single ? 'rates' : 'nothing';
  return channel(view, request.operator.connections.measured(view, ask), history, single);
}

const CHANNELS_LIST: Verb = {
  tag: 'management',
  handle: (request) => {
    const mine = visible(request);
    const history = historyQuery(request.query);
    return listReply(request, request.operator.connections.channels, scopeOf(request), {
      show: (view) => shownChannel(request, history, view, false),
      visible: mine && ((view) => mine(view.connection)),
      name: (view) => channelName(view.connection, view.report.number),
      sortBy: CHANNEL_ORDER,
      paged: true,
    });
  },
};

const CONSUMERS_LIST: Verb = {
  tag: 'management',
  handle: (request) => {
    const mine = visible(request);
    return listReply(request, request.operator.connections.consumers, request.scope, {
      show: consumer,
      visible: mine && ((view) => mine(view.connection)),
    });
  },
};

function closeConnection(request: ApiRequest): Response {
  const { connections } = request.operator;
  const ends = endsOf(request.param('connection'));
  const found = ends && connections.find(ends.remote, ends.local);
  if (found === undefined) {
    if (!request.has('administrator')) throw new Failure(500);
    throw notFound();
  }
  mayClose(request, found.user);
  found.close(request.header('x-reason') ?? CLOSED);
  return noContent();
}

function mayClose(request: ApiRequest, user: string): void {
  if (user === request.identity.user || request.has('administrator')) return;
  throw notAuthorised('User not authorised to access object');
}

/** @throws Failure 401 */
function ofUser(request: ApiRequest): ConnectionView[] {
  const user = request.param('user');
  mayClose(request, user);
  return [...request.operator.connections.of(user)];
}

function channelsOf(request: ApiRequest): Response {
  const found = findConnection(request, request.param('connection'));
  const history = historyQuery(request.query);
  const shown = [...found.channels()].map((view) => shownChannel(request, history, view, false));
  return json(onlyColumns(shown, columnsOf(request.query)));
}

function oneChannel(request: ApiRequest): Response {
  const name = channelOf(request.param('channel'));
  if (name === undefined) throw notFound();
  const found = findConnection(request, name.connection);
  for (const view of found.channels()) {
    if (view.report.number !== name.number) continue;
    const shown = shownChannel(request, historyQuery(request.query), view, true);
    return json(shown);
  }
  throw notFound();
}

export const CONNECTIONS: readonly Resource[] = [
  { path: '/connections', verbs: { GET: CONNECTIONS_LIST } },
  { path: '/vhosts/:vhost/connections', verbs: { GET: CONNECTIONS_LIST } },
  {
    path: '/connections/:connection',
    verbs: {
      GET: {
        tag: 'management',
        handle: (request) => json(connection(findConnection(request, request.param('connection')), true)),
      },
      DELETE: { tag: 'management', handle: closeConnection },
    },
  },
  { path: '/connections/:connection/channels', verbs: { GET: { tag: 'management', handle: channelsOf } } },
  {
    path: '/connections/username/:user',
    verbs: {
      GET: { tag: 'management', handle: (request) => json(ofUser(request).map(connectionOf)) },
      DELETE: {
        tag: 'management',
        handle: (request) => {
          const reason = request.header('x-reason') ?? CLOSED;
          for (const view of ofUser(request)) view.close(reason);
          return noContent();
        },
      },
    },
  },
  { path: '/channels', verbs: { GET: CHANNELS_LIST } },
  { path: '/vhosts/:vhost/channels', verbs: { GET: CHANNELS_LIST } },
  { path: '/channels/:channel', verbs: { GET: { tag: 'management', handle: oneChannel } } },
  { path: '/consumers', verbs: { GET: CONSUMERS_LIST } },
  { path: '/consumers/:vhost', verbs: { GET: CONSUMERS_LIST } },
];
