/** What queues do with messages by themselves: time to live, limits, priorities; through crashes and restarts as well. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPTED, MARK_REFUSED, REJECTED, RELEASED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import type { StartOptions } from '../../../src/broker/options.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { Annotations } from '../../../src/message/deaths/annotations.ts';
import type { Counters } from '../../../src/vhost/counters.ts';
import { purged } from '../../support/counted.ts';
import {
  consume,
  DURABLE,
  openSession,
  queueArguments,
  Recorder,
  type SendOptions,
  safe,
  send,
  startCore,
  vhostOf,
} from '../harness.ts';

let broker: Broker;
let session: Session;
let directory: string;
let data: string;
let clock: ManualClock;

const start = async (options: Partial<StartOptions> = {}): Promise<void> => {
  broker = await startCore(data, { clock, ...options });
  session = openSession(broker);
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-terms-'));
  data = join(directory, 'data');
  clock = new ManualClock();
  await start();
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

async function restart(): Promise<void> {
  await broker.close();
  await start();
}

let copies = 0;
/** A broker on a copy of the files as they are now: what a kill would leave behind. */
async function afterKill(): Promise<void> {
  const copy = join(directory, `copy-${copies++}`);
  cpSync(join(data, 'vhosts'), join(copy, 'vhosts'), { recursive: true });
  await broker.close();
  data = copy;
  await start();
}

const declare = (name: string, args: Record<string, string | number | boolean>, durable = true): void => {
  session.declareQueue(name, { ...DURABLE, durable, arguments: queueArguments(args) });
};
const publish = (queue: string, bodies: string, options: SendOptions = {}): void => {
  for (const body of bodies) send(session, queue, body, options);
};
const counters = (): Counters => vhostOf(session).counters;
const waiting = (queue: string): number => session.checkQueue(queue).messages;
const turn = (): void => broker.turn.end();
/** Time passes, and the turn in which that is noticed ends. */
const pass = (ms: number): void => {
  clock.advance(ms);
  turn();
};
const bodies = (recorder: Recorder): string => recorder.bodies.join('');
/** Everything that waits, taken and put back. */
const contents = async (queue: string): Promise<string> => {
  const count = waiting(queue);
  const recorder = consume(session, queue);
  await expect.poll(() => recorder.seen.length).toBe(count);
  recorder.consumer.cancel(RELEASED);
  return bodies(recorder);
};
const notes = (recorder: Recorder, n = 0): Annotations => JSON.parse(recorder.seen[n]!.notes) as Annotations;
const DEAD = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };

