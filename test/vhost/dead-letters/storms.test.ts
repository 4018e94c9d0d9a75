/** What a small request may set off is as bounded as what a large one asks for. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REJECTED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { COPIES_MAX } from '../../../src/vhost/publish/transaction.ts';
import { CreepingClock } from '../../support/creeping-clock.ts';
import { consume, makeDraft, openSession, queueArguments, send, startCore, TRANSIENT } from '../harness.ts';

const BIND = { spelling: 0, arguments: [] } as const;
const EXCHANGE = { durable: false, autoDelete: false, internal: false, arguments: [] };

let clock: CreepingClock;
let broker: Broker;
let session: Session;

beforeEach(async () => {
  clock = new CreepingClock();
  broker = await startCore(null, { clock });
  session = openSession(broker);
});
afterEach(async () => {
  clock.stepMs = 0;
  await broker.close();
});

function fanOut(name: string, queues: number, values: Record<string, string | number> = {}, more = {}): void {
  session.declareExchange(name, 'fanout', EXCHANGE);
  for (let i = 0; i < queues; i++) {
    session.declareQueue(`${name}.${i}`, { ...TRANSIENT, arguments: queueArguments(values), ...more });
    session.bindQueue(`${name}.${i}`, name, '', BIND);
  }
}

function slowly(): void {
  broker.turn.end();
  clock.stepMs = 1;
}

function turnsUntil(isSo: () => boolean): number {
  for (let turns = 0; turns < 20_000; turns++) {
    if (isSo()) return turns;
    broker.turn.end();
  }
  throw new Error('it never came to an end');
}

const deadLettered = (): number => session.checkQueue('dead.0').messages;

describe('what sets off more', () => {
  it('dead letters of queues that lead to one another do not keep one turn going', () => {
    fanOut('x', 7, { 'x-dead-letter-exchange': 'x', 'x-max-length': 2 });
    slowly();
    const before = clock.monotonicMs();
    for (let i = 0; i < 20; i++) send(session, '', 'm', { exchange: 'x', persistent: false });
    broker.turn.end();
    expect(clock.monotonicMs() - before, 'milliseconds of one turn').toBeLessThan(200);
  });

  it('messages rejected in a transaction die with it, and are buried in parts, in order', () => {
    fanOut('dead', 3);
    session.declareQueue('q', { ...TRANSIENT, arguments: queueArguments({ 'x-dead-letter-exchange': 'dead' }) });
    for (let i = 0; i < 500; i++) send(session, 'q', String(i), { persistent: false });
    const reader = consume(session, 'q');
    turnsUntil(() => reader.seen.length === 500);
    const transaction = session.transaction();
    for (const { slot } of reader.seen) transaction.settle(reader.consumer, slot, REJECTED);
    slowly();
    transaction.commit();
    const atOnce = deadLettered();
    expect(atOnce).toBeLessThan(500);
    expect(turnsUntil(() => deadLettered() === 500)).toBeGreaterThan(1);
    clock.stepMs = 0;
    const dead = consume(session, 'dead.0', { settled: true });
    turnsUntil(() => dead.seen.length === 500);
    expect(dead.seen.map(({ body }) => body)).toEqual(Array.from({ length: 500 }, (_, i) => String(i)));
  });

  it('a transaction that would make too many copies is refused, also where bindings came later', () => {
    fanOut('f', 500);
    const route = session.route('f', 0, Buffer.alloc(0), 0, 0);
    const transaction = session.transaction();
    for (let i = 0; i < COPIES_MAX / 500; i++) transaction.publish(route, makeDraft('m'));
    expect(() => transaction.publish(route, makeDraft('m'))).toThrow('copies');
    session.declareQueue('one more', TRANSIENT);
    session.bindQueue('one more', 'f', '', BIND);
    expect(() => transaction.commit()).toThrow('copies');
    expect(session.checkQueue('f.0').messages).toBe(0);
    transaction.rollback();
  });

  it('copies along an exchange that looks at each message count as it is published', () => {
    session.declareExchange('h', 'headers', EXCHANGE);
    for (let i = 0; i < 500; i++) {
      session.declareQueue(`h.${i}`, TRANSIENT);
      session.bindQueue(`h.${i}`, 'h', '', BIND); // asks for nothing, so that every message matches
    }
    const route = session.route('h', 0, Buffer.alloc(0), 0, 0);
    const transaction = session.transaction();
    for (let i = 0; i < COPIES_MAX / 500; i++) transaction.publish(route, makeDraft('m'));
    expect(() => transaction.publish(route, makeDraft('m'))).toThrow('copies');
    transaction.rollback();
    // One that waits for its time is copied when that has come.
    const waits = makeDraft('m');
    waits.delayMs = 1_000;
    for (let i = 0; i <= COPIES_MAX / 500; i++) transaction.publish(route, waits);
    transaction.rollback();
  });

  it('a long message reaches many at-most-once subscribers in parts, its publisher waits, and order holds', () => {
    const seen: string[][] = [];
    let released = 0;
    session = openSession(broker, { uncongested: () => released++, kicked() {} });
    fanOut('d', 50, {}, { atMostOnce: 'direct' });
    for (let i = 0; i < 50; i++) {
      const got: string[] = [];
      seen.push(got);
      session.attachDirect(`d.${i}`, {
        output: { congested: false },
        deliverDirect: (view) => got.push(view.body.toString('latin1', view.bodyStart, view.bodyStart + 1)) > 0,
      });
    }
    slowly();
    const body = Buffer.alloc(10_000, 'a');
    send(session, '', body, { exchange: 'd', persistent: false });
    expect(session.congested && session.share.mustWait).toBe(true);
    body.fill('b'); // the publisher's bytes are its own again
    expect(turnsUntil(() => !session.share.busy)).toBeGreaterThan(1);
    expect([session.congested, released > 0]).toEqual([false, true]);
    send(session, '', Buffer.alloc(10_000, 'c'), { exchange: 'd', persistent: false });
    turnsUntil(() => !session.share.busy);
    expect(seen).toEqual(Array.from({ length: 50 }, () => ['a', 'c']));
  });
});
