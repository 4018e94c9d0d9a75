/** Vhosts. */
import type { VhostView } from '../../../operator/vhosts.ts';
import { json } from '../http/replies.ts';
import type { Resource } from '../http/router.ts';
import { listReply } from '../lists/list-reply.ts';
import { NODE } from '../node-name.ts';

function vhost(view: VhostView): object {
  return {
    name: view.name,
    description: '',
    tags: [],
    default_queue_type: 'undefined',
    metadata: { description: '', tags: [] },
    tracing: false,
    cluster_state: { [NODE]: view.running ? 'running' : 'stopped' },
  };
}

export const VHOSTS: readonly Resource[] = [
  {
    path: '/vhosts',
    verbs: {
      GET: {
        tag: 'management',
        handle: (request) => {
          const { vhosts } = request.operator;
          const scope = request.has('monitoring') ? vhosts.names : request.ownVhosts;
          return listReply(request, vhosts.list, scope, { show: vhost, paged: true });
        },
      },
    },
  },
  {
    path: '/vhosts/:vhost',
    verbs: { GET: { tag: 'administrator', handle: (request) => json(vhost(request.vhost())) } },
  },
];
