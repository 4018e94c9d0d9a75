/** Queues, read. */
import { notFound } from '../http/errors.ts';
import { json } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource, Verb } from '../http/resource.ts';
import { columnsOf, onlyColumns } from '../lists/columns.ts';
import { listReply } from '../lists/list-reply.ts';
import { historyQuery } from '../shapes/details.ts';
import { plainQueue, queue } from '../shapes/queue.ts';
import { QUEUE_ORDER } from '../shapes/queue-order.ts';

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
      sortBy: QUEUE_ORDER,
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
