/** Retained messages: their end, their limits, and what a restart makes of both. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../../src/api/session.ts';
import { Broker } from '../../../src/broker/broker.ts';
import type { StartOptions } from '../../../src/broker/options.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { SLASH } from '../../../src/message/message.ts';
import { temporaryDirectory } from '../../support/directory.ts';
import { until } from '../../support/until.ts';
import { consume, DURABLE, openSession, type SendOptions, safe, send, vhostOf } from '../harness.ts';

let clock: ManualClock;
let directory: { path: string; remove(): void };
let broker: Broker;
let session: Session;
const more: Partial<StartOptions> = {};

beforeEach(async () => {
  clock = new ManualClock();
  directory = temporaryDirectory();
  await open();
});
afterEach(async () => {
  await broker.close();
  directory.remove();
  for (const name of ['vhosts', 'log', 'checkRetainSource']) delete (more as Record<string, unknown>)[name];
});

async function open(): Promise<void> {
  broker = await Broker.start({ dataDirectory: directory.path, dialects: [], clock, ...more });
  session = openSession(broker);
}

async function restart(): Promise<void> {
  await broker.close();
  await open();
}

function retain(key: string, body: string, options: SendOptions = {}): void {
  send(session, key, body, { exchange: 'amq.topic', spelling: SLASH, retain: true, ...options });
}

/** What a subscriber that comes now is sent. */
async function kept(filter = '#'): Promise<string[]> {
  session.declareQueue('look', DURABLE);
  let count = -1;
  session.replayRetained('look', 'amq.topic', filter, { spelling: SLASH, arguments: [] }, (all) => {
    count = all;
  });
  const { seen, consumer } = consume(session, 'look', { settled: true });
  await until(() => seen.length === count, 'what is retained');
  consumer.cancel();
  session.deleteQueue('look', false, false);
  return seen.map(({ key, body }) => `${key}=${body}`).sort();
}

describe('a retained message with a time to live', () => {
  it('is there until it is over, and not a moment longer', async () => {
    retain('a', '1', { ttlMs: 1000 });
    retain('b', '2');
    clock.advance(980);
    expect(await kept()).toEqual(['a=1', 'b=2']);
    clock.advance(40);
    expect(await kept()).toEqual(['b=2']);
  });

  it('is over in the queue of a subscriber that has got it and has not taken it yet', () => {
    retain('a', '1', { ttlMs: 1000 });
    session.declareQueue('look', DURABLE);
    session.replayRetained('look', 'amq.topic', '#', { spelling: SLASH, arguments: [] });
    broker.turn.end();
    clock.advance(980);
    broker.turn.end();
    expect(session.checkQueue('look').messages).toBe(1);
    clock.advance(40);
    broker.turn.end();
    expect(session.checkQueue('look').messages).toBe(0);
  });

  it('is over after a restart as well, whether the broker ran at that moment or not', async () => {
    retain('down', '1', { ttlMs: 1000 });
    retain('later', '2', { ttlMs: 5000 });
    await restart();
    expect(await kept()).toEqual(['down=1', 'later=2']);
    await broker.close();
    clock.advance(2000);
    await open();
    expect(await kept()).toEqual(['later=2']);
    clock.advance(4000);
    expect(await kept()).toEqual([]);
    await restart();
    expect(await kept()).toEqual([]);
  });

  it('gives way to another one, whose time counts', async () => {
    retain('a', 'short', { ttlMs: 1000 });
    retain('a', 'for good');
    retain('b', 'for good');
    retain('b', 'short', { ttlMs: 1000 });
    clock.advance(2000);
    expect(await kept()).toEqual(['a=for good']);
  });

  it('stays over though the clock is set back, because the log says so', async () => {
    retain('a', '1', { ttlMs: 1000 });
    clock.advance(2000);
    await broker.close();
    clock = new ManualClock();
    await open();
    expect(await kept()).toEqual([]);
  });

  it('leaves nothing behind when many replace each other', async () => {
    for (let i = 0; i < 1000; i++) retain('a', String(i), { ttlMs: 1_000_000 });
    expect(await kept()).toEqual(['a=999']);
    clock.advance(1_000_001);
    expect(await kept()).toEqual([]);
  });
});

