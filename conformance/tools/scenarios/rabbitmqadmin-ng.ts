/**
 * rabbitmqadmin v2 over its HTTP client, rabbitmq_http_api_client 0.90 (src/api/, src/requests/, src/responses/): every character but letters
 * and digits of a name is percent-encoded, and an answer without a field that has no default is an error.
 */
import { isDeepStrictEqual } from 'node:util';
import amqp from 'amqplib';
import { z } from 'zod';
import { decoded, rust } from '../decode.ts';
import type { Reply, Tool, World } from '../scenario.ts';

const u16 = rust.unsigned(16);
const u32 = rust.unsigned(32);
const u64 = z.number().int().min(0);
const text = z.string();
const truth = z.boolean();
const maybe = <T extends z.ZodType>(type: T) => type.nullish();

const TAGS = z.array(text);
const QUEUE = z.object({
  ...{ name: text, vhost: text, type: text, durable: truth, auto_delete: truth, exclusive: truth, arguments: rust.map },
  ...{ node: rust.or(text, 'undefined'), state: rust.or(text, ''), memory: rust.or(u64, 0) },
  ...{ leader: maybe(text), members: maybe(z.array(text)), online: maybe(z.array(text)) },
  ...{ consumers: rust.or(u16, 0), consumer_utilisation: rust.or(z.number(), 0), exclusive_consumer_tag: maybe(text) },
  ...{ policy: maybe(text), operator_policy: maybe(text), effective_policy_definition: maybe(rust.map) },
  ...{ messages: rust.or(u64, 0), messages_unacknowledged: rust.or(u64, 0), message_bytes_ready: rust.or(u64, 0) },
});
const DEFINED_QUEUE = z.object({ name: text, durable: truth, auto_delete: truth, arguments: rust.map });
const EXCHANGE = DEFINED_QUEUE.extend({ type: text });
const BINDING = z.object({
  ...{ source: text, destination: text, destination_type: z.enum(['queue', 'exchange']), routing_key: text },
  ...{ arguments: rust.map, properties_key: maybe(text) },
});
const VHOST = z.object({
  ...{ name: text, tags: maybe(TAGS), description: maybe(text), default_queue_type: maybe(text) },
  metadata: maybe(z.object({ tags: maybe(TAGS), description: maybe(text), default_queue_type: maybe(text) })),
});
const USER = z.object({ name: text, tags: TAGS, password_hash: text });
const PERMISSIONS = z.object({ user: text, vhost: text, configure: text, read: text, write: text });
const TOPIC_PERMISSIONS = z.object({ user: text, vhost: text, exchange: text, read: text, write: text });
const TARGETS = z.enum(['queues', 'classic_queues', 'quorum_queues', 'streams', 'exchanges', 'all']);
const POLICY = z.object({
  ...{ name: text, pattern: text, 'apply-to': TARGETS, definition: rust.map },
  priority: z.number().int().min(-32_768).max(32_767),
});
const PARAMETER = z.object({ name: text, component: text, value: rust.map });
const GLOBAL = z.object({ name: text, value: z.unknown() });
const CONNECTION = z.object({
  ...{ name: text, node: text, state: maybe(text), protocol: text, user: text, connected_at: u64 },
  ...{ host: maybe(text), port: maybe(u32), peer_host: maybe(text), peer_port: maybe(u32), channel_max: maybe(u16) },
  channels: rust.or(u16, 0),
  client_properties: z.object({
    ...{ connection_name: rust.or(text, ''), product: rust.or(text, ''), version: rust.or(text, '') },
    capabilities: maybe(z.object({ 'basic.nack': rust.or(truth, false) })),
  }),
});
const CHANNEL = z.object({
  ...{ number: u16, name: text, vhost: text, state: text, consumer_count: u32, confirm: truth, prefetch_count: u32 },
  ...{ messages_unacknowledged: u32, messages_unconfirmed: u32 },
  connection_details: z.object({ name: text, peer_host: text, peer_port: u32 }),
});
const CONSUMER = z.object({
  ...{ consumer_tag: text, active: truth, ack_required: truth, prefetch_count: u32, exclusive: truth },
  ...{ arguments: rust.map, consumer_timeout: u64, queue: z.object({ name: text, vhost: text }) },
  channel_details: z.object({
    ...{ number: u16, name: text, connection_name: text, node: text, peer_host: text, peer_port: u32, user: text },
  }),
});
const NODE = z.object({
  ...{ name: text, uptime: u32, run_queue: u32, processors: u32, os_pid: text.regex(/^\d+$/), fd_total: u32 },
  ...{ proc_total: u32, mem_limit: u64, mem_alarm: truth, disk_free_limit: u64, disk_free_alarm: truth },
  ...{ rates_mode: text, enabled_plugins: z.array(text), being_drained: truth },
  applications: rust.or(z.array(z.object({ name: text, description: text, version: text })), []),
});
const MEMORY = z.object({
  memory: z.object({
    ...Object.fromEntries(
      [
        ...['connection_readers', 'connection_writers', 'connection_channels', 'connection_other', 'queue_procs'],
        ...['quorum_queue_procs', 'stream_queue_procs', 'stream_queue_replica_reader_procs', 'plugins', 'other_proc'],
        ...['stream_queue_coordinator_procs', 'metadata_store', 'metrics', 'mgmt_db', 'mnesia', 'quorum_ets'],
        ...['metadata_store_ets', 'binary', 'msg_index', 'code', 'atom', 'other_system', 'allocated_unused'],
        'reserved_unallocated',
      ].map((name) => [name, u64]),
    ),
    ...{ other_ets: z.number().int(), strategy: text, total: z.object({ rss: u64, allocated: u64, erlang: u64 }) },
  }),
});
const RATE = z.object({ rate: z.number() });
const OVERVIEW = z.object({
  ...{ cluster_name: text, node: text, erlang_full_version: text, erlang_version: text, rabbitmq_version: text },
  ...{ product_name: text, product_version: text, statistics_db_event_queue: u64 },
  churn_rates: z.object({ connection_created: u32, queue_declared: u32, queue_deleted: u32, channel_closed: u32 }),
  queue_totals: z.object({ messages: rust.or(u64, 0), messages_details: maybe(RATE) }),
  object_totals: z.object({ connections: u64, channels: u64, queues: u64, exchanges: u64, consumers: u64 }),
  message_stats: z.object({ publish_details: maybe(RATE), deliver_get_details: maybe(RATE), ack_details: maybe(RATE) }),
  listeners: z.array(z.object({ node: text, protocol: text, port: u32, ip_address: text })),
});
const ATTEMPTS = z.object({
  ...{ protocol: text, auth_attempts: u64, auth_attempts_failed: u64, auth_attempts_succeeded: u64 },
});
const LIMITS = z.record(text, z.unknown());
const FLAG = z.object({ name: text, state: text, desc: text, doc_url: text, stability: text, provided_by: text });
const MESSAGE = z.object({
  ...{ payload_bytes: u64, redelivered: truth, exchange: text, routing_key: text, message_count: u64 },
  ...{ properties: z.union([rust.map, z.tuple([])]), payload: text, payload_encoding: text },
});
const of = (vhost: z.ZodRawShape) => ({ vhost: text, ...vhost });
const DEFINITIONS = z.object({
  ...{ rabbitmq_version: maybe(text), users: z.array(USER), vhosts: z.array(VHOST), permissions: z.array(PERMISSIONS) },
  parameters: z.array(PARAMETER.extend(of({}))),
  policies: z.array(POLICY.extend(of({}))),
  queues: z.array(DEFINED_QUEUE.extend(of({}))),
  exchanges: z.array(EXCHANGE.extend(of({}))),
  bindings: z.array(BINDING.extend(of({}))),
});
const VHOST_DEFINITIONS = z.object({
  ...{ parameters: z.array(PARAMETER), policies: z.array(POLICY), queues: z.array(DEFINED_QUEUE) },
  ...{ exchanges: z.array(EXCHANGE), bindings: z.array(BINDING) },
});

