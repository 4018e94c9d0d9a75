/**
 * kbudde/rabbitmq_exporter, the Prometheus exporter from before RabbitMQ had its own: all that is a number in an answer, by its path, and of it
 * those that it has a series for (exporter_*.go, jsonmap.go). What is not there gets no series, which is no error.
 */
import amqp from 'amqplib';
import type { Tool, World } from '../scenario.ts';

type Numbers = Readonly<Record<string, number>>;

/** As it flattens JSON: numbers, truths as 1 and 0, lists by their lengths. */
function flat(value: object, prefix = ''): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [key, part] of Object.entries(value) as [string, unknown][]) {
    if (typeof part === 'number') found[prefix + key] = part;
    else if (typeof part === 'boolean') found[prefix + key] = part ? 1 : 0;
    else if (Array.isArray(part)) found[`${prefix}${key}_len`] = part.length;
    else if (typeof part === 'object' && part !== null) Object.assign(found, flat(part, `${prefix}${key}.`));
  }
  return found;
}

async function asked(world: World, endpoint: string): Promise<unknown> {
  const { status, headers, text } = await world.send({
    ...{ method: 'GET', path: `/api/${endpoint}`, headers: { accept: 'application/json' } },
  });
  const kind = headers.get('content-type');
  if (status !== 200 || kind !== 'application/json') throw new Error(`${endpoint}: ${status} ${kind}`);
  return JSON.parse(text);
}

const map = async (world: World, endpoint: string): Promise<Numbers> => flat((await asked(world, endpoint)) as object);

/** What has neither a name nor an id is no row to it. */
async function rows(world: World, endpoint: string): Promise<{ row: Record<string, unknown>; numbers: Numbers }[]> {
  const list = (await asked(world, endpoint)) as Record<string, unknown>[];
  return list.filter((row) => 'name' in row || 'id' in row).map((row) => ({ row, numbers: flat(row) }));
}

/** Its series that are not there. */
const without = (series: readonly string[], numbers: Numbers): string[] => series.filter((name) => !(name in numbers));

const OVERVIEW = [
  ...['channels', 'connections', 'consumers', 'queues', 'exchanges'].map((name) => `object_totals.${name}`),
  ...['messages', 'messages_ready', 'messages_unacknowledged'].map((name) => `queue_totals.${name}`),
  ...['publish', 'deliver_no_ack', 'deliver'].map((name) => `message_stats.${name}_details.rate`),
];
const NODE = [
  ...['uptime', 'running', 'mem_used', 'mem_limit', 'mem_alarm', 'disk_free', 'disk_free_alarm', 'disk_free_limit'],
  ...['fd_used', 'fd_total', 'sockets_used', 'sockets_total', 'partitions_len'],
];
const QUEUE = [
  ...['messages_ready', 'messages_unacknowledged', 'messages', 'consumers', 'consumer_utilisation'],
  ...['messages_ready_ram', 'messages_unacknowledged_ram', 'messages_ram', 'messages_persistent', 'message_bytes'],
  ...['message_bytes_ready', 'message_bytes_unacknowledged', 'message_bytes_ram', 'message_bytes_persistent'],
  ...['memory', 'garbage_collection.min_heap_size', 'garbage_collection.fullsweep_after'],
  ...['publish', 'deliver_no_ack', 'deliver'].map((name) => `message_stats.${name}_details.rate`),
  ...['publish', 'deliver', 'deliver_no_ack', 'get', 'get_no_ack', 'redeliver', 'ack'].map((n) => `message_stats.${n}`),
  ...['reductions', 'garbage_collection.minor_gcs', 'arguments.x-max-length', 'effective_policy_definition.max-length'],
];
const EXCHANGE = ['publish_in', 'publish_out'].map((name) => `message_stats.${name}`);
const CONNECTION = ['channels', 'recv_oct', 'recv_cnt', 'send_oct', 'send_cnt', 'send_pend'];
const MEMORY = [
  ...['allocated_unused', 'atom', 'binary', 'code', 'connection_channels', 'connection_other', 'connection_writers'],
  ...['metrics', 'mgmt_db', 'mnesia', 'msg_index', 'other_ets', 'other_proc', 'other_system', 'plugins', 'queue_procs'],
  ...['queue_slave_procs', 'reserved_unallocated', 'total.allocated', 'total.rss', 'total.erlang'],
].map((name) => `memory.${name}`);

