/** Operations that take longer than a turn may last are done in parts, and nobody can tell but by the time they take. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { CreepingClock } from '../../support/creeping-clock.ts';
import { consume, DURABLE, openSession, send, startCore, TRANSIENT } from '../harness.ts';

const MANY = 5_000;
const BIND = { spelling: 0, arguments: [] } as const;
const EXCLUSIVE = { ...TRANSIENT, exclusive: true };

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

/** From now on every look at the clock finds that a millisecond has gone by. */
function slowly(): void {
  broker.turn.end();
  clock.stepMs = 1;
}

/** Ends turns until it is so; returns how many it took. */
function turnsUntil(isSo: () => boolean): number {
  for (let turns = 0; turns < 5_000; turns++) {
    if (isSo()) return turns;
    broker.turn.end();
  }
  throw new Error('it never came to an end');
}

function fill(queue: string, count = MANY): void {
  for (let i = 0; i < count; i++) send(session, queue, String(i), { persistent: false });
}

describe('in parts', () => {
  it('a purge removes what waited, and nothing that came later', () => {
    session.declareQueue('q', DURABLE);
    fill('q');
    slowly();
    let purged = -1;
    session.purgeQueue('q', ({ messages }) => {
      purged = messages;
    });
    expect(session.share.mustWait, 'what its client says next waits').toBe(true);
    send(session, 'q', 'later');
    expect(turnsUntil(() => purged >= 0)).toBeGreaterThan(1);
    expect(purged).toBe(MANY);
    expect(session.share.busy).toBe(false);
    expect(session.checkQueue('q').messages).toBe(1);
  });

  it('a deleted queue is gone at once, whatever it held', () => {
    session.declareQueue('q', DURABLE);
    session.declareExchange('x', 'fanout', { durable: false, autoDelete: false, internal: false, arguments: [] });
    for (let i = 0; i < MANY; i++) session.bindQueue('q', 'x', String(i), BIND);
    fill('q');
    const held = consume(session, 'q', { prefetch: 100 });
    broker.turn.end();
    slowly();
    expect(session.deleteQueue('q', false, false).messages).toBe(MANY - 100);
    expect(session.share.busy).toBe(true);
    expect(session.queueExists('q')).toBe(false);
    expect(send(session, 'k', 'm', { exchange: 'x' }).routed).toBe(0);
    session.declareQueue('q', DURABLE);
    expect(session.checkQueue('q').messages).toBe(0);
    for (const { slot } of held.seen) held.consumer.settle(slot, 3);
    expect(turnsUntil(() => !session.share.busy)).toBeGreaterThan(1);
    expect(held.ended).toEqual(['queue-deleted']);
    expect(held.consumer.held).toBe(0);
    expect(session.checkQueue('q').messages, 'nothing comes back into the new one').toBe(0);
    session.bindQueue('q', 'x', 'new', BIND);
    expect(send(session, 'k', 'm', { exchange: 'x' }).routed).toBe(1);
  });

  it('a deleted exchange leads nowhere at once, and may be declared again', () => {
    const options = { durable: false, autoDelete: false, internal: false, arguments: [] };
    session.declareQueue('q', DURABLE);
    session.declareExchange('x', 'direct', options);
    for (let i = 0; i < MANY; i++) session.bindQueue('q', 'x', String(i), BIND);
    slowly();
    session.deleteExchange('x', false);
    expect(session.share.busy).toBe(true);
    expect(session.bindings('q')).toEqual([]);
    session.declareExchange('x', 'direct', options);
    expect(send(session, '1', 'm', { exchange: 'x' }).routed).toBe(0);
    session.bindQueue('q', 'x', '1', BIND);
    expect(turnsUntil(() => !session.share.busy)).toBeGreaterThan(1);
    expect(session.bindings('q').map(({ key }) => key)).toEqual(['1']);
    expect(send(session, '1', 'm', { exchange: 'x' }).routed).toBe(1);
  });

  it('the exclusive queues of who has gone are free for whoever comes', () => {
    for (let i = 0; i < MANY; i++) session.declareQueue(`e${i}`, EXCLUSIVE);
    slowly();
    session.close(false);
    expect(session.share.busy).toBe(true);
    const next = openSession(broker);
    const last = `e${MANY - 1}`;
    expect(next.queueExists(last)).toBe(false);
    expect(next.declareQueue(last, EXCLUSIVE).messages).toBe(0);
    turnsUntil(() => !session.share.busy);
    expect(next.queueExists(last), 'the new one stays').toBe(true);
    expect(next.queueExists('e0')).toBe(false);
  });

  it('what somebody held goes back to its place, in order, and meanwhile to nobody who has gone', () => {
    session.declareQueue('q', DURABLE);
    fill('q');
    const gone = consume(session, 'q');
    broker.turn.end();
    expect(gone.seen.length).toBe(MANY);
    slowly();
    session.close(true);
    expect(session.share.busy).toBe(true);
    expect(turnsUntil(() => !session.share.busy)).toBeGreaterThan(1);
    clock.stepMs = 0;
    session = openSession(broker);
    const next = consume(session, 'q');
    turnsUntil(() => next.seen.length === MANY);
    expect(next.bodies).toEqual(Array.from({ length: MANY }, (_, i) => String(i)));
    expect(gone.seen.length).toBe(MANY);
  });

  it('what was retained when somebody subscribed is sent once, and what replaces it meanwhile only as itself', () => {
    for (let i = 0; i < MANY; i++) send(session, `r.${i}`, 'old', { exchange: 'amq.topic', retain: true });
    session.declareQueue('s', TRANSIENT);
    session.bindQueue('s', 'amq.topic', '#', BIND);
    slowly();
    let count = -1;
    session.replayRetained('s', 'amq.topic', '#', BIND, (all) => {
      count = all;
    });
    const last = `r.${MANY - 1}`;
    send(session, last, 'new', { exchange: 'amq.topic', retain: true });
    expect(turnsUntil(() => count >= 0)).toBeGreaterThan(1);
    expect(count).toBe(MANY - 1);
    clock.stepMs = 0;
    const reader = consume(session, 's', { settled: true });
    turnsUntil(() => reader.seen.length === MANY);
    expect(reader.seen.filter(({ key }) => key === last).map(({ body }) => body)).toEqual(['new']);
    expect(new Set(reader.seen.map(({ key }) => key)).size).toBe(MANY);
  });

  it('the broker stops in the middle of it', async () => {
    session.declareQueue('q', DURABLE);
    fill('q');
    slowly();
    let purged = -1;
    session.purgeQueue('q', ({ messages }) => {
      purged = messages;
    });
    await broker.close();
    expect(purged).toBe(MANY);
  });
});
