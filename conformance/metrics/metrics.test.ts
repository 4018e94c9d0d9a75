/**
 * Metrics by RabbitMQ's names, beside RabbitMQ: after the same traffic a family of the same name has the same type and labels, and
 * numbers that are the same where they must be. What only one of them shows is listed with its reason.
 */
import amqplib from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installed, startEntrepot, startRabbitmq } from '../peers/index.ts';
import { freePorts } from '../support/processes.ts';
import { LESS_LABELS, MISSING, MORE, MORE_LABELS } from './differences.ts';
import { type Scraped, scrape } from './scraped.ts';

const skipped = process.env['CONFORMANCE_PEERS'] !== 'all' || installed('rabbitmq') === undefined;

const DETAILED = ['queue_coarse_metrics', 'queue_consumer_count', 'queue_metrics', 'connection_churn_metrics']
  .concat(['node_coarse_metrics', 'node_metrics', 'node_persister_metrics', 'auth_attempt_metrics'])
  .concat(['channel_metrics', 'channel_exchange_metrics', 'channel_queue_metrics'])
  .concat(['connection_coarse_metrics', 'connection_metrics'])
  .concat(['vhost_status', 'exchange_names', 'exchange_bindings'])
  .map((family) => `family=${family}`)
  .join('&');

/** What both must count alike: after `traffic`. */
const COUNTS: readonly (readonly [name: string, labels: Readonly<Record<string, string>>, value: number])[] = [
  ['rabbitmq_queues', {}, 2],
  ['rabbitmq_queue_messages_unacked', {}, 1],
  ['rabbitmq_queue_messages_ready', {}, 1],
  ['rabbitmq_global_messages_received_total', { protocol: 'amqp091' }, 7],
  ['rabbitmq_global_messages_received_confirm_total', { protocol: 'amqp091' }, 7],
  ['rabbitmq_global_messages_confirmed_total', { protocol: 'amqp091' }, 7],
  ['rabbitmq_global_messages_routed_total', { protocol: 'amqp091' }, 5],
  ['rabbitmq_global_messages_unroutable_returned_total', { protocol: 'amqp091' }, 1],
  ['rabbitmq_global_messages_unroutable_dropped_total', { protocol: 'amqp091' }, 1],
  ['rabbitmq_global_messages_acknowledged_total', { protocol: 'amqp091', queue_type: 'rabbit_classic_queue' }, 2],
  [
    'rabbitmq_global_messages_delivered_consume_manual_ack_total',
    { protocol: 'amqp091', queue_type: 'rabbit_classic_queue' },
    3,
  ],
  [
    'rabbitmq_global_messages_delivered_get_auto_ack_total',
    { protocol: 'amqp091', queue_type: 'rabbit_quorum_queue' },
    1,
  ],
  ['rabbitmq_global_messages_get_empty_total', { protocol: 'amqp091', queue_type: 'rabbit_quorum_queue' }, 0],
  ['rabbitmq_global_publishers', { protocol: 'amqp091' }, 1],
  ['rabbitmq_channel_consumers', {}, 1],
  ['rabbitmq_channel_messages_unacked', {}, 1],
  ['rabbitmq_channel_messages_unconfirmed', {}, 0],
  ['rabbitmq_channel_messages_published_total', {}, 7],
  ['rabbitmq_channel_messages_confirmed_total', {}, 7],
  ['rabbitmq_channel_messages_unroutable_returned_total', {}, 1],
  ['rabbitmq_channel_messages_delivered_ack_total', {}, 3],
  ['rabbitmq_channel_messages_acked_total', {}, 2],
  ['rabbitmq_channel_get_total', {}, 1],
  ['rabbitmq_connection_channels', {}, 1],
  ['rabbitmq_global_consumers', { protocol: 'amqp091' }, 1],
];

