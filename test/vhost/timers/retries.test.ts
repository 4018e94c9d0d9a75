/** A queue whose policy lets what failed wait before it is tried again. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPTED, MODIFIED, type Policy, RELEASED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import type { StartOptions } from '../../../src/broker/options.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { until } from '../../support/until.ts';
import { consume, DURABLE, openSession, queueArguments, type Recorder, safe, send, startCore } from '../harness.ts';

let clock: ManualClock;
let broker: Broker;
let session: Session;
let directory: string;
let options: Partial<StartOptions>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-retries-'));
  clock = new ManualClock();
  options = { clock };
  await open(join(directory, 'data'));
  await broker.policies.set('/', RETRY);
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

const RETRY: Policy = {
  name: 'retry',
  pattern: '^q$',
  definition: {
    'retry-delays': '100,1000',
    'delivery-limit': 2,
    'dead-letter-exchange': '',
    'dead-letter-routing-key': 'dead',
  },
};

async function open(data: string): Promise<void> {
  broker = await startCore(data, options);
  session = openSession(broker);
}

async function restart(): Promise<void> {
  await broker.close();
  await open(join(directory, 'data'));
}

/** What a kill would leave behind, as of now. */
async function afterKill(): Promise<void> {
  const copy = join(directory, 'copy');
  cpSync(join(directory, 'data', 'vhosts'), join(copy, 'vhosts'), { recursive: true });
  await broker.close();
  await open(copy);
}

function pass(ms: number): void {
  for (let gone = 0; gone < ms; gone += 20) {
    clock.advance(20);
    broker.turn.end();
  }
}

/** Gives back the latest that `reader` has got. */
function fail(reader: Recorder): void {
  reader.consumer.settle(reader.seen.at(-1)!.slot, MODIFIED);
  broker.turn.end();
}

async function got(reader: Recorder, n: number): Promise<void> {
  await until(() => {
    broker.turn.end();
    return reader.seen.length >= n;
  }, `${n} deliveries`);
}

