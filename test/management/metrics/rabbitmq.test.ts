/** RabbitMQ's names: what its dashboard asks is there, each number is the one of that name, and of queues each has its own. */
import amqplib from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ASKED, SIZE_BOUNDS } from '../../../conformance/metrics/dashboard.ts';
import { type Scraped, scrape } from '../../../conformance/metrics/scraped.ts';
import { startTestBroker, type TestBroker, temporaryDirectory } from '../../support/broker.ts';
import { until } from '../../support/until.ts';

let broker: TestBroker;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let connection: amqplib.ChannelModel;
let channel: amqplib.ConfirmChannel;

beforeEach(async () => {
  directory = await temporaryDirectory();
  broker = await startTestBroker({ data: directory.path, vhosts: { '/': {}, plant: {} } });
  connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
  channel = await connection.createConfirmChannel();
});

afterEach(async () => {
  await connection.close();
  await broker.close();
  await directory.remove();
});

const metrics = (path = ''): Promise<Scraped> => scrape(`http://127.0.0.1:${broker.ports.http}/metrics${path}`);

/** What the conformance scenario does as well. */
async function traffic(): Promise<void> {
  await channel.assertQueue('cq', { durable: true });
  await channel.assertQueue('qq', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.assertQueue('cq', { durable: true });
  await channel.assertExchange('ex', 'topic');
  await channel.bindQueue('cq', 'ex', 'a.b');
  for (let i = 0; i < 3; i++) channel.publish('ex', 'a.b', Buffer.alloc(150), { persistent: true });
  channel.publish('ex', 'nowhere', Buffer.from('x'));
  channel.publish('ex', 'nowhere', Buffer.from('x'), { mandatory: true });
  channel.sendToQueue('qq', Buffer.from('y'));
  await channel.waitForConfirms();
  let consumed = 0;
  await channel.consume('cq', (message) => {
    if (++consumed < 3) channel.ack(message!);
  });
  await until(() => consumed === 3, 'all to be consumed');
  await channel.get('qq', { noAck: true });
  await channel.get('qq', { noAck: true });
}

describe("RabbitMQ's dashboard", () => {
  it('finds every metric that it asks for, with its labels, in one scrape', async () => {
    await traffic();
    const shown = await metrics('?prefix=rabbitmq');
    for (const { name, labels = [] } of ASKED) {
      const samples = shown.samples.filter((sample) => sample.name === name);
      expect([name, samples.length > 0]).toEqual([name, true]);
      for (const sample of samples) {
        expect(Object.keys(sample.labels)).toEqual(expect.arrayContaining([...labels]));
        expect([name, Number.isFinite(sample.value)]).toEqual([name, true]);
      }
    }
    expect(shown.value('rabbitmq_identity_info', { rabbitmq_endpoint: 'aggregated' })).toBe(1);
    const bounds = shown.samples
      .filter((s) => s.name === 'rabbitmq_message_size_bytes_bucket')
      .map((s) => s.labels['le']);
    expect(new Set(bounds)).toEqual(new Set(SIZE_BOUNDS));
    for (const [name] of shown.types) expect([name, shown.helped.has(name)]).toEqual([name, true]);
  });

  it('finds everything also where nobody has done anything yet', async () => {
    const shown = await metrics('?prefix=rabbitmq');
    for (const { name } of ASKED) expect(shown.samples.map((sample) => sample.name)).toContain(name);
  });
});

it('counts what went in and out by protocol and by kind of queue', async () => {
  await traffic();
  const shown = await metrics('?prefix=rabbitmq');
  const of = (name: string, queueType?: string): number =>
    shown.value(`rabbitmq_global_${name}`, {
      protocol: 'amqp091',
      ...(queueType !== undefined && { queue_type: `rabbit_${queueType}_queue` }),
    });
  expect(of('messages_received_total')).toBe(6);
  expect(of('messages_received_confirm_total')).toBe(6);
  expect(of('messages_confirmed_total')).toBe(6);
  expect(of('messages_routed_total')).toBe(4);
  expect(of('messages_unroutable_returned_total')).toBe(1);
  expect(of('messages_unroutable_dropped_total')).toBe(1);
  expect(of('messages_delivered_consume_manual_ack_total', 'classic')).toBe(3);
  expect(of('messages_acknowledged_total', 'classic')).toBe(2);
  expect(of('messages_delivered_get_auto_ack_total', 'quorum')).toBe(1);
  expect(of('messages_get_empty_total', 'quorum')).toBe(1);
  expect(of('messages_delivered_total', 'classic')).toBe(3);
  expect(of('publishers')).toBe(1);
  expect(of('consumers')).toBe(1);
  expect(shown.value('rabbitmq_queues_declared_total')).toBe(3);
  expect(shown.value('rabbitmq_queues_created_total')).toBe(2);
  expect(shown.value('rabbitmq_queue_messages_unacked')).toBe(1);
  expect(shown.value('rabbitmq_channels')).toBe(1);
  expect(shown.value('rabbitmq_auth_attempts_succeeded_total', { protocol: 'amqp091' })).toBe(1);
  expect(shown.value('rabbitmq_message_size_bytes_bucket', { protocol: 'amqp091', le: '100.0' })).toBe(3);
  expect(shown.value('rabbitmq_message_size_bytes_bucket', { protocol: 'amqp091', le: '1000.0' })).toBe(6);
  expect(shown.value('rabbitmq_message_size_bytes_sum', { protocol: 'amqp091' })).toBe(453);
});

it('forgets publishers, consumers and channels that have gone, and counts what is delivered again', async () => {
  await traffic();
  await connection.close();
  connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
  channel = await connection.createConfirmChannel();
  let redelivered = false;
  await channel.consume('cq', (message) => {
    redelivered = message!.fields.redelivered;
    channel.ack(message!);
  });
  await until(() => redelivered, 'the one that was not acknowledged');
  const shown = await metrics('?prefix=rabbitmq');
  expect(shown.value('rabbitmq_global_publishers', { protocol: 'amqp091' })).toBe(0);
  expect(shown.value('rabbitmq_global_consumers', { protocol: 'amqp091' })).toBe(1);
  expect(shown.value('rabbitmq_channels_closed_total')).toBe(1);
  expect(shown.value('rabbitmq_connections_closed_total')).toBe(1);
  const again = { protocol: 'amqp091', queue_type: 'rabbit_classic_queue' };
  expect(shown.value('rabbitmq_global_messages_redelivered_total', again)).toBe(1);
});

it('has a series for each queue at /metrics/per-object, and only there', async () => {
  await traffic();
  const each = await metrics('/per-object');
  expect(each.value('rabbitmq_queue_messages_unacked', { vhost: '/', queue: 'cq' })).toBe(1);
  expect(each.value('rabbitmq_queue_consumers', { vhost: '/', queue: 'qq' })).toBe(0);
  expect(each.value('rabbitmq_identity_info', { rabbitmq_endpoint: 'per-object' })).toBe(1);
  const sum = await metrics('?prefix=rabbitmq');
  expect(sum.value('rabbitmq_queue_messages_unacked')).toBe(1);
  expect(sum.samples.filter(({ labels }) => 'queue' in labels)).toEqual([]);
});

it('has a series for each channel and connection, by their names, and their sums', async () => {
  await traffic();
  await channel.prefetch(7);
  const { localPort } = (connection.connection as unknown as { stream: { localPort: number } }).stream;
  const name = `127.0.0.1:${localPort} -> 127.0.0.1:${broker.ports.amqp}`;
  const idle = await connection.createChannel();
  const each = await metrics('/per-object');
  const [busy, other] = [{ channel: `${name} (1)` }, { channel: `${name} (2)` }];
  const of = (family: string, labels: object, prefix = 'rabbitmq_') =>
    each.value(prefix + family, labels as Record<string, string>);
  expect([of('channel_consumers', busy), of('channel_consumers', other)]).toEqual([1, 0]);
  expect([of('channel_messages_unacked', busy), of('consumer_prefetch', busy)]).toEqual([1, 7]);
  expect(of('channel_messages_published_total', { ...busy, vhost: '/' })).toBe(6);
  expect(of('channel_messages_unroutable_returned_total', busy)).toBe(1);
  expect(of('channel_messages_delivered_ack_total', busy)).toBe(3);
  expect(of('channel_messages_acked_total', busy)).toBe(2);
  expect(of('channel_get_empty_total', busy)).toBe(1);
  expect(of('connection_channels', { channel: name })).toBe(2);
  expect(of('connection_incoming_bytes_total', { channel: name })).toBeGreaterThan(1_000);
  const detailed = await metrics('/detailed?family=channel_metrics&family=connection_coarse_metrics&vhost=/');
  expect(detailed.value('rabbitmq_detailed_channel_messages_unacked', busy)).toBe(1);
  expect(detailed.value('rabbitmq_detailed_connection_outgoing_bytes_total')).toBeGreaterThan(500);
  expect(detailed.types.has('rabbitmq_detailed_channel_messages_published_total')).toBe(false);
  const elsewhere = await metrics('/detailed?family=channel_metrics&vhost=plant');
  expect(elsewhere.samples.filter(({ labels }) => 'channel' in labels)).toEqual([]);
  await idle.close();
  const sums = async () => {
    const shown = await metrics('?prefix=rabbitmq');
    return ['channel_messages_published_total', 'channel_messages_acked_total', 'connection_incoming_bytes_total'].map(
      (family) => shown.value(`rabbitmq_${family}`),
    );
  };
  const before = await sums();
  expect(before.slice(0, 2)).toEqual([6, 2]);
  await connection.close();
  await until(() => broker.broker.churn.closed === 1, 'the broker to see it go');
  const after = await sums();
  expect(after.slice(0, 2)).toEqual([6, 2]);
  expect(after[2]!).toBeGreaterThanOrEqual(before[2]!);
  connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
});

it('shows at /metrics/detailed what is asked for and no more, of the vhosts that are asked for', async () => {
  await traffic();
  const info = new Set(['rabbitmq_build_info', 'rabbitmq_identity_info']);
  expect(new Set((await metrics('/detailed')).types.keys())).toEqual(info);
  expect(new Set((await metrics('/detailed?family=flowers')).types.keys())).toEqual(info);
  const coarse = await metrics('/detailed?family=queue_coarse_metrics&family=vhost_status&vhost=/');
  expect(coarse.value('rabbitmq_detailed_queue_messages', { vhost: '/', queue: 'cq' })).toBe(1);
  expect(coarse.value('rabbitmq_cluster_vhost_status')).toBe(1);
  expect(coarse.types.has('rabbitmq_detailed_queue_consumers')).toBe(false);
  const both = await metrics('/detailed?family=queue_metrics&family=queue_consumer_count&family=exchange_bindings');
  expect(both.value('rabbitmq_detailed_queue_consumers', { queue: 'cq' })).toBe(1);
  const exchange = { vhost: '/', exchange: 'ex', type: 'topic' };
  expect(both.value('rabbitmq_cluster_exchange_bindings', exchange)).toBe(1);
  const elsewhere = await metrics('/detailed?family=queue_coarse_metrics&vhost=plant');
  expect(elsewhere.samples.filter(({ labels }) => 'queue' in labels)).toEqual([]);
  const churn = await metrics('/detailed?family=connection_churn_metrics&family=auth_attempt_metrics');
  expect(churn.value('rabbitmq_detailed_queues_created_total')).toBe(2);
  expect(churn.value('rabbitmq_detailed_auth_attempts_total', { protocol: 'amqp091' })).toBe(1);
});