async function busy(world: World): Promise<{ client: amqp.ChannelModel; queue: string; exchange: string }> {
  const [queue, exchange] = [`${world.own}-q`, `${world.own}-x`];
  await world.send({
    ...{ method: 'PUT', path: `/api/policies/%2F/${world.own}` },
    body: { pattern: `^${queue}$`, definition: { 'max-length': 20 }, 'apply-to': 'queues' },
  });
  const client = await amqp.connect(`amqp://guest:guest@127.0.0.1:${world.amqp}`);
  const channel = await client.createConfirmChannel();
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-max-length': 50 } });
  await channel.assertExchange(exchange, 'fanout');
  await channel.bindQueue(queue, exchange, '');
  for (let n = 0; n < 5; n++) channel.publish(exchange, '', Buffer.from('x'));
  await channel.waitForConfirms();
  await channel.prefetch(2);
  await channel.consume(queue, () => {});
  return { client, queue, exchange };
}

const ALL_THERE = { overview: [], node: [], queue: [], exchange: [], connection: [], memory: [] };

export const EXPORTER: Tool = {
  name: 'kbudde/rabbitmq_exporter (2024-08)',
  scenarios: [
    {
      name: 'the series that it would leave out, of a broker in which things move',
      async run(world) {
        const { client, queue, exchange } = await busy(world);
        try {
          const named = (endpoint: string, name: string) => async () =>
            (await rows(world, endpoint)).find(({ row }) => row['name'] === name);
          const [node] = await rows(world, 'nodes?sort=');
          const shownQueue = await world.until(
            named('queues', queue),
            (found) => found?.numbers['message_stats.deliver'] === 2 && 'message_stats.publish' in found.numbers,
          );
          const shownExchange = await world.until(
            named('exchanges', exchange),
            (found) => found?.numbers['message_stats.publish_out'] === 5,
          );
          const connections = await world.until(
            () => rows(world, 'connections'),
            (found) => found.length > 0 && found.every(({ numbers }) => numbers['channels'] !== undefined),
          );
          const overview = await world.until(
            () => map(world, 'overview'),
            (found) => 'message_stats.deliver_details.rate' in found && 'message_stats.publish_details.rate' in found,
          );
          return {
            overview: without(OVERVIEW, overview),
            node: without(NODE, node!.numbers),
            queue: without(QUEUE, shownQueue!.numbers),
            exchange: without(EXCHANGE, shownExchange!.numbers),
            connection: without(CONNECTION, connections[0]!.numbers),
            memory: without(MEMORY, await map(world, `nodes/${String(node!.row['name'])}/memory`)),
          };
        } finally {
          await client.close();
        }
      },
      sees: ALL_THERE,
      but: {
        here: {
          sees: {
            ...ALL_THERE,
            queue: [
              ...['messages_ready_ram', 'messages_unacknowledged_ram', 'messages_ram', 'messages_persistent'],
              ...['message_bytes', 'message_bytes_ready', 'message_bytes_unacknowledged', 'message_bytes_ram'],
              ...['message_bytes_persistent', 'memory', 'garbage_collection.min_heap_size'],
              ...['garbage_collection.fullsweep_after', 'reductions', 'garbage_collection.minor_gcs'],
            ],
            connection: ['recv_cnt', 'send_cnt'],
          },
          because:
            'a queue is no process with a heap, where its messages lie is the log’s business, bytes are counted where a limit asks for it; reads and writes of sockets are not counted',
        },
      },
    },
    {
      name: 'who it is, and whether it is alive',
      async run(world) {
        const overview = (await asked(world, 'overview')) as Record<string, unknown>;
        const alive = (await asked(world, 'aliveness-test/%2F')) as Record<string, unknown>;
        const texts = ['node', 'erlang_version', 'rabbitmq_version', 'cluster_name'].map((key) => typeof overview[key]);
        return [alive['status'], overview['rabbitmq_version'], texts];
      },
      sees: ['ok', '3.10.8', ['string', 'string', 'string', 'string']],
    },
    {
      name: 'shovels and links of federations, which neither has as it stands',
      async run(world) {
        const statuses: number[] = [];
        for (const endpoint of ['shovels', 'federation-links']) {
          statuses.push((await world.send({ method: 'GET', path: `/api/${endpoint}` })).status);
        }
        return statuses;
      },
      sees: [404, 404],
    },
  ],
};
