/**
 * What is put into a RabbitMQ before its definitions are exported: users with passwords of every hash, vhosts, policies, and queues,
 * exchanges and bindings of every kind that it has with the plugins of `PLUGINS`.
 */
export const PLUGINS = [
  ...['rabbitmq_management', 'rabbitmq_shovel', 'rabbitmq_federation', 'rabbitmq_consistent_hash_exchange'],
  ...[
    'rabbitmq_random_exchange',
    'rabbitmq_sharding',
    'rabbitmq_recent_history_exchange',
    'rabbitmq_jms_topic_exchange',
  ],
];

/** Of `test12`, by RabbitMQ's hashes. */
const HASHES = {
  sha256: 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR',
  sha512: 'kI3GChuNuIYf8lRbCCxZjgjKwsY19ns6+uFO0zcXRBGA/XGJPYD8OWMy7EB8TaOmAzjP2azv84GbINYwX2cDWb4DHnc=',
  md5: 'kI3GChNpte2FApYFXScl+0dIluk=',
} as const;

const user = (name: string, hash: keyof typeof HASHES, tags: readonly string[] = []) => ({
  ...{ name, password_hash: HASHES[hash], hashing_algorithm: `rabbit_password_hashing_${hash}`, tags, limits: {} },
});
const queue = (name: string, given: object = {}, more: object = {}) => ({
  ...{ name, vhost: 'plant', durable: true, auto_delete: false, arguments: given, ...more },
});
const exchange = (name: string, type: string, given: object = {}, more: object = {}) => ({
  ...{ name, vhost: 'plant', type, durable: true, auto_delete: false, internal: false, arguments: given, ...more },
});
const binding = (source: string, destination: string, key: string, given: object = {}, kind = 'queue') => ({
  ...{ source, vhost: 'plant', destination, destination_type: kind, routing_key: key, arguments: given },
});
const policy = (name: string, applyTo: string, definition: object, priority = 0) => ({
  ...{ vhost: 'plant', name, pattern: `^${name}`, 'apply-to': applyTo, definition, priority },
});