function path(...parts: readonly string[]): string {
  const encoded = (part: string): string =>
    [...Buffer.from(part)]
      .map((byte) => {
        const sign = String.fromCharCode(byte);
        return /[A-Za-z0-9]/.test(sign) ? sign : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
      })
      .join('');
  return `/api/${parts.map(encoded).join('/')}`;
}

class Admin {
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** @throws Error for what is no 2xx, but for `excused` */
  async sent(method: string, at: string, body?: unknown, excused?: number, reason?: string): Promise<Reply> {
    const headers = { 'content-type': 'application/json', ...(reason !== undefined && { 'x-reason': reason }) };
    const reply = await this.world.send({ method, path: at, headers, ...(body !== undefined && { body }) });
    if (reply.status >= 300 && reply.status !== excused) throw new Error(`${method}: ${reply.status} ${reply.text}`);
    return reply;
  }

  async get<T extends z.ZodType>(at: string, type: T): Promise<z.output<T>> {
    return decoded(type, (await this.sent('GET', at)).text);
  }

  put = (at: string, body: unknown): Promise<Reply> => this.sent('PUT', at, body);
  post = (at: string, body: unknown): Promise<Reply> => this.sent('POST', at, body);
  /** `--idempotently`: what is not there is as good as deleted. */
  delete = (at: string): Promise<Reply> => this.sent('DELETE', at, undefined, 404);
}

