/** Dead letters that find no room are in memory, so there may be so many of them, and then nothing more may die that could stay. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ACCEPTED, REJECTED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { consume, DURABLE, openSession, queueArguments, type Recorder, send, startCore, vhostOf } from '../harness.ts';

let broker: Broker;
let session: Session;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  broker = await startCore(null, { clock });
  session = openSession(broker);
  bound({ messages: 2, bytes: 1_000 });
  session.declareQueue('full', {
    ...DURABLE,
    arguments: queueArguments({ 'x-max-length': 1, 'x-overflow': 'reject-publish' }),
  });
  send(session, 'full', 'first');
  broker.turn.end();
});
afterEach(() => broker.close());

const pending = () => vhostOf(session).deadLetters.pending;
function bound(max: { messages: number; bytes: number }): void {
  (pending() as unknown as { max: object }).max = max;
}
function declare(queue: string, more: Record<string, string | number> = {}): void {
  const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'full', ...more };
  session.declareQueue(queue, { ...DURABLE, arguments: queueArguments(args) });
}
function reject(reader: Recorder, count: number): void {
  for (let i = 0; i < count; i++) {
    reader.consumer.settle(reader.seen.at(-1)!.slot, REJECTED);
    broker.turn.end();
  }
}
const counters = () => vhostOf(session).counters;
function makeRoom(): void {
  session.purgeQueue('full', () => {});
  clock.advance(1_100);
  broker.turn.end();
}

it('a queue stands still while as many wait as may, and others go on', () => {
  const told: unknown[] = [];
  broker.events.add((event) => void (event.kind.startsWith('alarm') && told.push(event)));
  declare('q');
  session.declareQueue('other', DURABLE);
  const [reader, other] = [consume(session, 'q', { prefetch: 1 }), consume(session, 'other')];
  for (const body of ['1', '2', '3']) send(session, 'q', body);
  broker.turn.end();
  reject(reader, 2);
  send(session, 'other', 'x');
  broker.turn.end();
  expect([reader.bodies, other.bodies]).toEqual([['1', '2'], ['x']]);
  expect([pending().size, pending().heldQueues, counters().droppedDeadLetterRoom]).toEqual([2, 1, 0]);
  expect(told).toEqual([{ kind: 'alarm-raised', resource: 'dead-letters', vhost: '/' }]);
  makeRoom();
  expect(told.slice(1)).toEqual([{ kind: 'alarm-cleared', resource: 'dead-letters', vhost: '/' }]);
  expect([pending().size, pending().heldQueues, session.checkQueue('full').messages]).toEqual([1, 0, 1]);
  expect(reader.bodies).toEqual(['1', '2', '3']);
});

it('what expires meanwhile stays where it is, and dies when there is room', () => {
  declare('q');
  declare('old', { 'x-message-ttl': 100 });
  const reader = consume(session, 'q', { prefetch: 1 });
  for (const body of ['1', '2']) send(session, 'q', body);
  send(session, 'old', 'old');
  broker.turn.end();
  reject(reader, 2);
  clock.advance(500);
  broker.turn.end();
  expect([session.checkQueue('old').messages, pending().size]).toEqual([1, 2]);
  makeRoom();
  expect([session.checkQueue('old').messages, pending().size]).toEqual([0, 2]);
});

it.each([
  ['in order of arrival', {}, {}],
  ['in groups', { 'x-fair-by': 'routing-key' }, {}],
  ['by a selector', {}, { selector: 'x IS NULL' }],
])('what is met too old while it is handed out %s does not go past the bound', (_how, args, options) => {
  declare('old', { 'x-message-ttl': 100, ...args });
  const reader = consume(session, 'old', { prefetch: 1, ...options });
  for (const body of ['0', '1', '2', '3', '4', '5']) send(session, 'old', body);
  broker.turn.end();
  clock.advance(500);
  reader.consumer.settle(reader.seen[0]!.slot, ACCEPTED);
  broker.turn.end();
  expect([reader.bodies, pending().size, session.checkQueue('old').messages]).toEqual([['0'], 2, 3]);
  for (let i = 0; i < 5; i++) makeRoom();
  expect([reader.bodies, pending().size, session.checkQueue('old').messages]).toEqual([['0'], 0, 0]);
  expect(counters().droppedDeadLetterRoom).toBe(0);
});

it('the oldest of too many is dropped, counted and told, since it cannot stay', () => {
  declare('q');
  declare('short', { 'x-max-length': 1 });
  const reader = consume(session, 'q', { prefetch: 1 });
  for (const body of ['1', '2']) send(session, 'q', body);
  broker.turn.end();
  reject(reader, 2);
  for (const body of ['a', 'b']) send(session, 'short', body);
  broker.turn.end();
  expect([session.checkQueue('short').messages, pending().size, counters().droppedDeadLetterRoom]).toEqual([1, 2, 1]);
  expect(
    vhostOf(session)
      .dropped.latest('dead-letter-room')
      .map(({ queue }) => queue),
  ).toEqual(['short']);
});

it('a queue that refuses publishers goes on, or two would wait for one another, and what dies there is dropped', () => {
  declare('q', { 'x-max-length': 10, 'x-overflow': 'reject-publish' });
  const reader = consume(session, 'q', { prefetch: 1 });
  for (const body of ['1', '2', '3', '4']) send(session, 'q', body);
  broker.turn.end();
  reject(reader, 4);
  expect(reader.bodies).toEqual(['1', '2', '3', '4']);
  expect([pending().size, counters().droppedDeadLetterRoom]).toEqual([2, 2]);
});

it('bytes count where they are in memory, and are given back with their message', () => {
  bound({ messages: 100, bytes: 1_000 });
  declare('q');
  const reader = consume(session, 'q', { prefetch: 1 });
  send(session, 'q', Buffer.alloc(800), { persistent: true });
  for (const body of ['a', 'b']) send(session, 'q', Buffer.alloc(800, body), { persistent: false });
  send(session, 'q', 'last');
  broker.turn.end();
  reject(reader, 3);
  expect([reader.bodies.length, pending().size, pending().bytes]).toEqual([3, 3, 1_600]);
  makeRoom();
  expect([pending().size, pending().bytes, reader.bodies.length]).toEqual([2, 1_600, 3]);
  makeRoom();
  expect([pending().size, pending().bytes, reader.bodies.at(-1)]).toEqual([1, 800, 'last']);
});

/** What is asked for is not in memory; returns what has the disk answer all that was asked of it. */
function slowDisk(): () => void {
  const { store } = vhostOf(session);
  const { view } = store;
  const waiting: (() => void)[] = [];
  store.load = (_seq, _flags, done) => void waiting.push(() => done(undefined));
  return () => {
    store.view = view;
    for (const answer of waiting.splice(0)) answer();
    broker.turn.end();
  };
}
function nothingInMemory(): void {
  vhostOf(session).store.view = () => false;
}