describe('a time to live', () => {
  it('of the queue ends what has waited too long, though nobody asks, and counts it', async () => {
    declare('q', { 'x-message-ttl': 1000 });
    publish('q', 'a');
    turn();
    pass(500);
    publish('q', 'b');
    turn();
    pass(520);
    expect(await contents('q')).toBe('b');
    pass(500);
    expect(waiting('q')).toBe(0);
    expect(counters().droppedExpired).toBe(2);
  });

  it('of a message holds in a queue that has none of its own', async () => {
    declare('q', {});
    publish('q', 'a', { ttlMs: 100 });
    publish('q', 'b');
    turn();
    pass(120);
    expect(await contents('q')).toBe('b');
  });

  it('is the lower of the two', async () => {
    declare('q', { 'x-message-ttl': 1000 });
    publish('q', 'a', { ttlMs: 100 });
    publish('q', 'b', { ttlMs: 5000 });
    turn();
    pass(120);
    expect(await contents('q')).toBe('b');
    pass(1000);
    expect(waiting('q')).toBe(0);
  });

  it('ends a message behind one that lives longer when it gets to the head, and delivers it to nobody', () => {
    declare('q', {});
    publish('q', 'a');
    publish('q', 'b', { ttlMs: 100 });
    publish('q', 'c');
    turn();
    pass(200);
    expect(waiting('q')).toBe(3);
    const taken = consume(session, 'q');
    turn();
    expect(bodies(taken)).toBe('ac');
  });

  it('of 0 delivers at once or not at all', () => {
    declare('q', { 'x-message-ttl': 0 });
    publish('q', 'a');
    expect(waiting('q')).toBe(0);
    const taken = consume(session, 'q', { prefetch: 1 });
    publish('q', 'bc');
    turn();
    expect(bodies(taken)).toBe('b');
    expect(waiting('q')).toBe(0);
    expect(counters().droppedExpired).toBe(2);
  });

  it('ends what waits behind one that was held back until this turn', async () => {
    declare('q', {});
    await safe(session);
    publish('q', 'a', { assurance: 2 });
    publish('q', 'b');
    publish('q', 'c', { ttlMs: 100 });
    // Its connection is slow until then, and nobody says when it is not: the first to come makes the queue look.
    const output = { congested: true };
    const taken = new Recorder();
    const options = { tag: 'c', settled: false, exclusive: false, prefetch: 0, arguments: [] };
    taken.consumer = session.consume('q', options, taken, output);
    pass(200);
    expect(taken.seen).toEqual([]);
    output.congested = false;
    await safe(session);
    turn();
    expect(bodies(taken)).toBe('ab');
    expect(counters().droppedExpired).toBe(1);
  });

  it('of 0 offers one that was held back once, when it is safe', async () => {
    declare('q', {});
    await safe(session);
    const taken = consume(session, 'q');
    publish('q', 'a', { assurance: 2, ttlMs: 0 });
    publish('q', 'b', { ttlMs: 0 });
    turn();
    expect(bodies(taken)).toBe('b');
    await safe(session);
    turn();
    expect(bodies(taken)).toBe('ba');
  });

  it('goes on for what a consumer gives back', () => {
    declare('q', { 'x-message-ttl': 1000 });
    publish('q', 'a');
    const taken = consume(session, 'q');
    turn();
    pass(2000);
    expect(taken.seen).toHaveLength(1); // what is held does not expire
    taken.consumer.cancel(RELEASED);
    expect(waiting('q')).toBe(0);
  });

  it('holds for a get', () => {
    declare('q', {});
    publish('q', 'a', { ttlMs: 100 });
    publish('q', 'b');
    turn();
    clock.advance(150);
    const got: string[] = [];
    const sink = {
      deliver: (view: { body: Buffer; bodyStart: number; bodyEnd: number }) =>
        got.push(view.body.toString('utf8', view.bodyStart, view.bodyEnd)),
      cancelled() {},
    };
    session.get('q', true, sink, (result) => expect(result?.remaining).toBe(0));
    expect(got).toEqual(['b']);
  });

  it('makes a dead letter that says so, keeps what it was given, and does not expire again', () => {
    declare('dead', {});
    declare('q', { 'x-message-ttl': 100, ...DEAD });
    publish('q', 'a', { ttlMs: 60_000 });
    publish('q', 'b');
    turn();
    pass(120);
    pass(100_000);
    const dead = consume(session, 'dead');
    turn();
    expect(bodies(dead)).toBe('ab');
    expect(notes(dead).deaths[0]).toMatchObject({
      queue: 'q',
      reason: 'expired',
      count: 1,
      originalExpirationMs: 60_000,
    });
    expect(notes(dead, 1).deaths[0]).not.toHaveProperty('originalExpirationMs');
    expect(counters()).toMatchObject({ deadLettered: 2, deadLetteredExpired: 2, droppedExpired: 0 });
  });

  it.each([
    ['stop', restart],
    ['kill', afterKill],
  ])('holds after a %s, from when the message came', async (_, again) => {
    declare('q', { 'x-message-ttl': 1000 });
    declare('other', {});
    publish('q', 'a');
    publish('other', 'b', { ttlMs: 1000 });
    publish('other', 'c');
    await safe(session);
    clock.advance(500);
    await again();
    expect([waiting('q'), waiting('other')]).toEqual([1, 2]);
    pass(520);
    await expect.poll(() => [waiting('q'), waiting('other')]).toEqual([0, 1]);
    await again();
    expect([waiting('q'), waiting('other')]).toEqual([0, 1]);
  });

  it('ends more than fit into a turn in several', async () => {
    declare('q', { 'x-message-ttl': 100 }, false);
    for (let i = 0; i < 5000; i++) send(session, 'q', 'x', { persistent: false });
    turn();
    clock.advance(120);
    turn();
    expect(counters().droppedExpired).toBe(2048);
    await expect.poll(() => counters().droppedExpired).toBe(5000);
  });
});

