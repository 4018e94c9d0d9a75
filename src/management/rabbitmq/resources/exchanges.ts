/** Exchanges, read. */
import { notFound } from '../http/errors.ts';
import { json } from '../http/replies.ts';
import type { Resource, Verb } from '../http/resource.ts';
import { columnsOf, onlyColumns } from '../lists/columns.ts';
import { listReply } from '../lists/list-reply.ts';
import { historyQuery } from '../shapes/details.ts';
import { exchange, exchangeName } from '../shapes/exchange.ts';

const LIST: Verb = {
  tag: 'management',
  handle: (request) => {
    const history = historyQuery(request.query);
    return listReply(request, request.operator.exchanges.list, request.scope, {
      show: (view) => exchange(view, history, false),
      name: (view) => view.name,
      paged: true,
    });
  },
};

export const EXCHANGES: readonly Resource[] = [
  { path: '/exchanges', verbs: { GET: LIST } },
  { path: '/exchanges/:vhost', verbs: { GET: LIST } },
  {
    path: '/exchanges/:vhost/:exchange',
    verbs: {
      GET: {
        tag: 'management',
        handle: (request) => {
          const name = exchangeName(request.param('exchange'));
          const found = request.operator.exchanges.find(request.vhost().name, name);
          if (found === undefined) throw notFound();
          const shown = exchange(found, historyQuery(request.query), true);
          return json(onlyColumns(shown, columnsOf(request.query)));
        },
      },
    },
  },
];