it('those that must be read first count while they are read', () => {
  declare('q');
  const reader = consume(session, 'q', { prefetch: 1 });
  for (const body of ['1', '2', '3']) send(session, 'q', body);
  broker.turn.end();
  const { store } = vhostOf(session);
  const { view } = store;
  const answer = slowDisk();
  for (let i = 0; i < 2; i++) {
    nothingInMemory();
    reader.consumer.settle(reader.seen.at(-1)!.slot, REJECTED);
    store.view = view;
    broker.turn.end();
  }
  expect([reader.bodies, pending().full, pending().heldQueues]).toEqual([['1', '2'], true, 1]);
  // The place that they lead to has room for both by now.
  session.deleteQueue('full', false, false);
  session.declareQueue('full', DURABLE);
  answer();
  expect([reader.bodies, pending().full, session.checkQueue('full').messages]).toEqual([['1', '2', '3'], false, 2]);
});

it('a queue that stands still for what is being read goes on though that is of a queue that is gone by then', () => {
  declare('q');
  declare('gone');
  const rejecting = consume(session, 'gone');
  for (const body of ['1', '2']) send(session, 'gone', body);
  broker.turn.end();
  const { store } = vhostOf(session);
  const { view } = store;
  const answer = slowDisk();
  nothingInMemory();
  for (const { slot } of rejecting.seen) rejecting.consumer.settle(slot, REJECTED);
  store.view = view;
  broker.turn.end();
  const reader = consume(session, 'q');
  send(session, 'q', '3');
  broker.turn.end();
  expect([reader.bodies, pending().full]).toEqual([[], true]);
  session.deleteQueue('gone', false, false);
  broker.turn.end();
  answer();
  expect(reader.bodies).toEqual(['3']);
});

it('what cannot stay is dropped unread while as many are read as may wait', () => {
  declare('short', { 'x-max-length': 1 });
  const answer = slowDisk();
  nothingInMemory();
  for (const body of ['1', '2', '3', '4']) send(session, 'short', body);
  broker.turn.end();
  expect([session.checkQueue('short').messages, counters().droppedDeadLetterRoom]).toEqual([1, 1]);
  answer();
  expect([pending().size, counters().droppedDeadLetterRoom]).toEqual([2, 1]);
});

it('where ActiveMQ’s clients are, a queue that names no dead-letter exchange stands still as well, and the one for dead letters does not', async () => {
  await broker.close();
  const full = { 'max-length': 1, overflow: 'reject-publish' };
  broker = await startCore(null, {
    clock,
    compat: 'activemq',
    vhosts: [{ name: '/', policies: [{ name: 'full', pattern: '^ActiveMQ.DLQ$', definition: full }] }],
  });
  session = openSession(broker);
  bound({ messages: 2, bytes: 1_000 });
  session.declareQueue('q', DURABLE);
  session.declareQueue('other', { ...DURABLE, durable: false });
  const [reader, other] = [consume(session, 'q', { prefetch: 1 }), consume(session, 'other', { prefetch: 1 })];
  for (const body of ['1', '2', '3', '4']) send(session, 'q', body, { persistent: true });
  for (const body of ['a', 'b']) send(session, 'other', body);
  broker.turn.end();
  // The first finds room, two wait for it, and the fourth is not handed out.
  reject(reader, 3);
  expect([reader.bodies, pending().size, pending().heldQueues]).toEqual([['1', '2', '3'], 2, 1]);
  // What is dropped there in any case goes on.
  reject(other, 1);
  expect(other.bodies).toEqual(['a', 'b']);
  const letters = consume(session, 'ActiveMQ.DLQ', { prefetch: 1 });
  broker.turn.end();
  expect(letters.bodies).toEqual(['1']);
  clock.advance(1_100);
  broker.turn.end();
  expect([letters.bodies.length, reader.bodies, counters().droppedDeadLetterRoom]).toEqual([
    1,
    ['1', '2', '3', '4'],
    0,
  ]);
});
