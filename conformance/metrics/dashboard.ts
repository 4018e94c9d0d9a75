/**
 * What the queries of RabbitMQ's Grafana overview dashboard (grafana.com 10991) ask: the metrics that they name and the labels
 * that they filter or sum by, in the version that came with 3.10 and in that of August 2026. Each sample is multiplied with
 * `rabbitmq_identity_info` on what Prometheus itself adds (`instance`, `job`), which takes its labels over: so all of them must come
 * from one scrape, and there must be exactly one `rabbitmq_identity_info` in it.
 */
export interface AskedMetric {
  readonly name: string;
  readonly labels?: readonly string[];
  /** Which dashboard asks: both, unless it is said. */
  readonly only?: '3.10' | '2026';
}

const MESSAGES = [
  ...['received', 'received_confirm', 'routed', 'confirmed', 'unroutable_dropped', 'unroutable_returned'],
  ...[
    'delivered_consume_auto_ack',
    'delivered_consume_manual_ack',
    'delivered_get_auto_ack',
    'delivered_get_manual_ack',
  ],
  ...['get_empty', 'redelivered', 'acknowledged'],
];

export const ASKED: readonly AskedMetric[] = [
  { name: 'rabbitmq_identity_info', labels: ['rabbitmq_cluster', 'rabbitmq_node'] },
  { name: 'rabbitmq_identity_info', labels: ['rabbitmq_endpoint'], only: '2026' },
  { name: 'rabbitmq_build_info', labels: ['rabbitmq_version', 'erlang_version'] },
  ...['connections', 'channels', 'queues', 'queue_messages_ready', 'queue_messages_unacked'].map(named),
  ...['process_resident_memory_bytes', 'resident_memory_limit_bytes', 'disk_space_available_bytes'].map(named),
  ...['process_open_fds', 'process_max_fds'].map(named),
  ...['connections_opened_total', 'connections_closed_total'].map(named),
  ...['channels_opened_total', 'channels_closed_total'].map(named),
  ...['queues_declared_total', 'queues_created_total', 'queues_deleted_total'].map(named),
  ...MESSAGES.map((name) => named(`global_messages_${name}_total`)),
  ...['consumers', 'channel_consumers', 'process_open_tcp_sockets', 'process_max_tcp_sockets'].map(
    (name): AskedMetric => ({ ...named(name), only: '3.10' }),
  ),
  ...['erlang_uptime_seconds', 'disk_space_available_limit_bytes', 'global_publishers', 'global_consumers'].map(
    (name): AskedMetric => ({ ...named(name), only: '2026' }),
  ),
  { name: 'rabbitmq_global_messages_delivered_total', only: '2026' },
  { name: 'rabbitmq_message_size_bytes_sum', only: '2026' },
  { name: 'rabbitmq_message_size_bytes_count', only: '2026' },
  { name: 'rabbitmq_message_size_bytes_bucket', labels: ['le'], only: '2026' },
];

/** The texts of `le` that it compares with. */
export const SIZE_BOUNDS = ['100.0', '1000.0', '10000.0', '100000.0', '1e+06', '1e+07', '5e+07', '1e+08', '+Inf'];

function named(name: string): AskedMetric {
  return { name: `rabbitmq_${name}` };
}
