/** Families that RabbitMQ 3.10.8 shows and this broker does not, by how their names begin; and what is shown otherwise. Each has its reason. */
export const MISSING: readonly (readonly [pattern: RegExp, because: string])[] = [
  [/^process_/, 'those of the process are among our own names, at /metrics'],
  [
    /^rabbitmq_auth_attempts_detailed/,
    'a series for each address and user has no bound; refusals are in the log and in entrepot_login_refusals_total',
  ],
  [
    /^(erlang_vm|erlang_mnesia|telemetry|prometheus)_/,
    "the insides of Erlang, of its data base and of its exporter; Node's are in nodejs_…",
  ],
  [/^rabbitmq_(detailed_)?(erlang_(?!uptime)|schema_db_)/, 'the same: processes, collections, transactions of tables'],
  [/^rabbitmq_(detailed_)?raft_/, 'one node, so there is no Raft: a quorum queue is as safe as its log'],
  [/process_reductions_total$/, 'queues, channels and connections are no processes that could be measured one by one'],
  [
    /^rabbitmq_(detailed_)?io_(read|seek|reopen|write_(ops|time))/,
    'the log does not seek, and its reads and writes are not counted one by one',
  ],
  [
    /^rabbitmq_(detailed_)?(msg_store|queue_index)_/,
    'messages and positions are in one log, whose figures are entrepot_log_…',
  ],
  [
    /^rabbitmq_(detailed_)?queue_(messages_.*bytes|messages_(.*ram|paged_out|persistent)|process_memory_bytes)$/,
    'bytes are counted only where a queue is bounded by them',
  ],
  [
    /^rabbitmq_(detailed_)?queue_(disk_(reads|writes)_total|head_message_timestamp)$/,
    'not measured; entrepot_queue_oldest_ready_seconds says how long the first has waited',
  ],
  [
    /^rabbitmq_(detailed_)?connection_(.*packets_total|pending_packets)$/,
    'reads and writes of a socket are not counted, its bytes are',
  ],
  [
    /^rabbitmq_(detailed_)?queue_messages_published_total$/,
    'by channel, exchange and queue: that would be a counter for each message and way',
  ],
  [
    /^rabbitmq_global_messages_dead_lettered_/,
    'counted by reason in entrepot_messages_dropped_… and entrepot_messages_dead_lettered_total',
  ],
  [/^rabbitmq_alarms_file_descriptor_limit$/, 'connections are bounded so that descriptors do not run out'],
];

/** Families that are here and not in 3.10.8. */
export const MORE: readonly (readonly [pattern: RegExp, because: string])[] = [
  [/^rabbitmq_message_size_bytes$/, 'dashboards for RabbitMQ 4 ask for it'],
];

/** Labels that only 3.10.8 has: what a channel sends and gets is not counted by exchange and queue. */
export const LESS_LABELS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  ['', 'detailed_'].flatMap((prefix) => [
    ...['messages_published', 'messages_confirmed', 'messages_unroutable_returned', 'messages_unroutable_dropped'].map(
      (name) => [`rabbitmq_${prefix}channel_${name}_total`, ['exchange']],
    ),
    ...['get_ack', 'get', 'messages_delivered_ack', 'messages_delivered', 'messages_redelivered', 'messages_acked']
      .concat('get_empty')
      .map((name) => [`rabbitmq_${prefix}channel_${name}_total`, ['queue']]),
  ]),
);

/** Labels that 3.10.8 does not have. */
export const MORE_LABELS: Readonly<Record<string, readonly string[]>> = {
  rabbitmq_identity_info: ['rabbitmq_endpoint'],
};
