/**
 * Families of the whole broker by RabbitMQ's names, in the groups that `/metrics/detailed?family=…` knows. Only what can be
 * measured here has a family: nothing is shown as zero because nobody counts it.
 *
 * Names, types and labels as RabbitMQ 3.10.8 has them (and `message_size_bytes`, which its dashboards of 2026 ask for);
 * `conformance/metrics/` compares.
 */
import { type DeliveryCounts, type ProtocolTraffic, QUEUE_KINDS, type QueueKind } from '../../../metrics/traffic.ts';
import type { VhostStatistics } from '../../../vhost/statistics.ts';
import { type Family, histogramSamples, type Sample } from '../exposition.ts';
import { deliveredTo, sum } from '../protocol-families.ts';
import type { BrokerStatistics } from '../statistics.ts';

/** What RabbitMQ's tools are told this broker is. */
export interface RabbitmqIdentity {
  readonly node: string;
  readonly cluster: string;
  readonly clusterId: string;
  /** RabbitMQ's name for the protocol of an adapter. */
  protocol(name: string): string;
}

/** Sockets and files of the process. */
export interface DescriptorFigures {
  readonly openFiles: number;
  /** Undefined where the system knows no limit. */
  readonly filesMax: number | undefined;
}

export interface RabbitmqFigures {
  readonly statistics: BrokerStatistics;
  readonly identity: RabbitmqIdentity;
  readonly descriptors: DescriptorFigures;
}

type Group = (figures: RabbitmqFigures) => (Family | undefined)[];

/** `rabbitmq_` is put before it, or `rabbitmq_detailed_`. */
function one(type: Family['type'], name: string, help: string, value: number | undefined): Family | undefined {
  return value === undefined ? undefined : { type, name, help, values: [{ labels: {}, value }] };
}

const counter = (name: string, help: string, value: number): Family | undefined => one('counter', name, help, value);
const gauge = (name: string, help: string, value: number | undefined): Family | undefined =>
  one('gauge', name, help, value);

function over(vhosts: readonly VhostStatistics[], read: (vhost: VhostStatistics) => number): number {
  return vhosts.reduce((total, vhost) => total + read(vhost), 0);
}

export const GROUPS = {
  connection_churn_metrics: ({ statistics: s }) => [
    counter('connections_opened_total', 'Connections that were taken', s.admitted),
    counter('connections_closed_total', 'Connections that have ended', s.admitted - s.connections),
    counter('channels_opened_total', 'Channels that were opened', s.channelsOpened),
    counter('channels_closed_total', 'Channels that have ended', s.channelsGone),
    counter('queues_declared_total', 'Declarations of queues, new or not', s.queueChurn.declared),
    counter('queues_created_total', 'Queues that were made', s.queueChurn.created),
    counter('queues_deleted_total', 'Queues that were deleted', s.queueChurn.deleted),
  ],
  node_coarse_metrics: ({ statistics: s, descriptors }) => [
    gauge('process_open_fds', 'Files and sockets that are open, estimated', descriptors.openFiles),
    gauge('process_open_tcp_sockets', 'Sockets that are open', s.connections + s.httpSockets),
    gauge('process_resident_memory_bytes', 'Resident memory', s.process.residentBytes),
    gauge('disk_space_available_bytes', 'Free on the disk of the data', s.watermarks.diskFreeBytes),
  ],
  node_metrics: ({ statistics: s, descriptors }) => [
    gauge('process_max_fds', 'Files and sockets that may be open', descriptors.filesMax),
    gauge('process_max_tcp_sockets', 'Connections that there may be', s.connectionsMax),
    gauge('resident_memory_limit_bytes', 'Memory at which publishers wait', s.watermarks.memoryMaxBytes),
    gauge('disk_space_available_limit_bytes', 'Free disk under which publishers wait', s.watermarks.diskFreeMinBytes),
    gauge('erlang_uptime_seconds', 'Since the broker was started', s.uptimeS),
  ],
  node_persister_metrics: ({ statistics: { vhosts } }) => [
    counter(
      'io_write_bytes_total',
      'Appended to the logs',
      over(vhosts, (v) => v.log.appendedBytes),
    ),
    counter(
      'io_sync_ops_total',
      'Flushes of the logs',
      over(vhosts, (v) => v.log.flushes.count),
    ),
    counter('io_sync_time_seconds_total', 'Time that they took', over(vhosts, (v) => v.log.flushes.sum) / 1_000),
  ],
  auth_attempt_metrics: ({ statistics, identity }) => {
    const of = (name: string, help: string, read: (protocol: string) => number): Family => ({
      ...{ type: 'counter', name, help },
      values: statistics.traffic
        .filter(({ protocol, loginTimes }) => protocol !== '' && loginTimes.count > 0)
        .map(({ protocol }) => ({ labels: { protocol: identity.protocol(protocol) }, value: read(protocol) })),
    });
    const asked = (protocol: string): number => trafficOf(statistics, protocol).loginTimes.count;
    const failed = (protocol: string): number => statistics.loginsFailed.get(protocol) ?? 0;
    return [
      of('auth_attempts_total', 'Logins, good or not', asked),
      of('auth_attempts_succeeded_total', 'Logins', (protocol) => asked(protocol) - failed(protocol)),
      of('auth_attempts_failed_total', 'Logins that were refused', failed),
    ];
  },
} satisfies Record<string, Group>;

