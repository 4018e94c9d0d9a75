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
    /^rabbitmq_(detailed_)?queue_(consumer_utilisation|consumer_capacity|disk_(reads|writes)_total|head_message_timestamp)$/,
    'not measured; entrepot_queue_oldest_ready_seconds says how long the first has waited',
  ],
  [
    /^rabbitmq_(detailed_)?(channel|connection|consumer)_(?!s_|consumers$|messages_unacked$)/,
    'a series for each channel or connection is not kept; sums by protocol are in rabbitmq_global_…',
  ],
  [/^rabbitmq_(detailed_)?channel_(consumers|messages_unacked)$/, 'only their sums are known'],
  [/^rabbitmq_(detailed_)?queue_messages_published_total$/, 'the same: by channel, exchange and queue'],
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

/** Labels that 3.10.8 does not have. */
export const MORE_LABELS: Readonly<Record<string, readonly string[]>> = {
  rabbitmq_identity_info: ['rabbitmq_endpoint'],
};
