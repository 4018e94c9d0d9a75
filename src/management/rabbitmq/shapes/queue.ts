/** A queue as RabbitMQ shows it. */
import type { QueueView } from '../../../operator/queues.ts';
import { NODE } from '../node-name.ts';
import { argumentsJson } from './arguments.ts';
import { consumer } from './consumer.ts';
import { asksHistory, type HistoryQuery } from './details.ts';
import { lengths, queueStats } from './message-stats.ts';
import { connectionName } from './names.ts';

/** @param single it was asked for alone, and not in a list */
export function queue(view: QueueView, history: HistoryQuery, single: boolean): object {
  const { options, policies } = view;
  const measured = view.measured(asksHistory(history) ? 'history' : single ? 'rates' : 'nothing');
  const bytes = view.readyBytes;
  const capacity = view.consumerCapacity;
  return {
    ...(single && { consumer_details: view.consumers().map(consumer), deliveries: [], incoming: [] }),
    arguments: argumentsJson(view.arguments),
    auto_delete: options.autoDelete,
    consumer_capacity: capacity,
    consumer_utilisation: capacity,
    consumers: view.consumerCount,
    durable: options.durable,
    effective_policy_definition: policies.definition ?? {},
    exclusive: options.exclusive,
    message_bytes_ready: bytes,
    message_stats: queueStats(measured, history),
    ...lengths(measured, history),
    name: view.name,
    node: NODE,
    operator_policy: policies.operatorPolicy ?? null,
    policy: policies.policy ?? null,
    state: stateOf(view),
    ...(view.type === 'classic' ? classic(view, single) : quorum(view)),
    type: view.type,
    vhost: view.vhost,
  };
}

/** A queue that was paused hands nothing out: RabbitMQ has no such queue, and so no word for it. */
export function stateOf(view: QueueView): string {
  return view.paused ? 'paused' : 'running';
}

function classic(view: QueueView, single: boolean): object {
  const owner = single ? view.owner : undefined;
  return {
    exclusive_consumer_tag: view.exclusiveConsumer ?? null,
    head_message_timestamp: view.headTimestampS,
    ...(owner !== undefined && {
      owner_pid_details: {
        name: connectionName(owner),
        peer_host: owner.remote.address,
        peer_port: owner.remote.port,
      },
    }),
    single_active_consumer_tag: view.singleActiveConsumer ?? null,
  };
}

function quorum(view: QueueView): object {
  return {
    leader: NODE,
    members: [NODE],
    online: [NODE],
    open_files: { [NODE]: 0 },
    single_active_consumer_ctag: view.singleActiveConsumer ?? null,
  };
}

/** The same where `disable_stats` asks for what a queue is, and not how it goes. */
export function plainQueue(view: QueueView, totals: boolean): object {
  const { options, policies, ready, unsettled } = view;
  return {
    arguments: argumentsJson(view.arguments),
    auto_delete: options.autoDelete,
    durable: options.durable,
    exclusive: options.exclusive,
    ...(view.type === 'quorum' && { leader: NODE, members: [NODE], online: [NODE] }),
    ...(totals && { messages: ready + unsettled, messages_ready: ready, messages_unacknowledged: unsettled }),
    name: view.name,
    node: NODE,
    policy: policies.policy,
    state: totals || view.paused ? stateOf(view) : 'live',
    type: view.type,
    vhost: view.vhost,
  };
}
