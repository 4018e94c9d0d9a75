import amqplib, { type Channel, type ChannelModel, type ConfirmChannel } from 'amqplib';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/index.ts';
import { untilAsked as until } from '../../support/until.ts';
import { type ApiBroker, startApi } from './harness.ts';

let broker: ApiBroker;
let connection: ChannelModel;
let channel: ConfirmChannel;
let plain: Channel;
let device: MqttClient;

const ALL = { configure: '.*', write: '.*', read: '.*' };

beforeAll(async () => {
  const listen = ['http', 'amqp', 'mqtt'].map((name) => `${name}://127.0.0.1:0`);
  broker = await startApi({ listen, vhosts: { '/': {}, other: {} } });
  for (const [name, ...tags] of [
    ['root', 'administrator'],
    ['watcher', 'monitoring'],
    ['someone', 'management'],
  ] as const) {
    await broker.users.put(name, { password: 'p', tags });
    await broker.users.setPermissions(name, '/', ALL);
  }
  connection = await amqplib.connect(`amqp://root:p@127.0.0.1:${broker.port('amqp')}?heartbeat=7`, {
    clientProperties: { connection_name: 'mine' },
  });
  channel = await connection.createConfirmChannel();
  plain = await connection.createChannel();
  await channel.assertQueue('q1', { durable: true, arguments: { 'x-max-length': 100 } });
  await channel.assertQueue('q2', { durable: false, autoDelete: true, exclusive: true });
  await channel.assertQueue('qq', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.assertExchange('x1', 'topic', { durable: true, arguments: { 'alternate-exchange': 'amq.fanout' } });
  await channel.assertExchange('x2', 'fanout', { durable: true });
  await channel.bindQueue('q1', 'x1', 'a/b c%é');
  await channel.bindQueue('q1', 'x1', 'key', { k: 1 });
  await channel.bindQueue('q1', 'x1', '', { k: 1, s: 'x' });
  await channel.bindExchange('x2', 'x1', '#.x');
  await channel.prefetch(1);
  await channel.consume('q1', () => {}, { consumerTag: 'ct1' });
  await channel.consume('q2', () => {}, { consumerTag: 'ct2', noAck: true, arguments: { 'x-priority': 3 } });
  channel.publish('', 'q1', Buffer.from('a'), { timestamp: 123 });
  channel.publish('x1', 'key', Buffer.from('b'), { timestamp: 456 });
  channel.publish('', 'nowhere', Buffer.from('c'));
  await channel.waitForConfirms();
  device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`, {
    clientId: 'mc1',
    protocolVersion: 4,
    username: 'someone',
    password: 'p',
  });
}, 30_000);

afterAll(async () => {
  await device?.endAsync();
  await connection?.close().catch(() => {});
  await broker?.close();
});

const ask = (path: string, user = 'root', asking = {}) => broker.ask(path, { login: `${user}:p`, ...asking });
// biome-ignore lint/suspicious/noExplicitAny: answers are looked at part by part
const names = (list: any[]): string[] => list.map(({ name }) => name);

describe('queues', () => {
  it('are listed by name, with how much waits and is held', async () => {
    const { body } = await ask('/queues');
    expect(names(body)).toEqual(['q1', 'q2', 'qq']);
    expect(body[0]).toMatchObject({
      vhost: '/',
      durable: true,
      auto_delete: false,
      exclusive: false,
      arguments: { 'x-max-length': 100 },
      type: 'classic',
      state: 'running',
      consumers: 1,
      messages: 2,
      messages_ready: 1,
      messages_unacknowledged: 1,
      messages_details: { rate: 0 },
      policy: null,
      operator_policy: null,
      effective_policy_definition: {},
      head_message_timestamp: 456,
      message_stats: { publish: 2, deliver: 1, deliver_get: 1, ack: 0 },
    });
  });

  it('are shown one by one with their consumers', async () => {
    const { status, body } = await ask('/queues/%2F/q1');
    expect(status).toBe(200);
    expect(body.consumer_details).toHaveLength(1);
    expect(body.consumer_details[0]).toMatchObject({
      consumer_tag: 'ct1',
      ack_required: true,
      active: true,
      activity_status: 'up',
      exclusive: false,
      prefetch_count: 1,
      queue: { name: 'q1', vhost: '/' },
      channel_details: { number: 1, user: 'root', peer_host: '127.0.0.1' },
    });
    expect((await ask('/queues/%2F/q2')).body.owner_pid_details.peer_host).toBe('127.0.0.1');
    expect((await ask('/queues/%2F/qq')).body).toMatchObject({ type: 'quorum', members: [expect.any(String)] });
    expect((await ask('/queues/%2F/none')).status).toBe(404);
    expect((await ask('/queues/none')).status).toBe(404);
  });

  it('can be shown without their figures', async () => {
    const { body } = await ask('/queues?disable_stats=true&enable_queue_totals=true&page=1&name=q1');
    expect(body.items).toEqual([
      {
        arguments: { 'x-max-length': 100 },
        auto_delete: false,
        durable: true,
        exclusive: false,
        messages: 2,
        messages_ready: 1,
        messages_unacknowledged: 1,
        name: 'q1',
        node: expect.any(String),
        state: 'running',
        type: 'classic',
        vhost: '/',
      },
    ]);
  });

  it('are sorted, filtered and cut as the query says', async () => {
    expect(names((await ask('/queues?sort=messages&sort_reverse=true')).body)).toEqual(['q1', 'qq', 'q2']);
    expect(names((await ask('/queues?sort=arguments.x-max-length')).body).at(-1)).not.toBe('q1');
    expect((await ask('/queues?columns=name,message_stats.publish')).body).toEqual([
      { message_stats: { publish: 2 }, name: 'q1' },
      { name: 'q2' },
      { name: 'qq' },
    ]);
    expect((await ask('/queues?columns=')).body).toEqual([[], [], []]);
    expect(names((await ask('/queues?page=1&name=^Q[12]$&use_regex=true')).body.items)).toEqual(['q1', 'q2']);
    expect((await ask('/queues?page=1&name=Q')).body).toMatchObject({ filtered_count: 3, total_count: 3 });
    expect((await ask('/queues?page=2&page_size=2')).body).toMatchObject({ item_count: 1, page_count: 2 });
    expect((await ask('/queues/other?page=1')).status).toBe(401);
  });

  it.each([
    ['page=x', 'Pagination parameters are invalid'],
    ['page=1&name=(&use_regex=true', 'Pagination parameters are invalid'],
    ['page=0', 'Invalid pagination parameters: page number 0, page size undefined'],
    ['page=1&page_size=501', 'Invalid pagination parameters: page number 1, page size 501'],
    ['page=9', 'Page out of range, page: 9 page size: 100, len: 3'],
  ])('are not listed by ?%s', async (query, reason) => {
    const { status, body } = await ask(`/queues?${query}`);
    expect(status).toBe(400);
    expect(body.reason).toBe(reason);
  });

  it('are not sorted in a direction that is none', async () => {
    expect((await ask('/queues?sort_reverse=maybe')).status).toBe(500);
  });
});

describe('exchanges and bindings', () => {
  it('lists the default exchange and those that are always there', async () => {
    const { body } = await ask('/exchanges/%2F');
    expect(names(body)).toEqual([
      '',
      'amq.direct',
      'amq.fanout',
      'amq.headers',
      'amq.match',
      'amq.rabbitmq.trace',
      'amq.topic',
      'x1',
      'x2',
    ]);
    expect(body[0].message_stats).toMatchObject({ publish_in: 2, publish_out: 1 });
    expect(body[7].message_stats).toMatchObject({ publish_in: 1, publish_out: 1 });
    expect(body[8]).not.toHaveProperty('message_stats');
  });

  it('shows one, the default one under its name in paths', async () => {
    expect((await ask('/exchanges/%2F/x1')).body).toMatchObject({
      arguments: { 'alternate-exchange': 'amq.fanout' },
      type: 'topic',
      incoming: [],
      outgoing: [],
    });
    expect((await ask('/exchanges/%2F/amq.default')).body).toMatchObject({ name: '', type: 'direct' });
    expect((await ask('/exchanges/%2F/none')).status).toBe(404);
  });

  it('lists bindings by their ends, the default exchange among them', async () => {
    const { body } = await ask('/queues/%2F/q1/bindings');
    expect(body.map((one: { source: string; routing_key: string }) => [one.source, one.routing_key])).toEqual([
      ['', 'q1'],
      ['x1', ''],
      ['x1', 'a/b c%é'],
      ['x1', 'key'],
    ]);
    expect((await ask('/exchanges/%2F/x2/bindings/destination')).body).toEqual([
      {
        source: 'x1',
        vhost: '/',
        destination: 'x2',
        destination_type: 'exchange',
        routing_key: '#.x',
        arguments: {},
        properties_key: '%23.x',
      },
    ]);
    expect((await ask('/exchanges/%2F/x1/bindings/source')).body).toHaveLength(4);
    expect((await ask('/bindings/%2F/e/x1/q/q1')).body).toHaveLength(3);
    expect((await ask('/bindings/%2F/e/x1/e/x2')).body).toHaveLength(1);
    expect((await ask('/bindings/%2F/e/amq.default/q/q1')).body).toHaveLength(1);
    expect((await ask('/bindings')).body).toHaveLength(7);
  });

  it('finds a binding by its key, which is encoded once more in a path', async () => {
    const keys = (await ask('/bindings/%2F/e/x1/q/q1')).body.map(
      (one: { properties_key: string }) => one.properties_key,
    );
    expect(keys[0]).toMatch(/^~[\w-]{6}$/);
    expect(keys[1]).toBe('a%2Fb+c%25%C3%A9');
    expect(keys[2]).toMatch(/^key~[\w-]{6}$/);
    for (const key of keys) {
      const { status, body } = await ask(`/bindings/%2F/e/x1/q/q1/${encodeURIComponent(key)}`);
      expect(status).toBe(200);
      expect(body.properties_key).toBe(key);
    }
    expect((await ask('/bindings/%2F/e/x1/q/q1/none')).status).toBe(404);
  });

  it('makes up the binding of a queue that is not there, as RabbitMQ does', async () => {
    expect((await ask('/queues/%2F/nosuch/bindings')).body).toMatchObject([{ source: '', routing_key: 'nosuch' }]);
  });
});

describe('connections', () => {
  it('are named by both ends, and say what their clients say', async () => {
    const { body } = await ask('/connections');
    expect(body).toHaveLength(2);
    const mine = body.find((one: { protocol: string }) => one.protocol === 'AMQP 0-9-1');
    expect(mine).toMatchObject({
      name: expect.stringMatching(/^127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+$/),
      user: 'root',
      vhost: '/',
      channels: 2,
      auth_mechanism: 'PLAIN',
      user_provided_name: 'mine',
      timeout: 7,
      type: 'network',
      state: 'running',
      ssl: false,
      ssl_cipher: null,
      client_properties: { product: 'amqplib', capabilities: { publisher_confirms: true } },
    });
    expect(mine.recv_oct).toBeGreaterThan(300);
    expect(mine.send_oct).toBeGreaterThan(300);
    const other = body.find((one: { protocol: string }) => one.protocol === 'MQTT 3.1.1');
    expect(other).toMatchObject({ type: 'direct', channel_max: 1, frame_max: 0, variable_map: { client_id: 'mc1' } });
    const { body: alone } = await ask(`/connections/${encodeURIComponent(mine.name)}?columns=name`);
    expect(alone).toMatchObject({ name: mine.name, ssl_cipher: '' });
  });

  it('are his own for who may not watch others', async () => {
    expect((await ask('/connections', 'someone')).body).toHaveLength(1);
    expect((await ask('/connections?page=1', 'someone')).body).toMatchObject({ total_count: 1, filtered_count: 1 });
    const all = (await ask('/connections', 'watcher')).body;
    expect(all).toHaveLength(2);
    const roots = all.find((one: { user: string }) => one.user === 'root').name;
    const { status, body } = await ask(`/connections/${encodeURIComponent(roots)}`, 'someone');
    expect(status).toBe(401);
    expect(body.reason).toBe('User not authorised to access object');
  });

  it('have channels, with their modes and counts', async () => {
    const { body } = await ask('/channels?sort=number');
    expect(body).toHaveLength(3);
    const first = body.find((one: { confirm: boolean }) => one.confirm);
    expect(first).toMatchObject({
      number: 1,
      consumer_count: 2,
      messages_unacknowledged: 1,
      messages_unconfirmed: 0,
      prefetch_count: 1,
      transactional: false,
      message_stats: { publish: 3, confirm: 3, drop_unroutable: 1, deliver: 1 },
    });
    const { body: alone } = await ask(`/channels/${encodeURIComponent(first.name)}`);
    expect(alone.consumer_details.map((one: { consumer_tag: string }) => one.consumer_tag).sort()).toEqual([
      'ct1',
      'ct2',
    ]);
    expect((await ask('/channels/none')).status).toBe(404);
    await plain.close();
    await until(async () => (await ask('/channels')).body.length === 2);
  });

  it('have consumers', async () => {
    const { body } = await ask('/consumers/%2F');
    expect(body.map((one: { consumer_tag: string }) => one.consumer_tag)).toEqual(['ct1', 'ct2']);
    expect(body[1]).toMatchObject({ ack_required: false, arguments: { 'x-priority': 3 } });
  });

  it('are closed by an operator, who may say why', async () => {
    const victim = await amqplib.connect(`amqp://someone:p@127.0.0.1:${broker.port('amqp')}`);
    const why = new Promise<string>((resolve) => victim.once('close', (error: Error) => resolve(error.message)));
    const { body } = await ask('/connections');
    const { name } = body.find(
      (one: { user: string; type: string }) => one.user === 'someone' && one.type === 'network',
    );
    const path = `/connections/${encodeURIComponent(name)}`;
    expect((await ask(path, 'watcher', { method: 'DELETE' })).status).toBe(401);
    const gone = await ask(path, 'root', { method: 'DELETE', headers: { 'x-reason': 'maintenance' } });
    expect(gone.status).toBe(204);
    expect(await why).toContain('CONNECTION_FORCED - maintenance');
    await until(async () => (await ask(path)).status === 404);
    expect((await ask(path, 'someone', { method: 'DELETE' })).status).toBe(500);
  });
});

