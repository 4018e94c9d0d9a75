/** The broker at a glance, over `/v1/overview`: now, before, and all the time. */
import amqp from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Pace } from '../../../src/operator/listing/pace.ts';
import { Overall } from '../../../src/operator/overall.ts';
import { machineAlarms, upkeepAlarms } from '../../../src/operator/overview/alarms.ts';
import { LIVE_MS, LIVE_READERS_MAX, LiveOverview } from '../../../src/operator/overview/live.ts';
import { Overview } from '../../../src/operator/overview/overview.ts';
import { Sampler } from '../../../src/operator/rates/sampler.ts';
import { ROWS_FOR_HISTORY, SAMPLE_MS } from '../../../src/operator/rates/series.ts';
import { NO_SURROUNDINGS } from '../../../src/operator/surroundings.ts';
import { fill, startV1, type V1Broker } from './harness.ts';

describe('what there is, as of the fake clock', () => {
  let clock: ManualClock;
  let broker: Broker;
  let sampler: Sampler;
  let overview: Overview;
  beforeEach(async () => {
    clock = new ManualClock();
    broker = await Broker.start({ dataDirectory: null, dialects: [], clock });
    sampler = new Sampler(broker, new Pace(clock, broker.turn));
    overview = new Overview(broker, sampler, new Overall(broker, sampler, NO_SURROUNDINGS), NO_SURROUNDINGS);
  });
  afterEach(async () => {
    sampler.stop();
    await broker.close();
  });

  /** Each look finds this many messages more. */
  async function looks(number: number, each: () => void): Promise<void> {
    for (let i = 0; i < number; i++) {
      await sampler.tick();
      each();
      clock.advance(SAMPLE_MS);
    }
  }

  it('says how much flows by protocol, and how messages fail, as rates and since the start', async () => {
    const mqtt = broker.traffic.of('mqtt');
    const { counters } = broker.vhostsByName.get('/')!;
    await looks(3, () => {
      mqtt.received += 50;
      mqtt.deliveries.classic.consumedUnsettled += 100;
      counters.published += 50;
      counters.delivered += 100;
      counters.deadLetteredExpired += 10;
      counters.requeued += 5;
    });
    const { broker: whole, flow, failing } = overview.glance(undefined, 0);
    expect(whole!.protocols).toMatchObject([{ protocol: 'mqtt', in: { messages: 10 }, out: { messages: 20 } }]);
    expect(flow).toMatchObject({ in: 10, out: 20 });
    expect(failing.map(({ reason, total, rate }) => [reason, total, rate])).toEqual([
      ['expired', 30, 2],
      ['requeued', 15, 1],
    ]);
    expect(overview.glance(['/'], 0)).toMatchObject({ flow: { in: 10, out: 20 }, failing });
    expect(overview.glance(['/'], 0).broker).toBeUndefined();
    expect(overview.glance([], 0)).toMatchObject({ vhosts: 0, flow: { in: 0 }, failing: [] });
  });

  it('keeps ten minutes in points of five seconds and an hour in points of thirty, and no more of either', async () => {
    const amqp = broker.traffic.of('amqp');
    await looks(2_000, () => {
      amqp.received += 5;
    });
    for (const [span, stepMs] of [
      ['minutes', SAMPLE_MS],
      ['hour', 30_000],
    ] as const) {
      const past = overview.past(undefined, span);
      expect(past.timesMs).toHaveLength(ROWS_FOR_HISTORY - 1);
      expect(past.timesMs.at(-1)! - past.timesMs[0]!).toBe(stepMs * (ROWS_FOR_HISTORY - 2));
      expect(past.broker!.protocols[0]!.in).toEqual(Array(ROWS_FOR_HISTORY - 1).fill(1));
    }
  });

  it('shows a protocol that came later as having carried nothing before', async () => {
    await looks(20, () => {});
    const stomp = broker.traffic.of('stomp');
    await looks(3, () => {
      stomp.received += 5;
    });
    const { timesMs, broker: whole } = overview.past(undefined, 'minutes');
    const { protocol, in: incoming } = whole!.protocols[0]!;
    expect(protocol).toBe('stomp');
    expect(incoming).toHaveLength(timesMs.length);
    expect(incoming.slice(-3)).toEqual([0, 1, 1]);
  });

  it('says nothing of a past that was forgotten, and goes on from there', async () => {
    broker.traffic.of('amqp');
    await looks(10, () => {});
    sampler.forget();
    expect(overview.past(undefined, 'minutes').timesMs).toEqual([]);
    expect(overview.past(['/'], 'minutes').timesMs).toEqual([]);
    await looks(3, () => {});
    expect(overview.past(undefined, 'minutes').timesMs).toHaveLength(2);
    expect(overview.past(['/'], 'minutes').timesMs).toHaveLength(2);
  });
});

