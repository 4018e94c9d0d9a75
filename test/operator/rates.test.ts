import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChannelCounts, type SessionClient } from '../../src/api/index.ts';
import { Broker } from '../../src/broker/broker.ts';
import { ManualClock } from '../../src/clock/clock.ts';
import { Pace } from '../../src/operator/listing/pace.ts';
import { CHANNEL_COLUMNS } from '../../src/operator/rates/rows.ts';
import { HISTORIES_MAX, IDLE_MS, Sampler, SERIES_MAX } from '../../src/operator/rates/sampler.ts';
import { ROWS_FOR_HISTORY, Series } from '../../src/operator/rates/series.ts';
import { openSession } from '../vhost/harness.ts';

describe('a series', () => {
  it('says how fast a number goes between its last two samples, and nothing before there are two', () => {
    let value = 0;
    const series = new Series(1, (row) => {
      row[0] = value;
    });
    expect(series.rate(0)).toBe(0);
    series.sample(0, 0);
    expect(series.rate(0)).toBe(0);
    value = 100;
    series.sample(5_000, 5_000);
    expect(series.rate(0)).toBe(20);
    series.sample(10_000, 10_000);
    expect(series.rate(0)).toBe(0);
  });

  it('goes back as far as it is asked to, and keeps what it had', () => {
    let value = 0;
    const series = new Series(1, (row) => {
      row[0] = value++;
    });
    for (let s = 0; s <= 10; s += 5) series.sample(s * 1000, s * 1000);
    series.keep(ROWS_FOR_HISTORY);
    for (let s = 15; s <= 1_000; s += 5) series.sample(s * 1000, s * 1000);
    const every = series.samples(0, { ageMs: 20_000, stepMs: 5_000 });
    expect(every.map((sample) => sample.value)).toEqual([200, 199, 198, 197, 196]);
    expect(series.samples(0, { ageMs: 30_000, stepMs: 10_000 }).map((sample) => sample.value)).toEqual([
      200, 198, 196, 194,
    ]);
    expect(series.samples(0, { ageMs: 10_000_000, stepMs: 5_000 })).toHaveLength(ROWS_FOR_HISTORY);
    series.keep(2);
    expect(series.rate(0)).toBeCloseTo(0.2);
  });
});

describe('the sampler', () => {
  let clock: ManualClock;
  let broker: Broker;
  let sampler: Sampler;
  const options = { durable: false, exclusive: false, autoDelete: false, arguments: [] };

  beforeEach(async () => {
    clock = new ManualClock();
    broker = await Broker.start({ dataDirectory: null, dialects: [], clock });
    sampler = new Sampler(broker, new Pace(clock, broker.turn));
  });

  afterEach(async () => {
    sampler.stop();
    await broker.close();
  });

  const queueOf = (name: string) => broker.vhostsByName.get('/')!.topology.declareQueue(name, options, null).queue;

  it('takes up a channel when something moves in it, and lets go of it when it has gone', async () => {
    const counts = new ChannelCounts();
    const client: SessionClient = { uncongested() {}, kicked() {}, channelCounts: () => open };
    let open = [counts, new ChannelCounts()];
    const transport = { remote: { address: '::1', port: 1 }, local: { address: '::1', port: 2 } };
    openSession(broker, { ...client, transport });
    counts.published = 7;
    await sampler.tick();
    expect(sampler.seriesCount).toBe(1);
    counts.published = 57;
    clock.advance(5_000);
    await sampler.tick();
    expect(sampler.known(counts)!.rate(CHANNEL_COLUMNS.indexOf('published'))).toBe(10);
    open = [];
    clock.advance(IDLE_MS + 5_000);
    await sampler.tick();
    expect(sampler.seriesCount).toBe(0);
  });

  it('takes up a queue when something moves in it, and lets go of it when nothing has for a while', async () => {
    const moving = queueOf('moving');
    queueOf('still');
    moving.counted.published = 7;
    await sampler.tick();
    expect(sampler.seriesCount).toBe(1);
    moving.counted.published = 57;
    clock.advance(5_000);
    await sampler.tick();
    expect(sampler.known(moving)?.rate(0)).toBeCloseTo(10);
    clock.advance(IDLE_MS + 10_000);
    await sampler.tick();
    expect(sampler.seriesCount).toBe(0);
  });

  it('has a bound over all queues, and counts those that there is no room for', async () => {
    for (let n = 0; n < SERIES_MAX + 5; n++) queueOf(`q${n}`).counted.published = 1;
    await sampler.tick();
    expect(sampler.seriesCount).toBe(SERIES_MAX);
    expect(sampler.without).toBe(5);
  });

  it('keeps so many histories, and the one asked longest ago makes room', () => {
    const queues = Array.from({ length: HISTORIES_MAX + 1 }, (_, n) => queueOf(`q${n}`));
    for (const queue of queues) sampler.queue(queue, true);
    expect(sampler.known(queues[0]!)?.keepsHistory).toBe(false);
    expect(sampler.known(queues[1]!)?.keepsHistory).toBe(true);
  });

  it('forgets a queue that is deleted', async () => {
    const queue = queueOf('q');
    sampler.queue(queue, false);
    broker.vhostsByName.get('/')!.topology.deleteQueue(queue);
    await sampler.tick();
    expect(sampler.seriesCount).toBe(0);
  });
});