async function traffic(port: number): Promise<amqplib.ChannelModel> {
  const connection = await amqplib.connect(`amqp://127.0.0.1:${port}`);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('cq', { durable: true });
  await channel.assertQueue('qq', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.assertExchange('ex', 'topic');
  await channel.bindQueue('cq', 'ex', 'a.b');
  for (let i = 0; i < 3; i++) channel.publish('ex', 'a.b', Buffer.from('x'), { persistent: true });
  channel.publish('ex', 'nowhere', Buffer.from('x'));
  channel.publish('ex', 'nowhere', Buffer.from('x'), { mandatory: true });
  for (let i = 0; i < 2; i++) channel.sendToQueue('qq', Buffer.from('y'));
  await channel.waitForConfirms();
  await new Promise<void>((done) => {
    let consumed = 0;
    void channel.consume('cq', (message) => {
      if (++consumed < 3) channel.ack(message!);
      else done();
    });
  });
  await channel.get('qq', { noAck: true });
  return connection;
}

/** Scraped again and again until everything has been counted: RabbitMQ does that from time to time. */
async function settled(url: string): Promise<Scraped> {
  for (let tries = 0; ; tries++) {
    const shown = await scrape(url);
    const counted = COUNTS.every(([name, labels, value]) => valueOr(shown, name, labels) === value);
    if (counted || tries === 150) return shown;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function valueOr(shown: Scraped, name: string, labels: Readonly<Record<string, string>>): number | undefined {
  try {
    return shown.value(name, labels);
  } catch {
    return undefined;
  }
}

function labelsOf(shown: Scraped, family: string): string[] {
  const sample = shown.samples.find(({ name }) => name === family || name === `${family}_bucket`);
  return Object.keys(sample?.labels ?? {}).filter((label) => label !== 'le' && label !== 'queue_type');
}

describe.skipIf(skipped)("metrics by RabbitMQ's names", () => {
  const stops: (() => Promise<unknown>)[] = [];
  let there = '';
  let here = '';
  let theirs: Scraped;
  let ours: Scraped;

  beforeAll(async () => {
    const [port] = (await freePorts(1)) as [number];
    const peer = await startRabbitmq({
      plugins: ['rabbitmq_prometheus'],
      settings: [
        'prometheus.tcp.ip = 127.0.0.1',
        `prometheus.tcp.port = ${port}`,
        'collect_statistics_interval = 1000',
      ],
    });
    stops.push(() => peer.stop());
    const broker = await startEntrepot();
    stops.push(() => broker.stop());
    there = `http://127.0.0.1:${port}/metrics`;
    here = `http://127.0.0.1:${broker.httpPort}/metrics`;
    for (const amqpPort of [peer.amqpPort, broker.amqpPort]) {
      const connection = await traffic(amqpPort);
      stops.push(() => connection.close());
    }
    theirs = await settled(there);
    ours = await settled(`${here}?prefix=rabbitmq`);
  }, 150_000);

  afterAll(async () => {
    for (const stop of stops.reverse()) await stop().catch(() => {});
  }, 60_000);

  it('count the same', () => {
    const counted = (shown: Scraped) => COUNTS.map(([name, labels]) => [name, valueOr(shown, name, labels)]);
    const wanted = COUNTS.map(([name, , value]) => [name, value]);
    expect(counted(theirs)).toEqual(wanted);
    expect(counted(ours)).toEqual(wanted);
  });

  it.each([
    ['/metrics', '', '?prefix=rabbitmq'],
    ['/metrics/per-object', '/per-object', '/per-object'],
    ['/metrics/detailed', `/detailed?${DETAILED}`, `/detailed?${DETAILED}`],
  ])('are the same families with the same types and labels at %s, but for what is listed', async (_, path, ourPath) => {
    const [theirs, ours] = [await scrape(there + path), await scrape(here + ourPath)];
    const shape = (shown: Scraped, name: string, drop: readonly string[] = []) => [
      name,
      shown.types.get(name),
      labelsOf(shown, name)
        .filter((label) => !drop.includes(label))
        .sort(),
    ];
    for (const name of theirs.types.keys()) {
      if (ours.types.has(name))
        expect(shape(ours, name, MORE_LABELS[name])).toEqual(shape(theirs, name, LESS_LABELS[name]));
      else expect([name, MISSING.some(([pattern]) => pattern.test(name))]).toEqual([name, true]);
    }
    for (const name of ours.types.keys()) {
      if (theirs.types.has(name)) continue;
      expect([name, MORE.some(([pattern]) => pattern.test(name))]).toEqual([name, true]);
    }
  });
});