describe('alarms', () => {
  const machine = (alarms: readonly ('memory' | 'disk')[]) => ({
    ...NO_SURROUNDINGS,
    machine: () => ({ ...NO_SURROUNDINGS.machine(), alarms }),
  });

  it('tell what is wrong and what to do', () => {
    expect(machineAlarms(machine([]), { diskFull: false })).toEqual([]);
    const kinds = (diskFull: boolean, ...alarms: ('memory' | 'disk')[]) =>
      machineAlarms(machine(alarms), { diskFull }).map(({ kind }) => kind);
    expect(kinds(false, 'memory', 'disk')).toEqual(['disk', 'memory']);
    expect(kinds(true, 'disk')).toEqual(['disk-full']);
    for (const { text, advice } of machineAlarms(machine(['memory', 'disk']), { diskFull: false })) {
      expect([text, advice].every((sentence) => sentence.endsWith('.'))).toBe(true);
    }
  });

  it('tell of certificates a fortnight before they expire', () => {
    const day = 86_400_000;
    const about = (days: number) =>
      upkeepAlarms(
        { ...NO_SURROUNDINGS, certificates: () => [{ path: 'c.pem', untilMs: days * day }] },
        { without: 0 },
        0,
      );
    expect(about(15)).toEqual([]);
    expect(about(3)).toMatchObject([
      { kind: 'certificate', severity: 'warn', text: expect.stringContaining('in 3 days') },
    ]);
    expect(about(-1)).toMatchObject([{ severity: 'bad', text: expect.stringContaining('has expired') }]);
  });
});

describe('readers of the live overview', () => {
  it('are told at the same moments, and nothing goes on when the last has gone', async () => {
    const clock = new ManualClock();
    const live = new LiveOverview(clock);
    const [one, other] = [live.read(() => true), live.read(() => true)];
    await Promise.all([one.next(), other.next()]);
    const { moment } = live;
    const both = Promise.all([one.next(), other.next()]);
    clock.advance(LIVE_MS + 100);
    await both;
    expect(live.moment).toBe(moment + 1);
    one.end();
    other.end();
    clock.advance(10 * LIVE_MS);
    expect(live.moment).toBe(moment + 1);
    expect(live.readerCount).toBe(0);
  });

  it('who do not read are told once for all that they have missed', async () => {
    const clock = new ManualClock();
    const live = new LiveOverview(clock);
    const reader = live.read(() => true);
    await reader.next();
    for (let i = 0; i < 100; i++) clock.advance(LIVE_MS + 100);
    await reader.next();
    let told = false;
    void reader.next().then(() => {
      told = true;
    });
    await Promise.resolve();
    expect(told).toBe(false);
    reader.end();
  });

  it('end when they may not any more, are so many at the most, and end with the broker', async () => {
    const clock = new ManualClock();
    const live = new LiveOverview(clock);
    let may = true;
    const reader = live.read(() => may);
    await reader.next();
    may = false;
    const ended = reader.next();
    clock.advance(LIVE_MS + 100);
    await ended;
    expect(reader.over).toBe(true);
    for (let i = 0; i < LIVE_READERS_MAX; i++) live.read(() => true);
    expect(() => live.read(() => true)).toThrow(/already/);
    live.close();
    expect(live.readerCount).toBe(0);
  });
});

const ROOT = 'root:root';

