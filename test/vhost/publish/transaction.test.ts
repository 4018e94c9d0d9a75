/** What a transaction carries through from its publish to its commit, and what is left of it afterwards. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ACCEPTED,
  type DeliverySink,
  MARK_NOW,
  MARK_REFUSED,
  NO_BACKPRESSURE,
  REJECTED,
  type Transaction,
} from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { AT_LEAST_ONCE, AT_MOST_ONCE, type Draft, type MessageView } from '../../../src/message/message.ts';
import { HALVES_MAX } from '../../../src/vhost/publish/transaction.ts';
import { replayed } from '../../support/counted.ts';
import { consume, DURABLE, makeDraft, openSession, queueArguments, startCore, TRANSIENT } from '../harness.ts';

let clock: ManualClock;
let broker: Broker;
let session: Session;
let transaction: Transaction;

beforeEach(async () => {
  clock = new ManualClock();
  broker = await startCore(null, { clock });
  session = openSession(broker);
  transaction = session.transaction();
});

afterEach(() => broker.close());

function publish(key: string, draft: Draft, exchange = '', spelling: 0 | 1 = 0): void {
  const bytes = Buffer.from(key);
  transaction.publish(session.route(exchange, spelling, bytes, 0, bytes.length), draft);
}

/** What `read` says of each message that comes out of the queue. */
function reading<T>(queue: string, read: (view: MessageView) => T): T[] {
  const seen: T[] = [];
  const sink: DeliverySink = { deliver: (view) => seen.push(read(view)), cancelled() {} };
  const options = { tag: 'r', settled: true, exclusive: false, prefetch: 0, arguments: [] };
  session.consume(queue, options, sink, NO_BACKPRESSURE);
  broker.turn.end();
  return seen;
}

function pass(ms: number): void {
  for (let gone = 0; gone < ms; gone += 20) {
    clock.advance(20);
    broker.turn.end();
  }
}

describe('a message published in a transaction', () => {
  it('keeps its dialect, its assurance, its priority and its properties, whatever becomes of the draft meanwhile', () => {
    session.declareQueue('q', TRANSIENT);
    const draft = makeDraft('body', { priority: 7, assurance: AT_LEAST_ONCE });
    draft.dialect = 77;
    draft.props = Buffer.from('..properties..');
    draft.propsStart = 2;
    draft.propsEnd = 12;
    draft.body = Buffer.from('--body--');
    draft.bodyStart = 2;
    draft.bodyEnd = 6;
    publish('q', draft);
    draft.props.fill(0);
    draft.body.fill(0);
    draft.reset();
    transaction.commit();
    const seen = reading('q', (view) => ({
      dialect: view.dialect,
      assurance: view.assurance,
      priority: view.priority,
      props: view.props.toString('latin1', view.propsStart, view.propsEnd),
      body: view.body.toString('latin1', view.bodyStart, view.bodyEnd),
    }));
    expect(seen).toEqual([{ dialect: 77, assurance: AT_LEAST_ONCE, priority: 7, props: 'properties', body: 'body' }]);
  });

  it('is as durable as it would be without: at most once stays at most once', () => {
    session.declareQueue('q', DURABLE);
    publish('q', makeDraft('m', { assurance: AT_MOST_ONCE }));
    transaction.commit();
    expect(reading('q', (view) => view.assurance)).toEqual([AT_MOST_ONCE]);
  });

  it('goes ahead of those of a lower level', () => {
    session.declareQueue('q', { ...TRANSIENT, arguments: queueArguments({ 'x-max-priority': 9 }) });
    for (const priority of [1, 9, 5]) publish('q', makeDraft(`${priority}`, { priority }));
    transaction.commit();
    expect(reading('q', (view) => view.priority)).toEqual([9, 5, 1]);
  });

  it('expires, counted from the commit', () => {
    session.declareQueue('q', TRANSIENT);
    publish('q', makeDraft('m', { ttlMs: 100 }));
    pass(200);
    transaction.commit();
    pass(60);
    expect(session.checkQueue('q').messages).toBe(1);
    pass(80);
    expect(session.checkQueue('q').messages).toBe(0);
  });

  it('waits for its delay, counted from the commit', () => {
    session.declareQueue('q', TRANSIENT);
    const draft = makeDraft('m');
    draft.delayMs = 100;
    publish('q', draft);
    pass(200);
    transaction.commit();
    pass(60);
    expect(session.checkQueue('q').messages).toBe(0);
    pass(80);
    expect(session.checkQueue('q').messages).toBe(1);
  });

  it('is retained, under its key as it was spelled', () => {
    session.declareQueue('q', TRANSIENT);
    publish('a/b.c', makeDraft('m', { retain: true }), 'amq.topic', 1);
    transaction.commit();
    broker.turn.end();
    expect(replayed(session, 'q', 'a/b.c', { spelling: 1, arguments: [] })).toBe(1);
    broker.turn.end();
    expect(reading('q', (view) => [view.key(), view.spelling])).toEqual([['a/b.c', 1]]);
  });

  it('belongs to its group', () => {
    session.declareQueue('q', TRANSIENT);
    const draft = makeDraft('m');
    draft.grouped = true;
    publish('q', draft);
    publish('q', makeDraft('n'));
    transaction.commit();
    expect(reading('q', (view) => view.grouped)).toEqual([true, false]);
  });

  it('does not come back to whom it is from, where that was asked for', () => {
    session.declareQueue('own', { ...TRANSIENT, origin: 'me' });
    session.declareQueue('other', { ...TRANSIENT, origin: 'other' });
    for (const queue of ['own', 'other']) {
      session.bindQueue(queue, 'amq.topic', 'a', { spelling: 0, arguments: [], notOwn: true });
    }
    const draft = makeDraft('m');
    draft.origin = 'me';
    publish('a', draft, 'amq.topic');
    transaction.commit();
    expect(session.checkQueue('own').messages).toBe(0);
    expect(session.checkQueue('other').messages).toBe(1);
  });
});