describe('a queue that may go unused for so long', () => {
  it('goes when nobody uses it', () => {
    declare('q', { 'x-expires': 1000 });
    clock.advance(900);
    declare('q', { 'x-expires': 1000 }); // declared again
    clock.advance(900);
    session.get('q', true, { deliver() {}, cancelled() {} }, () => {});
    clock.advance(900);
    const reader = consume(session, 'q');
    clock.advance(5000);
    expect(session.queueExists('q')).toBe(true);
    reader.consumer.cancel();
    clock.advance(900);
    expect(session.queueExists('q')).toBe(true);
    clock.advance(120);
    expect(session.queueExists('q')).toBe(false);
  });

  it('gets the whole time again from a restart, and is gone for good when it is gone', async () => {
    declare('q', { 'x-expires': 1000 });
    await safe(session);
    clock.advance(900);
    await restart();
    clock.advance(900);
    expect(session.queueExists('q')).toBe(true);
    clock.advance(120);
    expect(session.queueExists('q')).toBe(false);
    await restart();
    expect(session.queueExists('q')).toBe(false);
  });
});

describe('a limit', () => {
  it('on messages drops the oldest, and counts it', async () => {
    declare('q', { 'x-max-length': 3 });
    publish('q', 'abcde');
    expect(waiting('q')).toBe(3);
    expect(await contents('q')).toBe('cde');
    expect(counters().droppedMaxLength).toBe(2);
  });

  it('on messages does not count what consumers hold, or are about to take', async () => {
    declare('q', { 'x-max-length': 2 });
    const taken = consume(session, 'q', { prefetch: 3 });
    publish('q', 'abcdef');
    turn();
    expect(bodies(taken)).toBe('abc');
    expect(await contents('q')).toBe('ef');
    expect(counters().droppedMaxLength).toBe(1);
  });

  it('on bytes drops as many of the oldest as it takes', async () => {
    declare('q', { 'x-max-length-bytes': 10 });
    for (const body of ['aaaa', 'bbbb', 'cccc']) send(session, 'q', body);
    expect(await contents('q')).toBe('bbbbcccc');
    send(session, 'q', 'dddddddddd');
    expect(await contents('q')).toBe('dddddddddd');
    send(session, 'q', 'eeeeeeeeeee'); // more than there is room for at all
    expect(waiting('q')).toBe(0);
  });

  it('on bytes counts what comes back', async () => {
    declare('q', { 'x-max-length-bytes': 10 });
    for (const body of ['aaaa', 'bbbb']) send(session, 'q', body);
    const taken = consume(session, 'q');
    turn();
    for (const body of ['cccc', 'dddd']) send(session, 'q', body);
    taken.consumer.settle(taken.seen[1]!.slot, ACCEPTED);
    taken.consumer.cancel(RELEASED);
    expect(await contents('q')).toBe('ccccdddd');
  });

  it('makes dead letters of what it drops', () => {
    declare('dead', {});
    declare('q', { 'x-max-length': 1, ...DEAD });
    publish('q', 'ab');
    turn();
    const dead = consume(session, 'dead');
    turn();
    expect(bodies(dead)).toBe('a');
    expect(notes(dead).deaths[0]).toMatchObject({ queue: 'q', reason: 'maxlen' });
  });

  it.each([
    ['stop', restart],
    ['kill', afterKill],
  ])('on bytes holds after a %s, for what was there before', async (_, again) => {
    declare('q', { 'x-max-length-bytes': 12 });
    for (const body of ['aaaa', 'bbbb', 'cccc']) send(session, 'q', body);
    await safe(session);
    await again();
    turn();
    expect(waiting('q')).toBe(3);
    send(session, 'q', 'dddd');
    await expect.poll(() => waiting('q')).toBe(3);
    expect(await contents('q')).toBe('bbbbccccdddd');
  });

  it('on bytes counts what lies on the disk only', async () => {
    await broker.close();
    await start({ log: { blockBytes: 4096, segmentBytes: 16384, residentBytesMax: 4096 } });
    declare('q', { 'x-max-length-bytes': 100_000 });
    const body = 'x'.repeat(1000);
    for (let i = 0; i < 90; i++) send(session, 'q', body);
    await safe(session);
    await broker.close();
    await start({ log: { blockBytes: 4096, segmentBytes: 16384, residentBytesMax: 4096 } });
    for (let i = 0; i < 20; i++) send(session, 'q', body);
    await expect.poll(() => waiting('q')).toBe(100);
    expect(counters().droppedMaxLength).toBe(10);
  });

  it('that says so refuses what is too much, and others still get it', async () => {
    declare('q', { 'x-max-length': 2, 'x-overflow': 'reject-publish' });
    declare('p', {});
    for (const name of ['q', 'p']) session.bindQueue(name, 'amq.fanout', '', { spelling: 0, arguments: [] });
    const marks = [...'abc'].map((body) => send(session, '', body, { exchange: 'amq.fanout' }));
    expect(marks.map(({ mark }) => mark === MARK_REFUSED)).toEqual([false, false, true]);
    expect(marks[2]!.routed).toBe(2);
    expect([await contents('q'), await contents('p')]).toEqual(['ab', 'abc']);
    expect(counters()).toMatchObject({ refusedFull: 1, unroutable: 0, published: 3 });
  });

  it('refuses no more than what consumers leave behind', () => {
    declare('q', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    const taken = consume(session, 'q', { prefetch: 2 });
    const marks = [...'abcd'].map((body) => send(session, 'q', body).mark === MARK_REFUSED);
    expect(marks).toEqual([false, false, false, true]);
    turn();
    expect(bodies(taken)).toBe('ab');
    expect(waiting('q')).toBe(1);
  });

  it('refuses by bytes', () => {
    declare('q', { 'x-max-length-bytes': 10, 'x-overflow': 'reject-publish' });
    expect(['aaaa', 'bbbb', 'cccc', 'dd'].map((body) => send(session, 'q', body).mark === MARK_REFUSED)).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });

  it('sends what it refuses to the dead letters, if it is told to', async () => {
    declare('dead', {});
    declare('q', { 'x-max-length': 1, 'x-overflow': 'reject-publish-dlx', ...DEAD });
    const marks = [...'ab'].map((body) => send(session, 'q', body).mark === MARK_REFUSED);
    expect(marks).toEqual([false, true]);
    const dead = consume(session, 'dead');
    turn();
    expect(bodies(dead)).toBe('b');
    expect(notes(dead).deaths[0]).toMatchObject({ queue: 'q', reason: 'maxlen', count: 1 });
    expect(await contents('q')).toBe('a');
  });

  it('that was refused is not there after a kill', async () => {
    declare('q', { 'x-max-length': 2, 'x-overflow': 'reject-publish' });
    publish('q', 'abcd');
    await safe(session);
    await afterKill();
    expect(await contents('q')).toBe('ab');
  });
});

describe('priorities', () => {
  const high = (bodies: string, priority: number): void => publish('q', bodies, { priority });

  it('go first, in order among equals; none is the lowest, too high is the highest', async () => {
    declare('q', { 'x-max-priority': 5 });
    publish('q', 'ab');
    high('cd', 3);
    high('e', 5);
    high('f', 200);
    high('g', 0);
    expect(await contents('q')).toBe('efcdabg');
  });

  it('put what comes back in its place in its level', async () => {
    declare('q', { 'x-max-priority': 5 });
    publish('q', 'ab');
    high('cd', 3);
    const taken = consume(session, 'q', { prefetch: 3 });
    turn();
    expect(bodies(taken)).toBe('cda');
    taken.consumer.settle(taken.seen[1]!.slot, ACCEPTED);
    high('x', 4);
    taken.consumer.cancel(RELEASED);
    expect(await contents('q')).toBe('xcab');
  });

  it.each([
    ['stop', restart],
    ['kill', afterKill],
  ])('are the same after a %s, for what was held as well', async (_, again) => {
    declare('q', { 'x-max-priority': 9 });
    for (let i = 0; i < 10; i++) high(String(i), i % 3);
    const taken = consume(session, 'q', { prefetch: 2 });
    turn();
    expect(bodies(taken)).toBe('25');
    await safe(session);
    await again();
    expect(await contents('q')).toBe('2581470369');
    publish('q', 'x', { priority: 2 });
    expect(await contents('q')).toBe('258x1470369');
    await safe(session);
    await again();
    expect(await contents('q')).toBe('258x1470369');
  });

  it('with a limit lose the head, whatever its priority', async () => {
    declare('q', { 'x-max-priority': 5, 'x-max-length': 2 });
    publish('q', 'a');
    high('b', 3);
    publish('q', 'c');
    expect(await contents('q')).toBe('ac');
  });

  it('can be purged, deleted and counted', async () => {
    declare('q', { 'x-max-priority': 5 });
    publish('q', 'ab');
    high('c', 3);
    expect(waiting('q')).toBe(3);
    expect(purged(session, 'q')).toBe(3);
    high('d', 3);
    expect(await contents('q')).toBe('d');
    expect(session.deleteQueue('q', false, false).messages).toBe(1);
  });
});

describe('a dead letter', () => {
  it('that comes round by itself is dropped where it has been, and counted', () => {
    declare('a', { 'x-message-ttl': 100, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'b' });
    declare('b', { 'x-message-ttl': 100, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'a' });
    publish('a', 'x');
    turn();
    pass(120);
    expect([waiting('a'), waiting('b')]).toEqual([0, 1]);
    pass(120);
    expect([waiting('a'), waiting('b')]).toEqual([0, 0]);
    expect(counters().droppedCycle).toBe(1);
  });

  it('goes to the other targets all the same', () => {
    declare('a', { 'x-message-ttl': 100, 'x-dead-letter-exchange': 'amq.fanout' });
    declare('other', {});
    for (const name of ['a', 'other']) session.bindQueue(name, 'amq.fanout', '', { spelling: 0, arguments: [] });
    publish('a', 'x');
    turn();
    pass(120);
    expect([waiting('a'), waiting('other')]).toEqual([0, 1]);
    expect(counters()).toMatchObject({ droppedCycle: 1, deadLettered: 1 });
  });

  it('that every queue is too full for waits for room, and is not dropped', async () => {
    declare('dead', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    declare('q', { 'x-message-ttl': 100, ...DEAD });
    publish('q', 'abc');
    turn();
    pass(120);
    expect([waiting('q'), waiting('dead')]).toEqual([0, 1]);
    expect(counters()).toMatchObject({ deadLettered: 1, droppedDeadLetter: 0 });
    await safe(session);
    await afterKill(); // those that wait are dying still
    for (const body of 'abc') {
      expect(await contents('dead')).toBe(body);
      session.purgeQueue('dead');
      pass(1020);
      pass(0);
    }
    expect(waiting('dead')).toBe(0);
  });

  it('that a consumer rejected may come round: a retry after a while', () => {
    declare('work', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'wait' });
    declare('wait', { 'x-message-ttl': 100, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'work' });
    const taken = consume(session, 'work');
    publish('work', 'x');
    turn();
    for (let i = 0; i < 3; i++) {
      taken.consumer.settle(taken.seen[i]!.slot, REJECTED);
      turn();
      pass(120);
      turn();
    }
    expect(taken.seen).toHaveLength(4);
    expect(notes(taken, 3).deaths).toMatchObject([
      { queue: 'wait', reason: 'expired', count: 3 },
      { queue: 'work', reason: 'rejected', count: 3 },
    ]);
    expect(counters().droppedCycle).toBe(0);
  });
});