describe('over HTTP', () => {
  let broker: V1Broker;
  let ends: AbortController;
  beforeEach(async () => {
    ends = new AbortController();
    broker = await startV1();
    await broker.users.put('root', { password: 'root', tags: ['administrator'] }); // with whom guest ends
    await broker.users.put('ann', { password: 'p', tags: ['management'] });
    await broker.users.put('bob', { password: 'p', tags: [] });
  });
  afterEach(async () => {
    ends.abort();
    await broker.close();
  });

  it('shows the whole broker to monitors, some vhosts to others, and nothing without a tag', async () => {
    await broker.users.setPermissions('root', '/', { configure: '.*', write: '.*', read: '.*' });
    const client = await amqp.connect(`amqp://root:root@127.0.0.1:${broker.port('amqp')}`);
    const channel = await client.createConfirmChannel();
    await channel.assertQueue('q');
    await fill(channel, 'q', ['a', 'b', 'c']);
    const { status, body } = await broker.ask('/overview', { login: ROOT });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ...{ vhosts: 1, queues: 1, connections: 1, waiting: { ready: 3, unsettled: 0 }, alarms: [] },
      memory: { residentBytes: expect.any(Number) },
      disk: { usedBytes: expect.any(Number) },
    });
    const none = (await broker.ask('/overview', { login: 'ann:p' })).body;
    expect(none).toMatchObject({ vhosts: 0, queues: 0, connections: 0, waiting: { ready: 0 } });
    for (const part of ['memory', 'disk', 'protocols']) expect(none).not.toHaveProperty(part);
    await broker.users.setPermissions('ann', '/', { configure: '', write: '', read: '' });
    expect((await broker.ask('/overview', { login: 'ann:p' })).body).toMatchObject({
      vhosts: 1,
      waiting: { ready: 3 },
    });
    expect((await broker.ask('/overview', { login: 'bob:p' })).status).toBe(403);
    await client.close();
  });

  it('keeps the past of the whole broker to monitors', async () => {
    for (const span of ['minutes', 'hour']) {
      const { status, body } = await broker.ask(`/overview/history?span=${span}`, { login: ROOT });
      expect(status).toBe(200);
      expect(body).toMatchObject({ times: expect.any(Array), protocols: expect.any(Array) });
    }
    expect((await broker.ask('/overview/history?span=year', { login: ROOT })).status).toBe(400);
    expect((await broker.ask('/overview/history', { login: 'ann:p' })).body).not.toHaveProperty('protocols');
    expect((await broker.ask('/overview/history?span=hour', { login: 'ann:p' })).status).toBe(403);
  });

  async function watch(login: string): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    const { body } = await fetch(`http://127.0.0.1:${broker.port('http')}/v1/overview/live`, {
      headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
      signal: ends.signal,
    });
    return body!.getReader();
  }
  const heard = async (reader: ReadableStreamDefaultReader<Uint8Array>) => {
    const { done, value } = await reader.read();
    if (done) return undefined;
    const text = Buffer.from(value).toString();
    expect(text).toMatch(/^event: overview\ndata: \{.*\}\n\n$/);
    return JSON.parse(text.slice('event: overview\ndata: '.length));
  };

  it('tells it again and again, to each what he may see, and ends with his rights', async () => {
    const [root, ann] = [await watch(ROOT), await watch('ann:p')];
    expect(await heard(root)).toMatchObject({ memory: expect.any(Object) });
    expect(await heard(ann)).not.toHaveProperty('memory');
    expect(await heard(root)).toMatchObject({ queues: 0 });
    await broker.users.put('ann', { password: 'p', tags: ['monitoring'] });
    while (!('memory' in (await heard(ann))!));
    await broker.users.put('ann', { password: 'p', tags: [] });
    while ((await heard(ann)) !== undefined);
    expect(broker.operator.liveOverview.readerCount).toBe(1);
    ends.abort();
    await expect.poll(() => broker.operator.liveOverview.readerCount).toBe(0);
  });
});

it('lists queues that grow by what is measured, the fastest first, and those that one may see', async () => {
  const clock = new ManualClock();
  const running = await startV1({ clock });
  try {
    const client = await amqp.connect(`amqp://guest:guest@127.0.0.1:${running.port('amqp')}?heartbeat=0`);
    const channel = await client.createConfirmChannel();
    for (const name of ['slow', 'fast', 'still', 'shrinks']) await channel.assertQueue(name);
    const look = async (): Promise<void> => {
      clock.advance(SAMPLE_MS);
      await running.operator['sampler'].tick();
    };
    await fill(channel, 'shrinks', ['a', 'b']);
    await fill(channel, 'still', ['a']);
    for (const round of [1, 2]) {
      await fill(channel, 'slow', ['a']);
      await fill(channel, 'fast', Array<string>(20 * round).fill('a'));
      await channel.get('shrinks', { noAck: true });
      await look();
    }
    const { body } = await running.ask('/overview/growing?limit=3');
    expect(body.queues.map(({ name }: { name: string }) => name)).toEqual(['fast', 'slow']);
    expect(body.queues[0]).toMatchObject({ vhost: '/', messages: 60, rate: (40 * 1_000) / SAMPLE_MS });
    expect((await running.ask('/overview/growing?limit=1')).body.queues).toHaveLength(1);
    await client.close();
  } finally {
    await running.close();
  }
});