async function clientOf(world: World): Promise<amqp.ChannelModel> {
  const client = await amqp.connect(`amqp://guest:guest@127.0.0.1:${world.amqp}`, {
    clientProperties: { connection_name: world.own },
  });
  const channel = await client.createConfirmChannel();
  await channel.assertQueue(world.own, { durable: true });
  await channel.consume(world.own, () => {}, { consumerTag: world.own });
  channel.sendToQueue(world.own, Buffer.from('x'));
  await channel.waitForConfirms();
  return client;
}

const list = <T extends z.ZodType>(item: T) => z.array(item);

/** What can be asked for without having made anything, by the words of its command. */
const LISTS: Readonly<Record<string, (node: string) => readonly [at: string, type: z.ZodType]>> = {
  overview: () => ['overview', OVERVIEW],
  'cluster name': () => ['cluster-name', z.object({ name: text })],
  whoami: () => ['whoami', z.object({ name: text, tags: TAGS })],
  nodes: () => ['nodes', list(NODE)],
  'node memory': (node) => [`nodes/${node}/memory`, MEMORY],
  'auth attempts': (node) => [`auth/attempts/${node}`, list(ATTEMPTS)],
  vhosts: () => ['vhosts', list(VHOST)],
  'vhosts, a page': () => ['vhosts?page=1&page_size=5', z.object({ items: list(VHOST) })],
  users: () => ['users', list(USER)],
  'users without permissions': () => ['users/without-permissions', list(USER)],
  permissions: () => ['permissions', list(PERMISSIONS)],
  'topic permissions': () => ['topic-permissions', list(TOPIC_PERMISSIONS)],
  queues: () => ['queues', list(QUEUE)],
  'queues, a page': () => ['queues?page=1&page_size=5', z.object({ items: list(QUEUE) })],
  exchanges: () => ['exchanges', list(EXCHANGE.extend(of({})))],
  'exchanges, a page': () => ['exchanges?page=1&page_size=5', z.object({ items: list(EXCHANGE) })],
  bindings: () => ['bindings', list(BINDING.extend(of({})))],
  connections: () => ['connections', list(CONNECTION)],
  'connections, a page': () => ['connections?page=1&page_size=5', z.object({ items: list(CONNECTION) })],
  channels: () => ['channels', list(CHANNEL)],
  consumers: () => ['consumers', list(CONSUMER)],
  policies: () => ['policies', list(POLICY.extend(of({})))],
  'operator policies': () => ['operator-policies', list(POLICY.extend(of({})))],
  parameters: () => ['parameters', list(PARAMETER.extend(of({})))],
  'global parameters': () => ['global-parameters', list(GLOBAL)],
  'vhost limits': () => ['vhost-limits', list(z.object({ vhost: text, value: LIMITS }))],
  'user limits': () => ['user-limits', list(z.object({ user: text, value: LIMITS }))],
  'feature flags': () => ['feature-flags', list(FLAG)],
  definitions: () => ['definitions', DEFINITIONS],
};

const MISSING = 'Invalid input: expected';