/** Those that stand beside them in `/metrics` alone. */
export const ALARMS: Group = ({ statistics: { watermarks, vhosts } }) => [
  one(
    'untyped',
    'alarms_free_disk_space_watermark',
    '1 while the disk has too little free',
    Number(watermarks.diskScarce || vhosts.some(({ log }) => log.full)),
  ),
  one('untyped', 'alarms_memory_used_watermark', '1 while memory is past its mark', Number(watermarks.memoryScarce)),
];

export const TOTALS: Group = ({ statistics: s }) => [
  gauge('connections', 'Connections that are open', s.connections),
  gauge('channels', 'Channels that are open', s.channelsOpened - s.channelsGone),
  gauge(
    'consumers',
    'Consumers of queues',
    over(s.vhosts, (v) => v.consumers),
  ),
  gauge(
    'queues',
    'Queues',
    over(s.vhosts, (v) => v.queues),
  ),
];

/** What `/metrics/per-object` has a series for each queue of, added up. */
export const SUMS: Group = ({ statistics: { vhosts } }) => [
  gauge(
    'queue_messages_ready',
    'Messages that wait in queues',
    over(vhosts, (v) => v.ready),
  ),
  gauge(
    'queue_messages_unacked',
    'Messages that consumers hold',
    over(vhosts, (v) => v.unsettled),
  ),
  gauge(
    'queue_messages',
    'Both of these',
    over(vhosts, (v) => v.ready + v.unsettled),
  ),
  gauge(
    'queue_consumers',
    'Consumers of queues',
    over(vhosts, (v) => v.consumers),
  ),
  gauge(
    'queue_consumer_capacity',
    'Share of time in which consumers could take a message at once, 0 to 1, added up over queues',
    over(vhosts, (v) => v.consumerCapacity),
  ),
  gauge(
    'queue_consumer_utilisation',
    'The same, by its older name',
    over(vhosts, (v) => v.consumerCapacity),
  ),
];

const RECEIVED: readonly (readonly [name: string, help: string, read: (traffic: ProtocolTraffic) => number])[] = [
  ['received', 'Messages from publishers', (t) => t.received],
  ['received_confirm', 'Those of them that are to be confirmed', (t) => t.receivedConfirm],
  ['routed', 'Copies that queues took', (t) => t.routed],
  ['confirmed', 'Messages that were confirmed', (t) => t.confirmed],
];

const DELIVERED: readonly (readonly [name: string, help: string, read: (counts: DeliveryCounts) => number])[] = [
  ['delivered', 'Messages to consumers', deliveredTo],
  ['delivered_consume_auto_ack', 'To consumers that need not settle', (d) => d.consumedSettled],
  ['delivered_consume_manual_ack', 'To consumers that settle', (d) => d.consumedUnsettled],
  ['delivered_get_auto_ack', 'Taken one by one, settled with that', (d) => d.gotSettled],
  ['delivered_get_manual_ack', 'Taken one by one, to be settled', (d) => d.gotUnsettled],
  ['get_empty', 'Asked for one, and there was none', (d) => d.getsEmpty],
  ['redelivered', 'Messages to consumers, not for the first time', (d) => d.redelivered],
  ['acknowledged', 'Deliveries that were accepted', (d) => d.acknowledged],
];

/**
 * What `/metrics/per-object` counts for each channel that is open, over all that there were: RabbitMQ's own sums fall when a channel is
 * closed.
 */
export const CHANNEL_SUMS: Group = ({ statistics }) => {
  const all = statistics.traffic;
  const over = (read: (traffic: ProtocolTraffic) => number): number => all.reduce((total, one) => total + read(one), 0);
  const deliveries = (of: keyof DeliveryCounts): number => over((one) => sum(one, of));
  const returned = statistics.protocols.reduce((total, [name]) => total + statedCount(statistics, name, 'returned'), 0);
  return [
    counter(
      'channel_messages_published_total',
      'Messages from channels',
      over((t) => t.received),
    ),
    counter(
      'channel_messages_confirmed_total',
      'Those that were confirmed',
      over((t) => t.confirmed),
    ),
    counter('channel_messages_unroutable_returned_total', 'Those that were sent back', returned),
    counter(
      'channel_messages_unroutable_dropped_total',
      'Those that no queue took',
      over((t) => t.unroutable) - returned,
    ),
    counter('channel_get_ack_total', 'Taken one by one, to be settled', deliveries('gotUnsettled')),
    counter('channel_get_total', 'Taken one by one, settled with that', deliveries('gotSettled')),
    counter('channel_messages_delivered_ack_total', 'To consumers that settle', deliveries('consumedUnsettled')),
    counter('channel_messages_delivered_total', 'To consumers that need not settle', deliveries('consumedSettled')),
    counter('channel_messages_redelivered_total', 'To consumers, not for the first time', deliveries('redelivered')),
    counter('channel_messages_acked_total', 'Deliveries that were accepted', deliveries('acknowledged')),
    counter('channel_get_empty_total', 'Asked for one, and there was none', deliveries('getsEmpty')),
  ];
};

