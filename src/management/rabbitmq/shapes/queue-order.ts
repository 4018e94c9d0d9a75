/**
 * What a list of very many queues can be sorted by without the whole of each being made: the columns that `queue.ts` shows, by their
 * dotted names. Any other column is looked for in what is shown.
 */
import type { SortKey } from '../../../operator/listing/order.ts';
import type { QueueView } from '../../../operator/queues.ts';
import { NODE } from '../node-name.ts';
import { queueColumns } from './message-stats.ts';
import { stateOf } from './queue.ts';

export const QUEUE_ORDER: Readonly<Record<string, (view: QueueView) => SortKey>> = {
  name: (view) => view.name,
  vhost: (view) => view.vhost,
  node: () => NODE,
  type: (view) => view.type,
  state: stateOf,
  durable: (view) => view.options.durable,
  auto_delete: (view) => view.options.autoDelete,
  exclusive: (view) => view.options.exclusive,
  policy: (view) => view.policies.policy,
  operator_policy: (view) => view.policies.operatorPolicy,
  consumers: (view) => view.consumerCount,
  consumer_capacity: (view) => view.consumerCapacity,
  consumer_utilisation: (view) => view.consumerCapacity,
  message_bytes_ready: (view) => view.readyBytes,
  head_message_timestamp: (view) => (view.type === 'classic' ? view.headTimestampS : undefined),
  exclusive_consumer_tag: (view) => (view.type === 'classic' ? view.exclusiveConsumer : undefined),
  single_active_consumer_tag: (view) => (view.type === 'classic' ? view.singleActiveConsumer : undefined),
  ...queueColumns((view: QueueView) => view),
};
