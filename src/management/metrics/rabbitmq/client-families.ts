/**
 * Families with a series for each channel or connection, by RabbitMQ's names, and their sums. A channel is labelled by its name, as
 * `/api/channels` has it; of what it has sent and got it is told in which vhost, and not through which exchange or queue, which
 * nobody counts for each channel.
 */
import type { ChannelCounts } from '../../../api/channel-counts.ts';
import type { Broker } from '../../../broker/broker.ts';
import { type ChannelView, ConnectionView } from '../../../operator/connections.ts';
import { channelName, connectionName } from '../../rabbitmq/shapes/names.ts';
import { escaped, type Family, type FamilyHead, writeHead, writeSample } from '../exposition.ts';

interface ClientFamily<T> extends FamilyHead {
  /** Undefined: no series for this one. */
  read(of: T): number | undefined;
}

const gauge = (name: string, help: string, read: (channel: ChannelView) => number): ClientFamily<ChannelView> => ({
  ...{ type: 'gauge', name, help, read },
});
const counter = (name: string, help: string, read: (counts: ChannelCounts) => number): ClientFamily<ChannelView> => ({
  ...{ type: 'counter', name, help },
  read: ({ report: { counts } }) => (counts === undefined ? undefined : read(counts)),
});

const CHANNEL_METRICS = [
  gauge('channel_consumers', 'Consumers of a channel', ({ report }) => report.consumers),
  gauge('channel_messages_unacked', 'Messages that a channel holds', ({ report }) => report.unacknowledged),
  gauge('channel_messages_unconfirmed', 'Messages that are to be confirmed yet', ({ report }) => report.unconfirmed),
  gauge('channel_messages_uncommitted', 'Messages in a transaction', ({ report }) => report.uncommittedPublishes),
  gauge('channel_acks_uncommitted', 'Settlements in a transaction', ({ report }) => report.uncommittedAcknowledgements),
  gauge('consumer_prefetch', 'What each consumer of a channel may hold; 0: no limit', ({ report }) => report.prefetch),
  gauge('channel_prefetch', 'What all of them may hold together; 0: no limit', ({ report }) => report.sharedPrefetch),
];

const SENT = [
  counter('channel_messages_published_total', 'Messages from a channel', (c) => c.published),
  counter('channel_messages_confirmed_total', 'Those that were confirmed', (c) => c.confirmed),
  counter('channel_messages_unroutable_returned_total', 'Those that were sent back', (c) => c.returned),
  counter('channel_messages_unroutable_dropped_total', 'Those that no queue took', (c) => c.dropped),
];

const GOT = [
  counter('channel_get_ack_total', 'Taken one by one, to be settled', (c) => c.got),
  counter('channel_get_total', 'Taken one by one, settled with that', (c) => c.gotSettled),
  counter('channel_messages_delivered_ack_total', 'To consumers that settle', (c) => c.delivered),
  counter('channel_messages_delivered_total', 'To consumers that need not settle', (c) => c.deliveredSettled),
  counter('channel_messages_redelivered_total', 'To consumers, not for the first time', (c) => c.redelivered),
  counter('channel_messages_acked_total', 'Deliveries that were accepted', (c) => c.acknowledged),
  counter('channel_get_empty_total', 'Asked for one, and there was none', (c) => c.gotNothing),
];

const CONNECTION_COARSE: readonly ClientFamily<ConnectionView>[] = [
  {
    ...{ type: 'counter', name: 'connection_incoming_bytes_total', help: 'Bytes from a client' },
    read: (connection) => connection.bytesIn,
  },
  {
    ...{ type: 'counter', name: 'connection_outgoing_bytes_total', help: 'Bytes to a client' },
    read: (connection) => connection.bytesOut,
  },
];
const CONNECTION_METRICS: readonly ClientFamily<ConnectionView>[] = [
  {
    ...{ type: 'gauge', name: 'connection_channels', help: 'Channels of a connection' },
    read: (connection) => connection.channelCount,
  },
];

type Lines = (broker: Broker, prefix: string, vhosts?: ReadonlySet<string>) => Generator<string, void>;

const ofChannels =
  (families: readonly ClientFamily<ChannelView>[], withVhost: boolean): Lines =>
  (broker, prefix, vhosts) =>
    lines(
      families,
      prefix,
      () => channels(broker, vhosts),
      (channel) => {
        const name = `channel="${escaped(channelName(channel.connection, channel.report.number))}"`;
        return withVhost ? `{${name},vhost="${escaped(channel.connection.vhost)}"}` : `{${name}}`;
      },
    );

const ofConnections =
  (families: readonly ClientFamily<ConnectionView>[]): Lines =>
  (broker, prefix, vhosts) =>
    lines(
      ...([families, prefix, () => connections(broker, vhosts)] as const),
      // RabbitMQ calls the label so here too.
      (connection) => `{channel="${escaped(connectionName(connection))}"}`,
    );

/** What `/metrics/detailed?family=…` shows of channels and connections. */
export const CLIENT_GROUPS: Readonly<Record<string, Lines>> = {
  channel_metrics: ofChannels(CHANNEL_METRICS, false),
  channel_exchange_metrics: ofChannels(SENT, true),
  channel_queue_metrics: ofChannels(GOT, true),
  connection_coarse_metrics: ofConnections(CONNECTION_COARSE),
  connection_metrics: ofConnections(CONNECTION_METRICS),
};

/** Each family is one walk over them, since its samples must stand together; a part for each of them. */
function* lines<T>(
  families: readonly ClientFamily<T>[],
  prefix: string,
  all: () => Iterable<T>,
  labels: (of: T) => string,
): Generator<string, void> {
  for (const family of families) {
    const name = prefix + family.name;
    yield writeHead({ ...family, name });
    for (const one of all()) {
      const value = family.read(one);
      yield value === undefined ? '' : writeSample(name, labels(one), value);
    }
  }
}

function* connections(broker: Broker, vhosts?: ReadonlySet<string>): Generator<ConnectionView, void> {
  for (const session of broker.openSessions) {
    if (session.client.transport?.remote === undefined) continue;
    if (vhosts === undefined || vhosts.has(session.vhost)) yield new ConnectionView(session);
  }
}

function* channels(broker: Broker, vhosts?: ReadonlySet<string>): Generator<ChannelView, void> {
  for (const connection of connections(broker, vhosts)) yield* connection.channels();
}

/** The sums of what rises and falls, and of bytes, those of clients that have gone among them. A part for each connection. */
export function* clientSums(broker: Broker): Generator<void, Family[]> {
  const sums = new Float64Array(CHANNEL_METRICS.length);
  let count = 0;
  let { bytesIn, bytesOut } = broker.churn;
  for (const connection of connections(broker)) {
    bytesIn += connection.bytesIn;
    bytesOut += connection.bytesOut;
    count += connection.channelCount;
    for (const channel of connection.channels()) {
      CHANNEL_METRICS.forEach(({ read }, i) => {
        sums[i]! += read(channel) ?? 0;
      });
    }
    yield;
  }
  const one = ({ type, name, help }: FamilyHead, value: number): Family => ({
    ...{ type, name, help },
    values: [{ labels: {}, value }],
  });
  return [
    ...CHANNEL_METRICS.map((family, i) => one(family, sums[i]!)),
    one(CONNECTION_COARSE[0]!, bytesIn),
    one(CONNECTION_COARSE[1]!, bytesOut),
    one(CONNECTION_METRICS[0]!, count),
  ];
}