describe('the whole', () => {
  it('has an overview', async () => {
    const { body } = await ask('/overview');
    expect(body).toMatchObject({
      product_name: 'Entrepot',
      rabbitmq_version: '3.10.8',
      object_totals: { connections: 2, consumers: 2, exchanges: 16, queues: 3 },
      queue_totals: { messages: 2, messages_ready: 1, messages_unacknowledged: 1 },
      message_stats: { publish: 3, confirm: 3, drop_unroutable: 1, deliver: 1 },
    });
    expect(body.listeners.map((one: { protocol: string }) => one.protocol)).toEqual(['amqp', 'http', 'mqtt']);
    expect((await ask('/overview?columns=queue_totals.messages,node')).body).toEqual({
      queue_totals: body.queue_totals,
      node: body.node,
    });
    const { body: less } = await ask('/overview', 'someone');
    expect(less.object_totals).toMatchObject({ connections: 1, exchanges: 9 });
    expect(less.object_totals).not.toHaveProperty('consumers');
  });

  it('has a node, for who may watch', async () => {
    const { body } = await ask('/nodes', 'watcher');
    expect(body).toHaveLength(1);
    expect(body[0]).toMatchObject({ running: true, mem_alarm: false, os_pid: String(process.pid) });
    expect((await ask(`/nodes/${body[0].name}`, 'watcher')).body.name).toBe(body[0].name);
    expect((await ask('/nodes/none')).status).toBe(500);
    expect((await ask('/nodes', 'someone')).body.reason).toBe('Not monitor user');
  });

  it('is well, and says so in many ways', async () => {
    const port = broker.port('amqp');
    for (const path of [
      '/health/checks/alarms',
      '/health/checks/local-alarms',
      '/health/checks/virtual-hosts',
      '/health/checks/certificate-expiration/1/months',
      `/health/checks/port-listener/${port}`,
      '/health/checks/protocol-listener/amqp091',
      '/health/checks/node-is-quorum-critical',
      '/healthchecks/node',
      '/aliveness-test/%2F',
    ]) {
      const { status, body } = await ask(path, 'someone');
      expect([path, status, body.status]).toEqual([path, 200, 'ok']);
    }
    await channel.deleteQueue('aliveness-test');
  });

  it('says what is missing', async () => {
    const absent = await ask('/health/checks/port-listener/1');
    expect(absent.status).toBe(503);
    expect(absent.body).toMatchObject({ status: 'failed', reason: 'No active listener', missing: 1 });
    expect((await ask('/health/checks/protocol-listener/zzz')).body.missing).toBe('zzz');
    expect((await ask('/health/checks/port-listener/x')).body).toEqual({
      error: 'bad_request',
      reason: 'Invalid port',
    });
    expect((await ask('/health/checks/certificate-expiration/1/eons')).status).toBe(400);
    expect((await ask('/aliveness-test/none')).status).toBe(404);
  });

  it('has no queues to be moved elsewhere', async () => {
    const { status, body } = await ask('/rebalance/queues', 'root', { method: 'POST' });
    expect(status).toBe(400);
    expect(body.reason).toContain('there is one node');
  });
});

