/** Queues, read. */
import type { QueueView } from '../../../operator/queues.ts';
import { notFound } from '../http/errors.ts';
import { json } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource, Verb } from '../http/resource.ts';
import { columnsOf, onlyColumns } from '../lists/columns.ts';
import { type ListSpec, listReply } from '../lists/list-reply.ts';
import { historyQuery } from '../shapes/details.ts';
import { plainQueue, queue } from '../shapes/queue.ts';

/** What a list of very many is sorted by without showing each. */
const SORT_BY: ListSpec<QueueView>['sortBy'] = {
  name: (view) => view.name,
  vhost: (view) => view.vhost,
  type: (view) => view.type,
  durable: (view) => view.options.durable,
  auto_delete: (view) => view.options.autoDelete,
  exclusive: (view) => view.options.exclusive,
  consumers: (view) => view.consumerCount,
  messages: (view) => view.ready + view.unsettled,
  messages_ready: (view) => view.ready,
  messages_unacknowledged: (view) => view.unsettled,
};

const LIST: Verb = {
  tag: 'management',
  handle: (request) => {
    const { query } = request;
    const history = historyQuery(query);
    const plain = query.get('disable_stats') === 'true';
    const totals = query.get('enable_queue_totals') === 'true';
    return listReply(request, request.operator.queues.list, request.scope, {
      show: (view) => (plain ? plainQueue(view, totals) : queue(view, history, false)),
      name: (view) => view.name,
      ...(SORT_BY !== undefined && { sortBy: SORT_BY }),
      paged: true,
    });
  },
};

function one(request: ApiRequest): Response {
  const { query } = request;
  const found = request.operator.queues.find(request.vhost().name, request.param('queue'));
  if (found === undefined) throw notFound();
  const plain = query.get('disable_stats') === 'true';
  const shown = plain ? plainQueue(found, false) : queue(found, historyQuery(query), true);
  return json(onlyColumns(shown, columnsOf(query)));
}

export const QUEUES: readonly Resource[] = [
  { path: '/queues', verbs: { GET: LIST } },
  { path: '/queues/:vhost', verbs: { GET: LIST } },
  { path: '/queues/:vhost/:queue', verbs: { GET: { tag: 'management', handle: one } } },
];
