import { Worker } from 'node:worker_threads';
import amqplib from 'amqplib';
import { expect, it } from 'vitest';
import { type BrokerOptions, createBroker, type RunningBroker } from '../../../src/index.ts';
import {
  LargestQueues,
  OWN_QUEUE_FAMILIES,
  queueLines,
  type ShownQueue,
} from '../../../src/management/metrics/queue-series.ts';
import { withTemporaryDirectory } from '../../support/directory.ts';
import { openSession, TRANSIENT } from '../../vhost/harness.ts';

/** By the whole name, labels in it: `name{label="…"}`. */
type Scraped = ReadonlyMap<string, number>;

async function scrape(running: RunningBroker, query = ''): Promise<Scraped> {
  const response = await fetch(`http://127.0.0.1:${running.port('http')}/metrics${query}`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const parsed = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line);
      if (parsed === null) throw new Error(`no sample: ${line}`);
      return [parsed[1]!, Number(parsed[2])];
    }),
  );
}

async function withBroker(options: BrokerOptions, run: (running: RunningBroker) => Promise<void>): Promise<void> {
  const listen = ['amqp://127.0.0.1:0', 'http://127.0.0.1:0'];
  await withTemporaryDirectory(async (data) => {
    const running = await createBroker({ listen, data, ...options });
    try {
      await run(running);
    } finally {
      await running.close();
    }
  });
}

it('shows what was published, what waits and what is held, by vhost', async () => {
  await withBroker({ vhosts: { '/': {}, plant: {} } }, async (running) => {
    const connection = await amqplib.connect(`amqp://127.0.0.1:${running.port('amqp')}`);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('q', { durable: true });
    for (let i = 0; i < 10; i++) channel.sendToQueue('q', Buffer.from('x'.repeat(1000)), { persistent: true });
    channel.publish('', 'nobody', Buffer.from('x'));
    await channel.waitForConfirms();
    await channel.prefetch(3);
    await new Promise<void>((resolve) => {
      let seen = 0;
      void channel.consume('q', () => ++seen === 3 && resolve());
    });
    const shown = await scrape(running);
    expect(shown.get('entrepot_messages_published_total{vhost="/"}')).toBe(11);
    expect(shown.get('entrepot_messages_unroutable_total{vhost="/"}')).toBe(1);
    expect(shown.get('entrepot_messages_published_total{vhost="plant"}')).toBe(0);
    expect(shown.get('entrepot_queue_messages_ready{vhost="/"}')).toBe(7);
    expect(shown.get('entrepot_queue_messages_unacked{vhost="/"}')).toBe(3);
    expect(shown.get('entrepot_queues{vhost="/"}')).toBe(1);
    expect(shown.get('entrepot_consumers{vhost="/"}')).toBe(1);
    expect(shown.get('entrepot_connections')).toBe(1);
    expect(shown.get('entrepot_log_appended_bytes_total{vhost="/"}')).toBeGreaterThan(10_000);
    expect(shown.get('entrepot_log_unsynced_bytes{vhost="/"}')).toBe(0);
    expect(shown.get('entrepot_log_disk_bytes{vhost="/"}')).toBeGreaterThan(10_000);
    expect(shown.get('entrepot_lossy_conversions_total{protocol="amqp"}')).toBe(0);
    expect(shown.get('entrepot_protocol_events_total{protocol="amqp",event="unroutable"}')).toBe(1);
    expect(shown.get('process_resident_memory_bytes')).toBeGreaterThan(1e7);
    await connection.close();
  });
});

it('says which durability is in force, for each vhost', async () => {
  const vhosts = { '/': {}, fast: { durability: { level: 'interval', interval: '250ms' } } };
  await withBroker({ vhosts } as BrokerOptions, async (running) => {
    const shown = await scrape(running);
    expect(shown.get('entrepot_durability_info{vhost="/",level="fsync"}')).toBe(1);
    expect(shown.get('entrepot_durability_info{vhost="fast",level="interval",interval_ms="250"}')).toBe(1);
  });
});

it('counts flushes by how long they took, each in all the buckets it fits in', async () => {
  await withBroker({}, async (running) => {
    const connection = await amqplib.connect(`amqp://127.0.0.1:${running.port('amqp')}`);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('q', { durable: true });
    await connection.close();
    const shown = await scrape(running);
    const name = 'entrepot_log_flush_seconds';
    const count = shown.get(`${name}_count{vhost="/"}`)!;
    expect(count).toBeGreaterThan(1);
    expect(shown.get(`${name}_sum{vhost="/"}`)).toBeGreaterThan(0);
    const buckets = [...shown].filter(([key]) => key.startsWith(`${name}_bucket`)).map(([, value]) => value);
    expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
    expect(buckets.at(-1)).toBe(count);
  });
});

