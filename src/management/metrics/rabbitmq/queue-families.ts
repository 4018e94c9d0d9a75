/** Families with a series for each queue, vhost or exchange, by RabbitMQ's names. */
import type { Broker } from '../../../broker/broker.ts';
import { escaped, writeHead, writeSample } from '../exposition.ts';
import { type QueueFamily, queueLines } from '../queue-series.ts';
import { liveQueues } from '../shown-queues.ts';

type Named = Omit<QueueFamily, 'type'>;

const READY: Named = { name: 'queue_messages_ready', help: 'Messages that wait', read: (queue) => queue.ready };
const UNACKED: Named = {
  ...{ name: 'queue_messages_unacked', help: 'Messages that consumers hold' },
  read: (queue) => queue.unsettled,
};
const MESSAGES: Named = {
  ...{ name: 'queue_messages', help: 'Both of these' },
  read: (queue) => queue.ready + queue.unsettled,
};
const CONSUMERS: Named = { name: 'queue_consumers', help: 'Its consumers', read: (queue) => queue.consumers };
const CAPACITY: Named = {
  ...{
    name: 'queue_consumer_capacity',
    help: 'Share of time in which its consumers could take a message at once, 0 to 1',
  },
  read: (queue) => queue.consumerCapacity,
};
const UTILISATION: Named = { ...CAPACITY, name: 'queue_consumer_utilisation', help: 'The same, by its older name' };

/** What `/metrics/detailed?family=…` shows of each queue. */
export const QUEUE_GROUPS: Readonly<Record<string, readonly Named[]>> = {
  queue_coarse_metrics: [READY, UNACKED, MESSAGES],
  queue_consumer_count: [CONSUMERS],
  queue_metrics: [CONSUMERS, CAPACITY, UTILISATION],
};

export const ALL_QUEUE_FAMILIES = [READY, UNACKED, MESSAGES, CONSUMERS, CAPACITY, UTILISATION];

export function rabbitmqQueueLines(
  broker: Broker,
  prefix: string,
  families: Iterable<Named>,
  vhosts?: ReadonlySet<string>,
): Generator<string, void> {
  const shown = [...families].map((family): QueueFamily => ({ ...family, type: 'gauge', name: prefix + family.name }));
  return queueLines(shown, () => liveQueues(broker, vhosts));
}

/** What `/metrics/detailed?family=…` shows of vhosts and exchanges. */
export const CLUSTER_GROUPS: Readonly<
  Record<string, (broker: Broker, vhosts?: ReadonlySet<string>) => Generator<string, void>>
> = {
  *vhost_status(broker, vhosts) {
    const name = 'rabbitmq_cluster_vhost_status';
    yield writeHead({ name, type: 'gauge', help: '1 while it can confirm what it is sent' });
    for (const vhost of broker.allVhosts) {
      if (vhosts !== undefined && !vhosts.has(vhost.name)) continue;
      yield writeSample(name, `{vhost="${escaped(vhost.name)}"}`, Number(vhost.failed === undefined));
    }
  },
  exchange_names: (broker, vhosts) =>
    exchangeLines(broker, 'rabbitmq_cluster_exchange_name', 'Always 1; exchanges are labels', () => 1, vhosts),
  exchange_bindings: (broker, vhosts) =>
    exchangeLines(
      ...([broker, 'rabbitmq_cluster_exchange_bindings', 'Bindings of an exchange'] as const),
      (exchange) => exchange.bindings.size,
      vhosts,
    ),
};

function* exchangeLines(
  broker: Broker,
  name: string,
  help: string,
  read: (exchange: { readonly bindings: { readonly size: number } }) => number,
  vhosts?: ReadonlySet<string>,
): Generator<string, void> {
  yield writeHead({ name, type: 'gauge', help });
  for (const vhost of broker.allVhosts) {
    if (vhosts !== undefined && !vhosts.has(vhost.name)) continue;
    const where = escaped(vhost.name);
    for (const exchange of vhost.topology.exchanges.values()) {
      const labels = `{vhost="${where}",exchange="${escaped(exchange.name)}",type="${escaped(exchange.type)}"}`;
      yield writeSample(name, labels, read(exchange));
    }
  }
}
