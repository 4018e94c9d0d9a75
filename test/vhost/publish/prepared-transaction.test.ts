/**
 * A large transaction is prepared in parts, and then takes effect at once: until then nobody sees any of it, and a kill leaves all of
 * it or nothing.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPTED, MARK_REFUSED, type Transaction } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { CreepingClock } from '../../support/creeping-clock.ts';
import {
  consume,
  DURABLE,
  makeDraft,
  openSession,
  queueArguments,
  type Recorder,
  safe,
  send,
  startCore,
  TRANSIENT,
  vhostOf,
} from '../harness.ts';

const LOG = { blockBytes: 16_384, segmentBytes: 65_536, residentBytesMax: 1024 * 1024 };
const MANY = 2_000;
const QUEUES = ['a', 'b', 'c'];

let clock: CreepingClock;
let broker: Broker;
let session: Session;
let others: Session;
let directory: string;
let data: string;
let copies = 0;

async function start(): Promise<void> {
  clock = new CreepingClock();
  broker = await startCore(data, { clock, log: LOG });
  session = openSession(broker);
  others = openSession(broker);
}

/** As if it had been killed now: what had been written is there. */
async function afterKill(): Promise<void> {
  const copy = join(directory, `copy-${copies++}`);
  cpSync(join(data, 'vhosts'), join(copy, 'vhosts'), { recursive: true });
  await broker.close();
  data = copy;
  await start();
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-prepared-'));
  data = join(directory, 'data');
  await start();
  session.declareExchange('all', 'fanout', { durable: true, autoDelete: false, internal: false, arguments: [] });
  for (const name of QUEUES) {
    session.declareQueue(name, DURABLE);
    session.bindQueue(name, 'all', '', { spelling: 0, arguments: [] });
  }
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

const routeTo = (exchange: string, key: string) => session.route(exchange, 0, Buffer.from(key), 0, key.length);
const bodies = (count: number): string[] => Array.from({ length: count }, (_, i) => `t${i}`);
const waiting = (queue: string): number => others.checkQueue(queue).messages;

function filled(count = MANY, exchange = 'all', key = ''): Transaction {
  const transaction = session.transaction();
  for (const body of bodies(count)) transaction.publish(routeTo(exchange, key), makeDraft(body));
  return transaction;
}

/** Begins to prepare, as far as the first turn's time reaches. */
function begin(transaction: Transaction): { readonly done: boolean } {
  const state = { done: false };
  clock.stepMs = 1;
  transaction.prepare(() => {
    state.done = true;
  });
  return state;
}

function finish(state: { readonly done: boolean }): void {
  let turns = 0;
  while (!state.done && turns++ < 1_000) broker.turn.end();
  expect(state.done).toBe(true);
  clock.stepMs = 0;
}

async function read(queue: string, count: number): Promise<Recorder> {
  const recorder = consume(session, queue);
  await expect.poll(() => recorder.seen.length).toBeGreaterThanOrEqual(count);
  return recorder;
}

describe('a transaction of thousands of messages', () => {
  it('is prepared in parts, and nobody sees any of it before the commit', async () => {
    const recorder = consume(others, 'a');
    const transaction = filled();
    const state = begin(transaction);
    expect(state.done).toBe(false);
    broker.turn.end();
    expect(waiting('b')).toBe(0);
    send(others, 'b', 'between');
    broker.turn.end();
    expect(others.deleteQueue('c', false, true).messages, 'nothing is in the way of a deletion').toBe(0);
    finish(state);
    broker.turn.end();
    expect(recorder.seen).toEqual([]);
    expect(waiting('b')).toBe(1);
    transaction.commit();
    broker.turn.end();
    expect(recorder.bodies).toEqual(bodies(MANY));
    expect(waiting('b')).toBe(MANY + 1);
  });

  it('comes in order, whoever publishes in between, before a kill and after it', async () => {
    const transaction = filled();
    send(others, 'b', 'before');
    const state = begin(transaction);
    broker.turn.end();
    send(others, 'b', 'between');
    finish(state);
    const mark = transaction.commit();
    send(others, 'a', 'after');
    await safe(session, mark);
    await safe(others);
    await afterKill();
    const [a, b, c] = await Promise.all([read('a', MANY + 1), read('b', MANY + 2), read('c', MANY)]);
    expect(a.bodies).toEqual([...bodies(MANY), 'after']);
    expect(b.bodies.filter((body) => body.startsWith('t'))).toEqual(bodies(MANY));
    expect(b.bodies).toContain('between');
    expect(b.bodies[0]).toBe('before');
    expect(c.bodies).toEqual(bodies(MANY));
  });

  it('is settled message by message, and what is settled does not come back after a kill', async () => {
    const transaction = filled();
    const state = begin(transaction);
    broker.turn.end();
    // Behind some of it, and taken before the rest is there.
    send(others, 'b', 'between');
    broker.turn.end();
    const first = await read('b', 1);
    first.consumer.settle(first.seen[0]!.slot, ACCEPTED);
    first.consumer.cancel();
    finish(state);
    transaction.commit();
    const second = await read('b', MANY);
    for (const { slot } of second.seen.slice(0, MANY - 1)) second.consumer.settle(slot, ACCEPTED);
    await safe(session);
    await afterKill();
    const left = await read('b', 1);
    broker.turn.end();
    expect(left.bodies).toEqual([`t${MANY - 1}`]);
  });

  it('leaves nothing if the broker is killed before the commit', async () => {
    const transaction = filled();
    finish(begin(transaction));
    send(others, 'a', 'another');
    await safe(others);
    await afterKill();
    for (const [queue, count] of [['a', 1], ['b', 0], ['c', 0]] as const) expect(waiting(queue)).toBe(count); // biome-ignore format: a table
  });

  it('leaves nothing if it is given up while it is prepared, and is not told to go on', () => {
    const transaction = filled();
    const { store, log } = vhostOf(session);
    const before = log.statistics.liveBytes;
    const state = begin(transaction);
    broker.turn.end();
    expect(store.unplaced.size).toBe(1);
    transaction.rollback();
    for (let i = 0; i < 10; i++) broker.turn.end();
    expect(state.done).toBe(false);
    expect(store.unplaced.size).toBe(0);
    expect(log.statistics.liveBytes).toBe(before);
    expect(QUEUES.map(waiting)).toEqual([0, 0, 0]);
  });

  it('goes where bindings lead at the commit', () => {
    const transaction = filled();
    const state = begin(transaction);
    broker.turn.end();
    others.unbindQueue('a', 'all', '', { spelling: 0, arguments: [] });
    finish(state);
    others.deleteQueue('b', false, false);
    transaction.commit();
    expect([waiting('a'), waiting('c')]).toEqual([0, MANY]);
    expect(vhostOf(session).store.unplaced.size).toBe(0);
  });

  it('keeps to the bounds that a queue was given in between', async () => {
    const transaction = filled(MANY, '', 'a');
    finish(begin(transaction));
    await broker.policies.set('/', {
      kind: 'policy',
      name: 'p',
      pattern: '^a$',
      applyTo: 'queues',
      definition: { 'max-length': 10 },
    } as never);
    transaction.commit();
    broker.turn.end();
    expect(waiting('a')).toBe(10);
  });

  it('keeps the order of what is not prepared: from the first message on that asks for more', () => {
    session.declareQueue('priorities', { ...TRANSIENT, arguments: queueArguments({ 'x-max-priority': 3 }) });
    const transaction = session.transaction();
    for (let i = 0; i < MANY; i++) transaction.publish(routeTo('', 'a'), makeDraft(`t${i}`));
    transaction.publish(routeTo('', 'a'), makeDraft('lives', { ttlMs: 60_000 }));
    transaction.publish(routeTo('', 'nowhere'), makeDraft('lost'));
    transaction.publish(routeTo('', 'priorities'), makeDraft('low', { priority: 1 }));
    transaction.publish(routeTo('', 'a'), makeDraft('last'));
    transaction.publish(routeTo('', 'priorities'), makeDraft('high', { priority: 3 }));
    finish(begin(transaction));
    const lost: number[] = [];
    transaction.commit((index) => lost.push(index));
    expect(lost).toEqual([MANY + 1]);
    const a = consume(session, 'a');
    const priorities = consume(session, 'priorities');
    broker.turn.end();
    expect(a.bodies).toEqual([...bodies(MANY), 'lives', 'last']);
    expect(priorities.bodies).toEqual(['high', 'low']);
  });

  const prepared = (transaction: Transaction): number => {
    finish(begin(transaction));
    const before = vhostOf(session).store.unplaced.size;
    transaction.commit();
    return before - vhostOf(session).store.unplaced.size;
  };

  it.each([false, true])('whose messages have times to live expire at theirs; after a kill: %s', async (killed) => {
    const transaction = session.transaction();
    for (let i = 0; i < MANY; i++) {
      transaction.publish(routeTo('all', ''), makeDraft(`t${i}`, i < MANY / 2 ? { ttlMs: 60_000 } : {}));
    }
    expect(prepared(transaction)).toBe(1);
    await safe(session);
    if (killed) await afterKill();
    broker.turn.end();
    expect(QUEUES.map(waiting)).toEqual([MANY, MANY, MANY]);
    clock.advance(61_000);
    for (let i = 0; i < 5; i++) broker.turn.end();
    expect(QUEUES.map(waiting)).toEqual([MANY / 2, MANY / 2, MANY / 2]);
  });

  it.each([false, true])(
    'whose messages have priorities come by them, each level in order; after a kill: %s',
    async (killed) => {
      const levels = { ...DURABLE, arguments: queueArguments({ 'x-max-priority': 3 }) };
      session.declareQueue('levels', levels);
      session.bindQueue('levels', 'all', '', { spelling: 0, arguments: [] });
      const transaction = session.transaction();
      for (let i = 0; i < MANY; i++) {
        transaction.publish(routeTo('all', ''), makeDraft(`t${i}`, i % 5 === 4 ? {} : { priority: i % 5 }));
      }
      expect(prepared(transaction)).toBe(1);
      send(others, 'levels', 'low and late');
      await safe(session);
      await safe(others);
      if (killed) await afterKill();
      const level = (i: number): number => (i % 5 === 4 ? 0 : i % 5);
      const numbers = Array.from({ length: MANY }, (_, i) => i);
      const ordered = [3, 2, 1, 0].flatMap((one) => numbers.filter((i) => level(i) === one).map((i) => `t${i}`));
      expect((await read('levels', MANY + 1)).bodies).toEqual([...ordered, 'low and late']);
      expect((await read('a', MANY)).bodies).toEqual(bodies(MANY));
    },
  );

  /** Every second message waits, for a minute from the commit on or until `dueMs`. */
  const delayed = (dueMs = -1): Transaction => {
    const transaction = session.transaction();
    for (let i = 0; i < MANY; i++) {
      const draft = makeDraft(`t${i}`);
      if (i % 2 === 1 && dueMs >= 0) draft.dueMs = dueMs;
      else if (i % 2 === 1) draft.delayMs = 60_000;
      transaction.publish(routeTo('all', ''), draft);
    }
    return transaction;
  };
  const odd = bodies(MANY).filter((_, i) => i % 2 === 1);
  const even = bodies(MANY).filter((_, i) => i % 2 === 0);
  const turns = (count: number): void => {
    for (let i = 0; i < count; i++) broker.turn.end();
  };

  it.each([false, true])('whose messages are to wait do so from the commit on; after a kill: %s', async (killed) => {
    const { counters } = vhostOf(session);
    const transaction = delayed();
    finish(begin(transaction));
    expect(vhostOf(session).delays.size).toBe(0);
    expect(vhostOf(session).store.unplaced.size).toBe(1);
    // Their minute has not begun.
    clock.advance(59_000);
    turns(5);
    const published = counters.published;
    transaction.commit();
    expect(vhostOf(session).delays.size).toBe(MANY / 2);
    expect([counters.delayed, counters.published - published]).toEqual([MANY / 2, MANY / 2]);
    await safe(session);
    if (killed) {
      await afterKill();
      clock.advance(59_000); // it has a clock of its own
    }
    turns(5);
    expect(QUEUES.map(waiting)).toEqual([MANY / 2, MANY / 2, MANY / 2]);
    clock.advance(58_000);
    turns(20);
    expect(waiting('a')).toBe(MANY / 2);
    clock.advance(3_000);
    // After a kill they are read back first.
    await expect
      .poll(() => {
        turns(1);
        return vhostOf(session).delays.size;
      })
      .toBe(0);
    expect((await read('a', MANY)).bodies).toEqual([...even, ...odd]);
  });

  it('whose messages wait for a time that comes before its commit has them go then', async () => {
    const transaction = delayed(clock.epochMs() + 60_000);
    finish(begin(transaction));
    clock.advance(61_000);
    turns(5);
    expect(waiting('a')).toBe(0);
    transaction.commit();
    expect(waiting('a')).toBe(MANY / 2);
    clock.advance(20);
    turns(20);
    expect((await read('a', MANY)).bodies).toEqual([...even, ...odd]);
  });

  it.each(['killed', 'given up'])('whose messages are to wait leaves none of them when it is %s', async (how) => {
    const before = vhostOf(session).log.statistics.liveBytes;
    const transaction = delayed();
    finish(begin(transaction));
    if (how === 'killed') {
      send(others, 'a', 'another');
      await safe(others);
      await afterKill();
    } else {
      transaction.rollback();
      expect(vhostOf(session).log.statistics.liveBytes).toBe(before);
    }
    clock.advance(61_000);
    turns(20);
    expect(vhostOf(session).delays.size).toBe(0);
    expect(waiting('b')).toBe(0);
  });

  it('whose messages are to wait goes on though their exchange has gone in between', () => {
    const transaction = delayed();
    finish(begin(transaction));
    others.deleteExchange('all', false);
    transaction.commit();
    expect(vhostOf(session).store.unplaced.size).toBe(0);
    expect(vhostOf(session).delays.size).toBe(MANY / 2);
    expect(QUEUES.map(waiting)).toEqual([0, 0, 0]);
  });

  it('whose messages are to wait has each noted from its publish on, where its queue notes what happens', () => {
    session.declareQueue('noted', { ...DURABLE, arguments: queueArguments({ 'x-passport': true }) });
    const transaction = session.transaction();
    for (let i = 0; i < MANY; i++) {
      const draft = makeDraft(`t${i}`);
      draft.delayMs = 60_000;
      transaction.publish(routeTo('', 'noted'), draft);
    }
    finish(begin(transaction));
    const { events } = vhostOf(session).passports;
    const before = events.next;
    transaction.commit();
    expect(vhostOf(session).delays.size).toBe(MANY);
    // It came, and it waits.
    expect(events.next - before).toBe(2 * MANY);
  });

  it('whose messages are to wait, and go by what they say, has each noted from its publish on as well', async () => {
    const exchange = { durable: true, autoDelete: false, internal: false, arguments: [] };
    session.declareQueue('noted', { ...DURABLE, arguments: queueArguments({ 'x-passport': true }) });
    session.declareExchange('by', 'headers', exchange);
    session.declareExchange('before', 'fanout', exchange);
    // Without a condition all go there.
    session.bindQueue('noted', 'by', '', { spelling: 0, arguments: [] });
    session.bindExchange('by', 'before', '', { spelling: 0, arguments: [] });
    const { events } = vhostOf(session).passports;
    for (const name of ['by', 'before']) {
      const transaction = session.transaction();
      for (let i = 0; i < MANY; i++) {
        const draft = makeDraft(`t${i}`);
        draft.delayMs = 60_000;
        transaction.publish(routeTo(name, ''), draft);
      }
      finish(begin(transaction));
      const before = events.next;
      transaction.commit();
      expect(events.next - before).toBe(2 * MANY);
      await safe(session);
    }
    // Where nobody notes anything they are stored before the commit.
    session.deleteQueue('noted', false, false);
    session.bindQueue('a', 'by', '', { spelling: 0, arguments: [] });
    const transaction = session.transaction();
    for (let i = 0; i < MANY; i++) {
      const draft = makeDraft(`t${i}`);
      draft.delayMs = 60_000;
      transaction.publish(routeTo('by', ''), draft);
    }
    const { nextSeq } = vhostOf(session).store;
    finish(begin(transaction));
    expect(vhostOf(session).store.nextSeq - nextSeq).toBe(MANY);
    transaction.rollback();
  });

  it('has queues look at each message where they go by what it says: groups by routing key, and what is noted of it', async () => {
    others.declareQueue('grouped', { ...DURABLE, arguments: queueArguments({ 'x-group-by': 'routing-key' }) });
    others.declareQueue('noted', { ...DURABLE, arguments: queueArguments({ 'x-passport': true }) });
    for (const queue of ['grouped', 'noted']) session.bindQueue(queue, 'all', '', { spelling: 0, arguments: [] });
    const transaction = filled(MANY, 'all', 'key');
    finish(begin(transaction));
    transaction.commit();
    await safe(session);
    const reader = consume(others, 'grouped');
    broker.turn.end();
    // They are one group, of which one message is under way at a time.
    expect(reader.bodies).toEqual(['t0']);
    const { passports, topology } = vhostOf(session);
    const { id } = topology.queues.get('noted')!;
    let noted = 0;
    for (let number = passports.events.first; number < passports.events.next; number++) {
      if (passports.events.at(number).queue === id) noted++;
    }
    expect(noted).toBe(MANY);
  });

  it('counts each message once', () => {
    const { counters } = vhostOf(session);
    const before = counters.published;
    const { traffic } = session as unknown as {
      traffic: { received: number; routed: number; sizes: { count: number } };
    };
    const received = traffic.received;
    const transaction = filled();
    finish(begin(transaction));
    transaction.commit();
    expect(counters.published - before).toBe(MANY);
    expect(traffic.received - received).toBe(MANY);
    expect(traffic.sizes.count).toBe(traffic.received);
  });

  it('is refused whole by a broker that stops', async () => {
    const transaction = filled();
    finish(begin(transaction));
    const closing = broker.close();
    expect(transaction.commit()).toBe(MARK_REFUSED);
    await closing;
  });
});