describe('a transaction', () => {
  it('holds so many half messages and no more, since all of them are written down in one go', () => {
    session.declareQueue('q', DURABLE);
    const half = (id: number): Draft => {
      const draft = makeDraft('half');
      draft.half = { action: 'prepare', id: `h${id}`, checkAddress: '', user: 'guest' };
      return draft;
    };
    for (let id = 0; id < HALVES_MAX; id++) publish('q', half(id));
    expect(() => publish('q', half(HALVES_MAX))).toThrow(`more than ${HALVES_MAX} half messages`);
    publish('q', makeDraft('whole'));
    transaction.commit();
    expect(session.checkQueue('q').messages).toBe(1);
    publish('q', half(HALVES_MAX));
    transaction.rollback();
  });

  it('shows nothing before its commit, and says how much it holds', () => {
    session.declareQueue('q', TRANSIENT);
    const before = consume(session, 'q');
    expect([transaction.operations, transaction.bytes]).toEqual([0, 0]);
    const draft = makeDraft('12345');
    draft.props = Buffer.from('123');
    draft.propsEnd = 3;
    publish('q', draft);
    publish('q', makeDraft('1234'));
    broker.turn.end();
    expect(before.bodies).toEqual([]);
    expect([transaction.operations, transaction.bytes]).toEqual([2, 12]);
    transaction.commit();
    broker.turn.end();
    expect(before.bodies).toEqual(['12345', '1234']);
    expect([transaction.operations, transaction.bytes]).toEqual([0, 0]);
    transaction.settle(before.consumer, before.seen[0]!.slot, ACCEPTED);
    expect([transaction.operations, transaction.bytes]).toEqual([1, 0]);
    expect(session.checkQueue('q')).toMatchObject({ messages: 0 });
  });

  it('does nothing twice, and nothing after a rollback', () => {
    session.declareQueue('q', TRANSIENT);
    publish('q', makeDraft('rolled back'));
    transaction.rollback();
    expect([transaction.operations, transaction.bytes]).toEqual([0, 0]);
    expect(transaction.commit()).toBe(MARK_NOW);
    publish('q', makeDraft('once'));
    transaction.commit();
    expect(transaction.commit()).toBe(MARK_NOW);
    broker.turn.end();
    expect(session.checkQueue('q').messages).toBe(1);
  });

  it('settles as it was told, each delivery with its own outcome', () => {
    session.declareQueue('dead', TRANSIENT);
    const dead = queueArguments({ 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' });
    session.declareQueue('q', { ...TRANSIENT, arguments: dead });
    const reader = consume(session, 'q');
    for (const body of ['a', 'b', 'c']) publish('q', makeDraft(body));
    transaction.commit();
    broker.turn.end();
    const slot = (i: number): number => reader.seen[i]!.slot;
    transaction.settle(reader.consumer, slot(0), ACCEPTED);
    transaction.settle(reader.consumer, slot(1), REJECTED);
    broker.turn.end();
    expect(session.checkQueue('dead').messages).toBe(0);
    transaction.commit();
    broker.turn.end();
    expect(session.checkQueue('dead').messages).toBe(1);
    reader.consumer.cancel();
    session.close(true);
    session = openSession(broker);
    broker.turn.end();
    expect(session.checkQueue('q').messages).toBe(1);
  });

  it('tells which of its messages led nowhere, by their place', () => {
    session.declareQueue('q', TRANSIENT);
    for (const key of ['nowhere', 'q', 'nor here']) publish(key, makeDraft(key));
    const lost: number[] = [];
    transaction.commit((index) => lost.push(index));
    expect(lost).toEqual([0, 2]);
  });

  it('is refused when one of its messages is, whatever the last one came to', () => {
    const full = queueArguments({ 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    session.declareQueue('full', { ...TRANSIENT, arguments: full });
    session.declareQueue('q', TRANSIENT);
    for (const key of ['full', 'full', 'q']) publish(key, makeDraft('m'));
    expect(transaction.commit()).toBe(MARK_REFUSED);
    expect(session.checkQueue('q').messages).toBe(1);
  });
});