describe('a message that failed', () => {
  it('waits for its time, comes back to its place, and dies after its last attempt', () => {
    session.declareQueue('q', DURABLE);
    session.declareQueue('dead', DURABLE);
    send(session, 'q', 'bad');
    send(session, 'q', 'good');
    const reader = consume(session, 'q', { prefetch: 1 });
    broker.turn.end();
    fail(reader);
    expect(reader.bodies).toEqual(['bad', 'good']); // the next is not held up
    reader.consumer.settle(reader.seen[1]!.slot, RELEASED);
    reader.consumer.cancel(RELEASED);
    pass(120);
    const again = consume(session, 'q', { prefetch: 1 });
    broker.turn.end();
    expect(again.seen[0]).toMatchObject({ body: 'bad', redelivered: true, attempts: 1 });
    fail(again);
    pass(500);
    again.consumer.settle(again.seen[1]!.slot, ACCEPTED);
    expect(again.bodies).toEqual(['bad', 'good']);
    pass(520);
    expect(again.seen[2]).toMatchObject({ body: 'bad', attempts: 2 });
    expect(session.checkQueue('dead').messages).toBe(0);
    fail(again);
    expect(session.checkQueue('dead').messages).toBe(1);
    pass(2_000);
    expect(session.checkQueue('q').messages).toBe(0);
  });

  it.each([
    ['RabbitMQ’s', { 'x-delayed-retry-type': 'failed', 'x-delayed-retry-min': 100, 'x-delayed-retry-max': 200 }],
    ['LavinMQ’s', { 'x-delayed-retry-min': 100, 'x-delayed-retry-max': 200 }],
    ['this broker’s', { 'x-retry-delays': '100,200' }],
    ['Spring’s', { 'x-retry-initial-interval': 100, 'x-retry-multiplier': 2, 'x-retry-max-interval': 200 }],
  ])('waits as its queue was declared to, in %s words', (_whose, said) => {
    session.declareQueue('own', { ...DURABLE, arguments: queueArguments({ ...said, 'x-delivery-limit': 9 }) });
    send(session, 'own', 'bad');
    const reader = consume(session, 'own');
    broker.turn.end();
    for (const [before, after] of [
      [60, 60],
      [160, 60],
      [160, 60],
    ] as const) {
      const seen = reader.seen.length;
      fail(reader);
      pass(before);
      expect(reader.seen).toHaveLength(seen);
      pass(after);
      expect(reader.seen).toHaveLength(seen + 1);
    }
  });

  it('or was only given back waits, where the queue was declared so', () => {
    const said = { 'x-delayed-retry-type': 'returned', 'x-delayed-retry-min': 100 };
    session.declareQueue('own', { ...DURABLE, arguments: queueArguments(said) });
    send(session, 'own', 'm');
    const reader = consume(session, 'own');
    broker.turn.end();
    reader.consumer.settle(reader.seen[0]!.slot, RELEASED);
    pass(60);
    expect(reader.seen).toHaveLength(1);
    pass(60);
    expect(reader.seen[1]).toMatchObject({ body: 'm', redelivered: true, attempts: 0 });
  });

  it('keeps waiting as its queue was declared to after a restart', async () => {
    const said = { 'x-delayed-retry-type': 'failed', 'x-delayed-retry-min': 100, 'x-delayed-retry-max': 900 };
    session.declareQueue('own', { ...DURABLE, arguments: queueArguments(said) });
    await restart();
    expect(() =>
      session.declareQueue('own', { ...DURABLE, arguments: queueArguments({ ...said, 'x-delayed-retry-min': 200 }) }),
    ).toThrow(/inequivalent arg 'x-delayed-retry-min'/);
    send(session, 'own', 'm');
    const reader = consume(session, 'own');
    broker.turn.end();
    fail(reader);
    pass(60);
    expect(reader.seen).toHaveLength(1);
    pass(60);
    expect(reader.seen).toHaveLength(2);
  });

  it.each([
    [{ 'x-delayed-retry-min': 0 }, /invalid arg 'x-delayed-retry-min' for queue 'own' in vhost '\/'/],
    [
      { 'x-delayed-retry-min': 5, 'x-retry-delay': 5 },
      /invalid retry arguments for queue 'own'.*say it in one of them/,
    ],
    [{ 'x-delivery-limit': 5, 'x-retry-max-attempts': 5 }, /both say how often/],
  ])('is no matter of a queue that contradicts itself: %o', (said, text) => {
    expect(() => session.declareQueue('own', { ...DURABLE, arguments: queueArguments(said) })).toThrow(text);
  });

  it('waits on after a kill, and after an orderly stop', async () => {
    session.declareQueue('q', DURABLE);
    send(session, 'q', 'm');
    const reader = consume(session, 'q');
    broker.turn.end();
    fail(reader);
    await safe(session);
    await afterKill();
    expect(session.checkQueue('q').messages).toBe(0);
    pass(120);
    expect(session.checkQueue('q').messages).toBe(1);
    const again = consume(session, 'q');
    await got(again, 1);
    expect(again.seen[0]).toMatchObject({ body: 'm', attempts: 1 });
    fail(again);
    await safe(session);
    await broker.close();
    await open(join(directory, 'copy'));
    expect(session.checkQueue('q').messages).toBe(0);
    pass(1_100);
    const last = consume(session, 'q');
    await got(last, 1);
    expect(last.seen[0]).toMatchObject({ body: 'm', attempts: 2 });
    last.consumer.settle(last.seen[0]!.slot, ACCEPTED);
    await safe(session);
    await broker.close();
    await open(join(directory, 'copy'));
    pass(5_000);
    expect(session.checkQueue('q').messages).toBe(0);
  });

  it('waits on through checkpoints', async () => {
    options = {
      clock,
      log: { segmentBytes: 65_536, blockBytes: 8_192, checkpointBytes: 65_536, checkpointSliceBytes: 64 },
    };
    await restart();
    session.declareQueue('q', DURABLE);
    session.declareQueue('other', DURABLE);
    for (let i = 0; i < 20; i++) send(session, 'q', `${i}`);
    const reader = consume(session, 'q');
    broker.turn.end();
    for (const { slot } of reader.seen) reader.consumer.settle(slot, MODIFIED);
    reader.consumer.cancel();
    for (let i = 0; i < 60; i++) {
      for (let k = 0; k < 10; k++) send(session, 'other', 'x'.repeat(500));
      await safe(session);
    }
    await restart();
    expect(session.checkQueue('q').messages).toBe(0);
    pass(120);
    expect(session.checkQueue('q').messages).toBe(20);
    const again = consume(session, 'q');
    await got(again, 20);
    expect(again.bodies).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
  });

  it('is gone with its queue', () => {
    session.declareQueue('q', DURABLE);
    send(session, 'q', 'm');
    const reader = consume(session, 'q');
    broker.turn.end();
    fail(reader);
    session.deleteQueue('q', false, false);
    session.declareQueue('q', DURABLE);
    pass(500);
    expect(session.checkQueue('q').messages).toBe(0);
  });

  it('comes when its own time is there, whatever waits longer and was there before', async () => {
    await broker.policies.set('/', { name: 'slow', pattern: '^slow$', definition: { 'retry-delays': '5000' } });
    const failing = (queue: string): void => {
      session.declareQueue(queue, DURABLE);
      send(session, queue, queue);
      const reader = consume(session, queue);
      broker.turn.end();
      reader.consumer.settle(reader.seen[0]!.slot, MODIFIED);
      reader.consumer.cancel();
      broker.turn.end();
    };
    failing('slow');
    failing('q'); // after 100 ms
    pass(80);
    expect(session.checkQueue('q').messages).toBe(0);
    pass(40);
    expect([session.checkQueue('q').messages, session.checkQueue('slow').messages]).toEqual([1, 0]);
    pass(4_800);
    expect(session.checkQueue('slow').messages).toBe(0);
    pass(120);
    expect(session.checkQueue('slow').messages).toBe(1);
  });
});