const DECLARED_SEEN = {
  statuses: [201, 201, 201, 201, 201, 201, 201, 400, 201, 201, 204, 204, 201],
  shown: {
    ...{ vhost: 'd', user: ['management', 'monitoring'], permissions: '', topics: ['^b'], ofUser: 1 },
    ...{ inVhost: [false, true], exchange: { 'alternate-exchange': 'amq.fanout' } },
    queue: ['quorum', { 'x-queue-type': 'quorum', 'x-max-length': 9 }, { 'max-length': 5, expires: 900_000 }],
    ...{ bindings: [{}, { k: 1 }], policy: 3, operatorPolicy: { expires: 900_000 } },
    limits: [{ 'max-queues': 7 }, { 'max-channels': 8 }],
    global: { region: 'eu' },
  },
  deleted: [...Array.from({ length: 9 }, () => 204), ...Array.from({ length: 9 }, () => 404)],
};

export const RABBITMQADMIN_NG: Tool = {
  name: 'rabbitmqadmin v2 (its HTTP client 0.90)',
  scenarios: [
    {
      name: 'what it cannot read of its lists, of a broker with a client',
      async run(world) {
        const admin = new Admin(world);
        const client = await clientOf(world);
        try {
          await world.until(
            () => admin.get('/api/connections', z.array(z.object({ channels: z.number().optional() }))),
            (found) => found.length > 0 && found.every(({ channels }) => channels !== undefined),
          );
          await world.until(
            () => admin.get('/api/channels', z.array(z.object({ confirm: z.boolean().optional() }))),
            (found) => found.length > 0 && found.every(({ confirm }) => confirm !== undefined),
          );
          const [node] = await admin.get('/api/nodes', z.array(z.object({ name: text })));
          const unread: Record<string, string> = {};
          for (const [words, ask] of Object.entries(LISTS)) {
            const [at, type] = ask(path(node!.name).slice('/api/'.length));
            await admin.get(`/api/${at}`, type).catch((error: Error) => {
              unread[words] = error.message;
            });
          }
          return unread;
        } finally {
          await client.close();
        }
      },
      sees: {},
      but: {
        there: {
          sees: {
            nodes: `being_drained: ${MISSING} boolean, received undefined`,
            'node memory': `memory.metadata_store: ${MISSING} number, received undefined`,
            consumers: `consumer_timeout: ${MISSING} number, received undefined`,
          },
          because: 'it is made for RabbitMQ 4, and 3.10 has none of these; here they are there for its sake',
        },
      },
    },
    {
      name: 'what RabbitMQ has had since 4 it is told is not there',
      async run(world) {
        const asked = [
          'deprecated-features',
          'deprecated-features/used',
          'stream/connections',
          'federation-links',
          'shovels',
        ];
        const statuses = asked.map(async (at) => (await world.send({ method: 'GET', path: `/api/${at}` })).status);
        return Promise.all(statuses);
      },
      sees: [404, 404, 404, 404, 404],
    },
    {
      name: 'everything declared under names that are all signs, shown, and deleted, twice',
      async run(world) {
        const admin = new Admin(world);
        const vhost = `${world.own}_v/x.y`;
        const user = `${world.own}-u.é`;
        const name = 'my_q.x/y é~1';
        const statuses: number[] = [];
        const put = async (at: string, body: unknown) => statuses.push((await admin.put(at, body)).status);
        await put(path('vhosts', vhost), { name: vhost, description: 'd', tags: ['t'], tracing: false });
        await put(path('users', user), {
          name: user,
          password_hash: 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR',
          tags: 'management,monitoring',
        });
        await put(path('permissions', vhost, user), { user, vhost, configure: '.*', read: '.*', write: '' });
        await put(path('topic-permissions', vhost, user), {
          user,
          vhost,
          write: '^a',
          read: '^b',
          exchange: 'amq.topic',
        });
        await put(path('exchanges', vhost, name), {
          type: 'topic',
          durable: true,
          auto_delete: false,
          arguments: { 'alternate-exchange': 'amq.fanout' },
        });
        await put(path('queues', vhost, name), {
          name,
          durable: true,
          auto_delete: false,
          exclusive: false,
          arguments: { 'x-queue-type': 'quorum', 'x-max-length': 9 },
        });
        statuses.push(
          (await admin.post(path('bindings', vhost, 'e', name, 'q', name), { routing_key: 'a.#', arguments: { k: 1 } }))
            .status,
        );
        await put(path('policies', vhost, name), {
          vhost,
          name,
          pattern: '^my',
          'apply-to': 'quorum_queues',
          priority: 3,
          definition: { 'max-length': 5 },
        }).catch((error: Error) => statuses.push(Number(/: (\d+)/.exec(error.message)?.[1])));
        await put(path('policies', vhost, name), {
          vhost,
          name,
          pattern: '^my',
          'apply-to': 'queues',
          priority: 3,
          definition: { 'max-length': 5 },
        });
        await put(path('operator-policies', vhost, name), {
          vhost,
          name,
          pattern: '.',
          'apply-to': 'queues',
          priority: 1,
          definition: { expires: 900_000 },
        });
        await put(path('vhost-limits', vhost, 'max-queues'), { value: 7 });
        await put(path('user-limits', user, 'max-channels'), { value: 8 });
        await put(path('global-parameters', world.own), { name: world.own, value: { region: 'eu' } });
        const queue = await world.until(
          () => admin.get(path('queues', vhost, name), QUEUE),
          (found) => found.policy === name && found.operator_policy === name,
        );
        const shown = {
          vhost: (await admin.get(path('vhosts', vhost), VHOST)).description,
          user: (await admin.get(path('users', user), USER)).tags,
          permissions: (await admin.get(path('permissions', vhost, user), PERMISSIONS)).write,
          topics: (await admin.get(path('topic-permissions', vhost, user), list(TOPIC_PERMISSIONS))).map(
            ({ read }) => read,
          ),
          ofUser: (await admin.get(path('users', user, 'permissions'), list(PERMISSIONS))).length,
          inVhost: (await admin.get(path('vhosts', vhost, 'permissions'), list(PERMISSIONS)))
            .map((one) => one.user === user)
            .sort(),
          exchange: (await admin.get(path('exchanges', vhost, name), EXCHANGE)).arguments,
          queue: [queue.type, queue.arguments, queue.effective_policy_definition],
          bindings: (await admin.get(path('queues', vhost, name, 'bindings'), list(BINDING))).map(
            (one) => one.arguments,
          ),
          policy: (await admin.get(path('policies', vhost, name), POLICY)).priority,
          operatorPolicy: (await admin.get(path('operator-policies', vhost, name), POLICY)).definition,
          limits: [
            (await admin.get(path('vhost-limits', vhost), list(z.object({ value: LIMITS }))))[0]!.value,
            (await admin.get(path('user-limits', user), list(z.object({ value: LIMITS }))))[0]!.value,
          ],
          global: (await admin.get(path('global-parameters', world.own), GLOBAL)).value,
        };
        const deleted: number[] = [];
        for (let times = 0; times < 2; times++) {
          for (const at of [
            ...[path('policies', vhost, name), path('operator-policies', vhost, name), path('queues', vhost, name)],
            ...[
              path('exchanges', vhost, name),
              path('permissions', vhost, user),
              path('topic-permissions', vhost, user),
            ],
            ...[path('global-parameters', world.own), path('users', user), path('vhosts', vhost)],
          ]) {
            deleted.push((await admin.delete(at)).status);
          }
        }
        return { statuses, shown, deleted };
      },
      sees: DECLARED_SEEN,
      but: {
        here: {
          sees: { ...DECLARED_SEEN, statuses: DECLARED_SEEN.statuses.with(7, 201).with(8, 204) },
          because: 'policies apply to queues of one type, as RabbitMQ has had it since 3.13',
        },
      },
    },
    {
      name: 'publish, get in each mode, and purge',
      async run(world) {
        const admin = new Admin(world);
        const queue = `${world.own}_q.x`;
        await admin.put(path('queues', '/', queue), {
          name: queue,
          durable: true,
          auto_delete: false,
          exclusive: false,
          arguments: {},
        });
        const publish = async (key: string, payload: string, properties: object) =>
          decoded(
            z.object({ routed: truth }),
            (
              await admin.post(path('exchanges', '/', 'amq.default', 'publish'), {
                routing_key: key,
                payload,
                payload_encoding: 'string',
                properties,
              })
            ).text,
          ).routed;
        const get = async (ackmode: string, count: number) =>
          decoded(
            list(MESSAGE),
            (await admin.post(path('queues', '/', queue, 'get'), { count, ackmode, encoding: 'auto' })).text,
          ).map((one) => [one.payload, one.redelivered, one.message_count, one.properties]);
        return {
          routed: [
            await publish(queue, 'one', {}),
            await publish(queue, 'two', { delivery_mode: 2, headers: { n: 1 } }),
            await publish('nowhere', 'x', {}),
          ],
          looked: await get('ack_requeue_true', 5),
          rejected: await get('reject_requeue_true', 1),
          taken: await get('ack_requeue_false', 1),
          purged: (await admin.sent('DELETE', path('queues', '/', queue, 'contents'))).status,
          left: await get('ack_requeue_false', 1),
        };
      },
      sees: {
        routed: [true, true, false],
        looked: [
          ['one', false, 1, []],
          ['two', false, 0, { delivery_mode: 2, headers: { n: 1 } }],
        ],
        rejected: [['one', true, 1, []]],
        taken: [['one', true, 1, []]],
        purged: 204,
        left: [],
      },
    },
    {
      name: 'a binding deleted by what it is: found among those of its destination',
      async run(world) {
        const admin = new Admin(world);
        const [queue, exchange] = [`${world.own}.q`, `${world.own}_x`];
        await admin.put(path('queues', '/', queue), {
          name: queue,
          durable: true,
          auto_delete: false,
          exclusive: false,
          arguments: {},
        });
        await admin.put(path('exchanges', '/', exchange), {
          type: 'headers',
          durable: true,
          auto_delete: false,
          arguments: {},
        });
        const wanted = [
          ['q', queue, 'a/b c', {}],
          ['q', queue, 'a/b c', { 'x-match': 'any', n: 1, s: 'x' }],
          ['q', queue, '', {}],
          ['e', exchange, 'k.#', { list: [1, 'a', true] }],
        ] as const;
        for (const [kind, destination, key, given] of wanted) {
          await admin.post(path('bindings', '/', 'e', 'amq.topic', kind, destination), {
            routing_key: key,
            arguments: given,
          });
        }
        const deleted: unknown[] = [];
        for (const [kind, destination, key, given] of wanted) {
          const at =
            kind === 'q'
              ? path('queues', '/', destination, 'bindings')
              : path('exchanges', '/', destination, 'bindings', 'destination');
          const all = await admin.get(at, list(BINDING));
          const found = all.filter(
            (one) => one.source === 'amq.topic' && one.routing_key === key && isDeepStrictEqual(one.arguments, given),
          );
          const [one] = found;
          const { status } = await admin.sent(
            'DELETE',
            path('bindings', '/', 'e', 'amq.topic', kind, destination, one?.properties_key ?? ''),
          );
          deleted.push([found.length, status, (await admin.get(at, list(BINDING))).length - all.length]);
        }
        return deleted;
      },
      sees: [
        [1, 204, -1],
        [1, 204, -1],
        [1, 204, -1],
        [1, 204, -1],
      ],
    },
    {
      name: 'definitions of a vhost, read and taken over into another',
      async run(world) {
        const admin = new Admin(world);
        const [from, to] = [`${world.own}-from`, `${world.own}-to`];
        for (const name of [from, to]) await admin.put(path('vhosts', name), { name, tracing: false });
        await admin.put(path('queues', from, 'q'), {
          name: 'q',
          durable: true,
          auto_delete: false,
          exclusive: false,
          arguments: { 'x-message-ttl': 5_000 },
        });
        await admin.put(path('exchanges', from, 'x'), {
          type: 'topic',
          durable: true,
          auto_delete: true,
          arguments: {},
        });
        await admin.post(path('bindings', from, 'e', 'x', 'q', 'q'), { routing_key: '#', arguments: {} });
        await admin.put(path('policies', from, 'p'), {
          vhost: from,
          name: 'p',
          pattern: '.',
          'apply-to': 'all',
          priority: 0,
          definition: { expires: 900_000 },
        });
        const reply = await admin.sent('GET', path('definitions', from));
        const { status } = await admin.post(path('definitions', to), JSON.parse(reply.text));
        const strip = ({ queues, exchanges, bindings, policies }: z.output<typeof VHOST_DEFINITIONS>) => ({
          queues,
          exchanges,
          bindings: bindings.map(({ routing_key, arguments: given }) => [routing_key, given]),
          policies: policies.map(({ name, pattern, definition }) => [name, pattern, definition]),
        });
        return {
          status,
          from: strip(decoded(VHOST_DEFINITIONS, reply.text)),
          to: strip(await admin.get(path('definitions', to), VHOST_DEFINITIONS)),
        };
      },
      sees: ((definitions: object) => ({ status: 204, from: definitions, to: definitions }))({
        queues: [{ name: 'q', durable: true, auto_delete: false, arguments: { 'x-message-ttl': 5_000 } }],
        exchanges: [{ name: 'x', type: 'topic', durable: true, auto_delete: true, arguments: {} }],
        bindings: [['#', {}]],
        policies: [['p', '.', { expires: 900_000 }]],
      }),
    },
    {
      name: 'its health checks: good, and what it reads of bad ones',
      async run(world) {
        const ask = async (...parts: string[]) => {
          const { status, text: body } = await world.send({ method: 'GET', path: path('health', 'checks', ...parts) });
          const { status: word, reason } = JSON.parse(body) as { status?: string; reason?: string };
          return [status, word, status === 200 ? undefined : reason];
        };
        return {
          alarms: await ask('alarms'),
          local: await ask('local-alarms'),
          quorum: await ask('node-is-quorum-critical'),
          amqp: await ask('port-listener', String(world.amqp)),
          port: await ask('port-listener', '1'),
          protocol: await ask('protocol-listener', 'amqp'),
          none: await ask('protocol-listener', 'amqps'),
        };
      },
      sees: {
        ...{ alarms: [200, 'ok', undefined], local: [200, 'ok', undefined], quorum: [200, 'ok', undefined] },
        ...{ amqp: [200, 'ok', undefined], port: [503, 'failed', 'No active listener'] },
        ...{ protocol: [200, 'ok', undefined], none: [503, 'failed', 'No active listener'] },
      },
    },
    {
      name: 'connections: one closed for a reason, those of a user shown, and closed',
      async run(world) {
        const admin = new Admin(world);
        const client = await clientOf(world);
        const said = new Promise<string>((resolve) =>
          client.on('close', (error?: Error) => resolve(error?.message ?? '')),
        );
        const mine = await world.until(
          () => admin.get('/api/connections', list(CONNECTION)),
          (all) => all.some((one) => one.client_properties.connection_name === world.own),
        );
        const { name } = mine.find((one) => one.client_properties.connection_name === world.own)!;
        const closed = await admin.sent('DELETE', path('connections', name), undefined, undefined, 'enough now');
        const reason = await said;
        await world.until(
          () =>
            admin.get(
              path('connections', 'username', 'guest'),
              list(z.object({ name: text, node: text, user: text, vhost: text })),
            ),
          (all) => all.every((one) => one.name !== name),
        );
        const nobody = await admin.sent('DELETE', path('connections', 'username', world.own), undefined, 404);
        return [closed.status, /enough now/.test(reason), nobody.status];
      },
      sees: [204, true, 204],
    },
    {
      name: 'many users deleted at once',
      async run(world) {
        const admin = new Admin(world);
        const users = ['a', 'b', 'c'].map((end) => `${world.own}${end}`);
        for (const name of users) await admin.put(path('users', name), { name, password_hash: '', tags: '' });
        const without = (await admin.get('/api/users/without-permissions', list(USER))).filter(({ name }) =>
          users.includes(name),
        );
        const { status } = await admin.post('/api/users/bulk-delete', { users: users.slice(0, 2) });
        const left = (await admin.get('/api/users', list(USER))).filter(({ name }) => users.includes(name));
        return [without.length, status, left.length];
      },
      sees: [3, 204, 1],
    },
  ],
};
