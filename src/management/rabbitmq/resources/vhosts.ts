/** Vhosts, read. */
import type { VhostView } from '../../../operator/vhosts.ts';
import { json } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource } from '../http/resource.ts';
import { columnsOf, onlyColumns } from '../lists/columns.ts';
import { listReply } from '../lists/list-reply.ts';
import { NODE } from '../node-name.ts';
import { type HistoryQuery, historyQuery } from '../shapes/details.ts';
import { lengths, vhostStats } from '../shapes/message-stats.ts';

/** What goes through it is shown once something has; how much waits is as of the last sample where there are many. */
function vhost(view: VhostView, history: HistoryQuery): object {
  const { measured } = view;
  const stats = vhostStats(measured, history);
  return {
    name: view.name,
    ...view.details,
    default_queue_type: 'undefined',
    metadata: view.details,
    tracing: false,
    cluster_state: { [NODE]: view.running ? 'running' : 'stopped' },
    ...(Object.keys(stats).length > 0 && { ...lengths(measured, history), message_stats: stats }),
  };
}

async function one(request: ApiRequest): Promise<Response> {
  const found = request.vhost();
  return json(onlyColumns(vhost(found, historyQuery(request.query)), columnsOf(request.query)));
}

export const VHOSTS: readonly Resource[] = [
  {
    path: '/vhosts',
    verbs: {
      GET: {
        tag: 'management',
        handle: (request) => {
          const { vhosts } = request.operator;
          const history = historyQuery(request.query);
          const scope = request.has('monitoring') ? vhosts.names : request.ownVhosts;
          return listReply(request, vhosts.list, scope, {
            show: (view) => vhost(view, history),
            name: (view) => view.name,
            paged: true,
          });
        },
      },
    },
  },
  { path: '/vhosts/:vhost', verbs: { GET: { tag: 'administrator', handle: one } } },
];