export const GIVEN = {
  users: [
    user('ann', 'sha256', ['administrator']),
    user('bob', 'sha512', ['monitoring', 'policymaker']),
    user('cid', 'md5'),
    { name: 'dan é', password_hash: '', hashing_algorithm: 'rabbit_password_hashing_sha256', tags: [], limits: {} },
  ],
  vhosts: [{ name: '/' }, { name: 'plant', description: 'of machines', tags: ['a', 'b'] }, { name: 'empty/é' }],
  permissions: [
    { user: 'ann', vhost: '/', configure: '.*', write: '.*', read: '.*' },
    { user: 'ann', vhost: 'plant', configure: '.*', write: '.*', read: '.*' },
    { user: 'bob', vhost: 'plant', configure: '', write: '^(a|b)\\.', read: '^amq\\.gen-.*' },
  ],
  topic_permissions: [
    { user: 'bob', vhost: 'plant', exchange: 'amq.topic', write: '^{username}\\.', read: '.*' },
    { user: 'bob', vhost: 'plant', exchange: '', write: '', read: '' },
  ],
  parameters: [
    { value: { 'max-queues': 100, 'max-connections': -1 }, vhost: 'plant', component: 'vhost-limits', name: 'limits' },
    {
      value: { pattern: '^c', definition: { 'max-length': 50, expires: 3_600_000 }, priority: 1, 'apply-to': 'queues' },
      ...{ vhost: 'plant', component: 'operator_policy', name: 'cap' },
    },
    {
      value: {
        ...{ 'src-uri': 'amqp://', 'src-queue': 'never', 'dest-uri': 'amqp://', 'dest-queue': 'either' },
        ...{ 'src-protocol': 'amqp091', 'dest-protocol': 'amqp091' },
      },
      ...{ vhost: 'empty/é', component: 'shovel', name: 'carry' },
    },
    { value: { uri: 'amqp://127.0.0.1:1' }, vhost: 'plant', component: 'federation-upstream', name: 'away' },
  ],
  global_parameters: [
    { name: 'cluster_name', value: 'rabbit@plant' },
    { name: 'own', value: { region: 'eu', list: [1, 'a', true, null] } },
  ],
  policies: [
    policy('short', 'queues', { 'max-length': 5, overflow: 'reject-publish' }, 2),
    policy('dead', 'queues', {
      'dead-letter-exchange': 'x.direct',
      'dead-letter-routing-key': 'k',
      'message-ttl': 60_000,
    }),
    policy('alternate', 'exchanges', { 'alternate-exchange': 'amq.fanout' }),
    policy('wide', 'all', { expires: 3_600_000 }, -1),
    policy('lazy', 'queues', { 'queue-mode': 'lazy', 'max-length-bytes': 4_000_000_000 }),
    policy('limit', 'queues', { 'delivery-limit': 3, 'max-in-memory-length': 10 }),
    policy('mirror', 'queues', { 'ha-mode': 'exactly', 'ha-params': 2, 'ha-sync-mode': 'automatic' }),
    policy('far', 'exchanges', { 'federation-upstream-set': 'all' }),
  ],
  queues: [
    queue('plain'),
    queue('passing', {}, { durable: false, auto_delete: true }),
    queue('slash/é {}', { 'x-queue-type': 'classic' }),
    queue('all', {
      ...{ 'x-message-ttl': 60_000, 'x-expires': 3_600_000, 'x-max-length': 10, 'x-max-length-bytes': 1_000_000 },
      ...{ 'x-overflow': 'drop-head', 'x-dead-letter-exchange': 'x.direct', 'x-dead-letter-routing-key': 'dead' },
      ...{ 'x-max-priority': 5, 'x-queue-mode': 'lazy', 'x-single-active-consumer': true },
    }),
    queue('located', { 'x-queue-master-locator': 'min-masters', 'x-own': 'text', 'x-list': [1, 'a', { b: true }] }),
    queue('quorum', {
      ...{ 'x-queue-type': 'quorum', 'x-delivery-limit': 3, 'x-quorum-initial-group-size': 3 },
      ...{ 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish', 'x-max-length': 9 },
      ...{ 'x-dead-letter-exchange': 'x.direct', 'x-queue-leader-locator': 'balanced' },
    }),
    queue('stream', { 'x-queue-type': 'stream', 'x-max-age': '7D', 'x-max-length-bytes': 1_000_000 }),
  ],
  exchanges: [
    ...['direct', 'fanout', 'topic', 'headers'].map((type) => exchange(`x.${type}`, type)),
    exchange('x.inside', 'topic', { 'alternate-exchange': 'x.fanout' }, { internal: true, auto_delete: true }),
    exchange('x.passing', 'direct', {}, { durable: false }),
    exchange('x.hash', 'x-consistent-hash', { 'hash-header': 'who' }),
    exchange('x.modulus', 'x-modulus-hash'),
    exchange('x.random', 'x-random'),
    exchange('x.recent', 'x-recent-history', { 'x-recent-history-length': 5 }),
    exchange('x.jms', 'x-jms-topic'),
  ],
  bindings: [
    binding('x.direct', 'plain', 'a/b c+é%~'),
    binding('x.topic', 'all', '#.x.*'),
    binding('x.headers', 'all', '', { 'x-match': 'any', n: 5, s: 'x', t: true }),
    binding('x.headers', 'all', '', { 'x-match': 'all', n: 5 }),
    binding('x.hash', 'plain', '7'),
    binding('x.topic', 'x.inside', 'k.#', {}, 'exchange'),
    binding('amq.topic', 'quorum', '', { a: [1, 2] }),
    binding('x.direct', 'stream', 's'),
    binding('x.recent', 'plain', ''),
    binding('amq.fanout', 'x.jms', '', {}, 'exchange'),
  ],
};

/** By the HTTP API, since definitions do not bring them in 3.10. */
export const USER_LIMITS = [['ann', 'max-channels', 7]] as const;
