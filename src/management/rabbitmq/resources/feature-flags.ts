/**
 * Feature flags: what all nodes of a mixed RabbitMQ cluster must know before it is used. There is one node here, and what it can do it can
 * do from its start on; tools that look for a flag find those of 3.10, each as far as what it stands for is here.
 */
import { badRequest } from '../http/errors.ts';
import { json, noContent } from '../http/replies.ts';
import type { Resource } from '../http/resource.ts';

type State = 'enabled' | 'unavailable';

const FLAGS: readonly (readonly [name: string, state: State, desc: string])[] = [
  [
    'classic_mirrored_queue_version',
    'unavailable',
    'Mirrored queues, and what a mirror must know: there are no mirrors',
  ],
  ['drop_unroutable_metric', 'enabled', 'What led nowhere is counted'],
  ['empty_basic_get_metric', 'enabled', 'A basic.get of an empty queue is counted'],
  ['implicit_default_bindings', 'enabled', 'The default exchange reaches every queue without a binding'],
  [
    'maintenance_mode_status',
    'unavailable',
    'Clients sent to other nodes for the time of a repair: there are no others',
  ],
  ['quorum_queue', 'enabled', 'Queues of type quorum'],
  ['stream_queue', 'unavailable', 'Queues of type stream'],
  ['user_limits', 'enabled', 'Limits of a user on connections and channels'],
  ['virtual_host_metadata', 'enabled', 'Vhosts have a description and tags'],
];

export const FEATURE_FLAGS: readonly Resource[] = [
  {
    path: '/feature-flags',
    verbs: {
      GET: {
        tag: 'administrator',
        handle: () =>
          json(
            FLAGS.map(([name, state, desc]) => ({
              ...{ name, desc, doc_url: '', state, stability: 'stable', provided_by: 'entrepot' },
            })),
          ),
      },
    },
  },
  {
    path: '/feature-flags/:name/enable',
    verbs: {
      PUT: {
        tag: 'administrator',
        handle: (request) => {
          const state = FLAGS.find(([name]) => name === request.param('name'))?.[1];
          // RabbitMQ's word for a flag that some node does not know.
          if (state !== 'enabled') throw badRequest('unsupported');
          return noContent();
        },
      },
    },
  },
];