it('shows queues one by one only to those who ask, and escapes their names', async () => {
  await withBroker({}, async (running) => {
    const connection = await amqplib.connect(`amqp://127.0.0.1:${running.port('amqp')}`);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('say "hi" \\ there', { durable: true });
    channel.sendToQueue('say "hi" \\ there', Buffer.from('x'));
    await channel.waitForConfirms();
    const all = await scrape(running);
    expect([...all.keys()].some((key) => key.includes('say'))).toBe(false);
    const queues = await scrape(running, '?family=queues');
    expect(queues.get('entrepot_queue_ready{vhost="/",queue="say \\"hi\\" \\\\ there"}')).toBe(1);
    expect(queues.get('entrepot_queues_not_shown')).toBe(0);
    const unknown = await fetch(`http://127.0.0.1:${running.port('http')}/metrics?family=flowers`);
    expect(unknown.status).toBe(404);
    await connection.close();
  });
});

const queue = (name: string, ready: number): ShownQueue => ({
  vhost: '/',
  name,
  ready,
  unsettled: 0,
  consumerCapacity: 0,
  consumers: 0,
});

it('shows the queues in which most waits, and says how many were left out', () => {
  const largest = new LargestQueues(3);
  for (const ready of [5, 1, 9, 7, 3, 9]) largest.add(queue(`q${ready}`, ready));
  expect(largest.largest.map(({ ready }) => ready)).toEqual([9, 9, 7]);
  expect(largest.left).toBe(3);
  const none = new LargestQueues(0);
  none.add(queue('q', 1));
  expect([none.largest.length, none.left]).toEqual([0, 1]);
});

it('names of queues are escaped', () => {
  const names = ['plain', 'with "quotes"', 'back\\slash', 'two\nlines', 'grüße'];
  const shown = [...queueLines(OWN_QUEUE_FAMILIES, () => names.map((name) => queue(name, 1)))].filter((line) =>
    line.startsWith('entrepot_queue_ready{'),
  );
  expect(shown.map((line) => JSON.parse(`"${/queue="(.*)"\}/.exec(line)![1]}"`))).toEqual(names);
});

const ASKING = `
  const { parentPort, workerData } = require('node:worker_threads');
  (async () => {
    const sizes = [];
    const ask = async (query) => sizes.push((await (await fetch(workerData + query)).text()).length);
    const asked = ['?family=queues&top=all', '/per-object', '/detailed?family=queue_coarse_metrics'];
    const large = asked.map((query) => ask(query));
    for (let round = 0; round < 3; round++) {
      await Promise.all([...Array(10)].flatMap(() => [ask('?family=queues'), ask(''), ask('?prefix=rabbitmq')]));
    }
    await Promise.all(large);
    parentPort.postMessage(sizes);
  })();
`;

it('nobody waits for the figures of a hundred thousand queues, however many ask for them', async () => {
  const running = await createBroker({ listen: ['http://127.0.0.1:0'] });
  const session = openSession(running.broker);
  for (let i = 0; i < 100_000; i++) {
    session.declareQueue(`queue-${i}`, TRANSIENT);
    if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const url = `http://127.0.0.1:${running.port('http')}/metrics`;
  // In a thread of their own, so that it is the broker's time that is measured.
  const clients = new Worker(ASKING, { eval: true, workerData: url });
  const gaps: number[] = [];
  let sizes: number[] | undefined;
  clients.once('message', (message: number[]) => {
    sizes = message;
  });
  // In processor time of this thread, which no other program's work is part of.
  const busyMs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  for (let before = busyMs(); sizes === undefined; ) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = busyMs();
    gaps.push(now - before);
    before = now;
  }
  await clients.terminate();
  expect(sizes).toHaveLength(93);
  expect(sizes.filter((size) => size > 15_000_000)).toHaveLength(3);
  expect(gaps.reduce((most, gap) => Math.max(most, gap), 0)).toBeLessThan(50);
  const text = await (await fetch(url)).text();
  expect(text).toContain('entrepot_queues{vhost="/"} 100000');
  await running.close();
});

it('two brokers in one process keep their numbers apart', async () => {
  await withBroker({}, async (one) => {
    await withBroker({}, async (other) => {
      const connection = await amqplib.connect(`amqp://127.0.0.1:${one.port('amqp')}`);
      expect((await scrape(one)).get('entrepot_connections')).toBe(1);
      expect((await scrape(other)).get('entrepot_connections')).toBe(0);
      await connection.close();
    });
  });
});