it('says how fast messages move, and how it went', async () => {
  const clock = new ManualClock();
  const timed = await startApi({ clock });
  try {
    const client = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${timed.port('amqp')}`);
    const publishing = await client.createConfirmChannel();
    await publishing.assertQueue('q');
    const history = 'lengths_age=60&lengths_incr=5&msg_rates_age=60&msg_rates_incr=5';
    await timed.ask(`/queues/%2F/q?${history}`);
    for (let step = 0; step < 3; step++) {
      for (let n = 0; n < 50; n++) publishing.sendToQueue('q', Buffer.from('x'));
      await publishing.waitForConfirms();
      clock.advance(5_000);
      await until(async () => {
        const { samples = [] } = (await timed.ask(`/queues/%2F/q?${history}`)).body.messages_details;
        return samples.length >= step + 2;
      });
    }
    const { body } = await timed.ask(`/queues/%2F/q?${history}`);
    expect(body.message_stats.publish).toBe(150);
    expect(body.message_stats.publish_details.rate).toBeCloseTo(10, 0);
    expect(body.messages_details.rate).toBeCloseTo(10, 0);
    const samples = body.messages_details.samples.map(({ sample }: { sample: number }) => sample);
    expect(samples).toEqual([150, 100, 50, 0]);
    expect(body.messages_details.avg_rate).toBeCloseTo(10, 0);
    const { body: all } = await timed.ask(`/overview?${history}`);
    expect(all.message_stats.publish_details.rate).toBeCloseTo(10, 0);
    expect(all.queue_totals.messages_details.samples[0].sample).toBe(150);
    clock.advance(5_000);
    await until(async () => (await timed.ask('/queues/%2F/q')).body.message_stats.publish_details.rate === 0);
    await client.close();
  } finally {
    await timed.close();
  }
});
