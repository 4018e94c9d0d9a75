/** The overview: what there is in all, what goes through, where one comes in. */
import { badRequest } from '../http/errors.ts';
import { demandKeys, textOf } from '../http/fields.ts';
import { json, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource } from '../http/resource.ts';
import { columnsOf } from '../lists/columns.ts';
import { CLUSTER_NAME_PARAMETER, clusterName, NODE } from '../node-name.ts';
import { churnRates } from '../shapes/churn.ts';
import { historyQuery } from '../shapes/details.ts';
import { EXCHANGE_TYPE_SHAPES } from '../shapes/exchange-types.ts';
import { contexts, listenerShapes } from '../shapes/listeners.ts';
import { lengths, vhostStats } from '../shapes/message-stats.ts';
import { RUNTIME, VERSIONS } from '../shapes/versions.ts';

/** Seconds that samples are kept, as far back as they go here. */
const RETENTION = { global: [600], basic: [600], detailed: [600] };

async function overview(request: ApiRequest): Promise<Response> {
  const { operator, query } = request;
  const plain = query.get('disable_stats') === 'true';
  const totalsToo = query.get('enable_queue_totals') === 'true';
  const monitors = request.has('monitoring');
  const scope = monitors ? operator.vhosts.names : request.ownVhosts;
  const totals = await operator.vhosts.totals(scope);
  const history = historyQuery(query);
  const measured = operator.vhosts.measured(scope, totals);
  const listeners = operator.surroundings.listeners();
  const { connections, channels } = monitors ? operator.connections.counts : ownClients(request);
  const { queues, exchanges, consumers, ready, unsettled } = totals;
  const shown = {
    ...VERSIONS,
    rates_mode: 'basic',
    sample_retention_policies: RETENTION,
    exchange_types: EXCHANGE_TYPE_SHAPES,
    cluster_name: clusterName(operator),
    ...RUNTIME,
    release_series_support_status: 'supported',
    disable_stats: plain,
    enable_queue_totals: totalsToo,
    ...(plain
      ? {
          ...(totalsToo && {
            queue_totals: { messages: ready + unsettled, messages_ready: ready, messages_unacknowledged: unsettled },
          }),
          object_totals: { queues, exchanges, connections },
          node: NODE,
        }
      : {
          message_stats: vhostStats(measured, history),
          churn_rates: churnRates(operator.overall.measured, history),
          queue_totals: lengths(measured, history),
          object_totals: { channels, connections, ...(monitors && { consumers }), exchanges, queues },
          statistics_db_event_queue: 0,
          ...(monitors && { node: NODE, listeners: listenerShapes(listeners), contexts: contexts(listeners) }),
        }),
  };
  return json(firstLevel(shown, columnsOf(query)));
}

/** Connections and channels of who may not see those of others. */
function ownClients({ operator, identity }: ApiRequest): { connections: number; channels: number } {
  let connections = 0;
  let channels = 0;
  for (const view of operator.connections.of(identity.user)) {
    connections++;
    channels += view.channelCount;
  }
  return { connections, channels };
}

/** Here columns choose whole parts, whatever they say of what is in them. */
function firstLevel(shown: object, columns: ReturnType<typeof columnsOf>): object {
  if (columns === undefined) return shown;
  const asked = new Set(columns.map(([first]) => first));
  const kept = Object.entries(shown).filter(([name]) => asked.has(name));
  return kept.length === 0 ? [] : Object.fromEntries(kept);
}

export const OVERVIEW: readonly Resource[] = [
  { path: '/overview', verbs: { GET: { tag: 'management', handle: overview } } },
  { path: '/extensions', verbs: { GET: { tag: 'management', handle: () => json([]) } } },
  {
    path: '/cluster-name',
    verbs: {
      GET: { tag: 'management', handle: ({ operator }) => json({ name: clusterName(operator) }) },
      PUT: {
        tag: 'administrator',
        handle: async (request) => {
          const body = await request.body();
          demandKeys(body, ['name']);
          await request.operator.globals.put(CLUSTER_NAME_PARAMETER, textOf(body, 'name'));
          return noContent();
        },
      },
    },
  },
  {
    path: '/rebalance/queues',
    verbs: {
      POST: {
        tag: 'administrator',
        handle: () => {
          throw badRequest('queues cannot be rebalanced: there is one node, and every queue is on it');
        },
      },
    },
  },
];