/** By protocol, and of deliveries by the kind of queue. */
export const GLOBAL: Group = ({ statistics, identity }) => {
  const protocols = statistics.protocols.map(([name]) => name);
  const byProtocol = (name: string, help: string, read: (protocol: string) => number, type: 'counter' | 'gauge') => ({
    ...{ type, name, help },
    values: protocols.map((protocol) => ({ labels: { protocol: identity.protocol(protocol) }, value: read(protocol) })),
  });
  const returned = (protocol: string): number => statedCount(statistics, protocol, 'returned');
  const sizes = (protocol: string): Sample[] => {
    const labels = { protocol: identity.protocol(protocol) };
    return histogramSamples('message_size_bytes', labels, trafficOf(statistics, protocol).sizes, 1, asErlang);
  };
  return [
    ...RECEIVED.map(([name, help, read]) =>
      byProtocol(`global_messages_${name}_total`, help, (p) => read(trafficOf(statistics, p)), 'counter'),
    ),
    byProtocol(
      'global_messages_unroutable_dropped_total',
      'Messages that no queue took',
      (p) => trafficOf(statistics, p).unroutable - returned(p),
      'counter',
    ),
    byProtocol('global_messages_unroutable_returned_total', 'Those that were sent back', returned, 'counter'),
    byProtocol('global_publishers', 'Clients that have published', (p) => trafficOf(statistics, p).publishers, 'gauge'),
    byProtocol('global_consumers', 'Consumers', (p) => statistics.consumersByProtocol.get(p) ?? 0, 'gauge'),
    ...DELIVERED.map(
      ([name, help, read]): Family => ({
        ...{ type: 'counter', name: `global_messages_${name}_total`, help },
        values: protocols.flatMap((protocol) =>
          QUEUE_KINDS.map((kind) => ({
            labels: { protocol: identity.protocol(protocol), queue_type: typeName(kind) },
            value: read(trafficOf(statistics, protocol).deliveries[kind]),
          })),
        ),
      }),
    ),
    { type: 'histogram', name: 'message_size_bytes', help: 'Bodies from publishers', values: protocols.flatMap(sizes) },
  ];
};

export function infoFamilies(identity: RabbitmqIdentity, version: string, endpoint: string): Family[] {
  const { node, cluster, clusterId } = identity;
  const labels = {
    rabbitmq_node: node,
    rabbitmq_cluster: cluster,
    rabbitmq_cluster_permanent_id: clusterId,
    rabbitmq_endpoint: endpoint,
  };
  const build = {
    rabbitmq_version: version,
    prometheus_plugin_version: version,
    prometheus_client_version: version,
    erlang_version: process.versions.node,
  };
  const info = (name: string, help: string, of: Readonly<Record<string, string>>): Family => ({
    ...{ type: 'untyped', name: `rabbitmq_${name}`, help },
    values: [{ labels: of, value: 1 }],
  });
  return [
    info('build_info', 'Always 1; versions are labels, and that of Erlang is that of Node', build),
    info('identity_info', 'Always 1; the names of the node and its cluster, which has no other', labels),
  ];
}

/** Puts the prefix before names. */
export function prefixed(prefix: string, families: readonly (Family | undefined)[]): Family[] {
  return families.flatMap((family) => {
    if (family === undefined) return [];
    const values = family.values.map((sample) =>
      sample.metricName === undefined ? sample : { ...sample, metricName: `${prefix}${sample.metricName}` },
    );
    return [{ ...family, name: `${prefix}${family.name}`, values }];
  });
}

function trafficOf({ traffic }: BrokerStatistics, protocol: string): ProtocolTraffic {
  return traffic.find((one) => one.protocol === protocol)!;
}

/** What an adapter says of itself. */
function statedCount({ protocols }: BrokerStatistics, protocol: string, name: string): number {
  const counts = protocols.find(([other]) => other === protocol)?.[1];
  const value = counts?.[name];
  return typeof value === 'number' ? value : 0;
}

function typeName(kind: QueueKind): string {
  return `rabbit_${kind}_queue`;
}

/** Dashboards compare these as text: `100.0`, `1e+06`. */
function asErlang(bound: number): string {
  return bound < 1e6 ? bound.toFixed(1) : bound.toExponential().replace(/e\+(\d)$/, 'e+0$1');
}