describe('a vhost that may keep so many', () => {
  const limited = async (limits: object): Promise<void> => {
    (more as { vhosts: unknown }).vhosts = [{ name: '/', limits }];
    await restart();
  };

  it('keeps no more of them, delivers all the same, and takes others in place of those it has', async () => {
    await limited({ retainedMessages: 2 });
    session.declareQueue('q', DURABLE);
    session.bindQueue('q', 'amq.topic', '#', { spelling: SLASH, arguments: [], keepRetain: true });
    for (const key of ['a', 'b', 'c']) retain(key, '1');
    expect(await kept()).toEqual(['a=1', 'b=1']);
    retain('a', '2');
    expect(await kept()).toEqual(['a=2', 'b=1']);
    retain('b', '');
    retain('c', '3');
    expect(await kept()).toEqual(['a=2', 'c=3']);
    expect(session.checkQueue('q').messages).toBe(6);
    await restart();
    expect(await kept()).toEqual(['a=2', 'c=3']);
    retain('d', '4');
    expect(await kept()).toEqual(['a=2', 'c=3']);
  });

  it('counts bytes, through a restart too', async () => {
    await limited({ retainedBytes: 10 });
    retain('a', 'xxxx'); // 5
    retain('b', 'xxxx'); // 10
    retain('c', '');
    retain('c', 'x');
    expect(await kept()).toEqual(['a=xxxx', 'b=xxxx']);
    await restart();
    retain('c', 'x');
    retain('b', 'xxxxx');
    expect(await kept()).toEqual(['a=xxxx', 'b=xxxx']);
    retain('b', 'x');
    retain('c', 'xx');
    expect(await kept()).toEqual(['a=xxxx', 'b=x', 'c=xx']);
  });
});

it('all of them are walked while they come and go', async () => {
  const { RetainedIndex, RetainedMessage } = await import('../../../src/queue/store/retained-index.ts');
  const index = new RetainedIndex();
  const make = (key: string, seq: number) => new RetainedMessage(seq, key, 1, false, 1, 0);
  for (let i = 0; i < 10; i++) index.set(make(`k${i}`, i));
  const seen: number[] = [];
  for (const message of index.all()) {
    seen.push(message.seq);
    if (message.seq === 2) for (const key of ['k2', 'k3', 'k4', 'k9']) index.remove(key);
    if (message.seq === 5) index.set(make('k6', 60));
  }
  expect(seen).toEqual([0, 1, 2, 5, 7, 8, 60]);
  expect([...index.all()].map((m) => m.key)).toEqual(['k0', 'k1', 'k5', 'k7', 'k8', 'k6']);
  expect([index.size, index.bytes]).toEqual([6, 6]);
});

it('whose publisher is asked for says who that is in a checkpoint too, when its record is gone from the log', async () => {
  Object.assign(more, {
    checkRetainSource: true,
    log: { segmentBytes: 128 * 1024, blockBytes: 64 * 1024, checkpointBytes: 64 * 1024 },
  });
  await restart();
  retain('a', '1');
  const vhost = vhostOf(session);
  const made = vhost.log.statistics.checkpoints;
  session.declareQueue('q', DURABLE);
  for (let i = 0; vhost.log.statistics.checkpoints === made; i++) {
    if (i > 500) throw new Error('no checkpoint');
    send(session, 'q', 'x'.repeat(10_000));
    await safe(session);
  }
  await restart();
  const { retained, retainers } = vhostOf(session);
  const { user } = session;
  expect(retainers.of(retained.index.get('a')!.seq)).toEqual({ user, clientId: '' });
});
