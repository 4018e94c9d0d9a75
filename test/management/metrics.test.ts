import amqplib from 'amqplib';
import { expect, it } from 'vitest';
import { type BrokerOptions, createBroker, type RunningBroker } from '../../src/index.ts';
import { queueFamilies } from '../../src/management/families.ts';
import type { QueueFigures } from '../../src/vhost/figures.ts';
import { withTemporaryDirectory } from '../support/directory.ts';

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

it('shows no more queues than the bound, and says how many were left out', () => {
  function* many(): Generator<QueueFigures> {
    for (let i = 0; i < 25; i++) {
      yield { vhost: '/', name: `q${i}`, durable: true, ready: i, unsettled: 0, consumers: 0 };
    }
  }
  const shown = queueFamilies(many(), 10);
  expect(shown.find(({ name }) => name === 'entrepot_queue_ready')!.values).toHaveLength(10);
  expect(shown.find(({ name }) => name === 'entrepot_queues_not_shown')!.values[0]!.value).toBe(15);
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
