/** What part of the time a queue's consumers could take a message at once. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPTED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { ConsumerCapacity } from '../../../src/queue/dispatch/consumer-capacity.ts';
import { consume, DURABLE, openSession, send, startCore, vhostOf } from '../../vhost/harness.ts';

describe('the share of time', () => {
  it('is all of it until a message has waited', () => {
    const capacity = new ConsumerCapacity(0);
    expect(capacity.at(5_000)).toBe(1);
  });

  it('averages pairs of free and busy stretches, the last second counting half', () => {
    const capacity = new ConsumerCapacity(0);
    capacity.becameBusy(250);
    // A quarter of a second free, three quarters busy: 0.25 counts half, what was before the other half.
    expect(capacity.at(1_000)).toBeCloseTo(0.25 / 2 + 1 / 2, 10);
    capacity.becameFree(1_000);
    expect(capacity.at(1_000)).toBeCloseTo(0.625, 10);
    // Another second free.
    expect(capacity.at(2_000)).toBeCloseTo(1 / 2 + 0.625 / 2, 10);
  });

  it('approaches what is so all the time', () => {
    const capacity = new ConsumerCapacity(0);
    let nowMs = 0;
    for (let i = 0; i < 1_000; i++) {
      capacity.becameBusy((nowMs += 3));
      capacity.becameFree((nowMs += 7));
    }
    expect(capacity.at(nowMs)).toBeCloseTo(0.3, 2);
  });
});

describe('a queue', () => {
  let clock: ManualClock;
  let broker: Broker;
  let session: Session;
  beforeEach(async () => {
    clock = new ManualClock();
    broker = await startCore(null, { clock });
    session = openSession(broker);
    session.declareQueue('q', { ...DURABLE, durable: false });
  });
  afterEach(() => broker.close());
  const capacity = (): number => vhostOf(session).topology.queues.get('q')!.consumerCapacity(clock.monotonicMs());
  const turn = (): void => broker.turn.end();

  it('without consumers has no capacity', () => {
    send(session, 'q', 'a');
    turn();
    expect(capacity()).toBe(0);
  });

  it('whose consumer holds what it may loses capacity while another message waits, and gets it back when it takes that', () => {
    const { consumer, seen } = consume(session, 'q', { prefetch: 1 });
    clock.advance(1_000);
    send(session, 'q', 'a');
    turn();
    clock.advance(1_000);
    expect(capacity()).toBe(1); // nothing waits
    send(session, 'q', 'b');
    turn();
    clock.advance(2_000);
    expect(capacity()).toBeLessThan(0.6);
    consumer.settle(seen[0]!.slot, ACCEPTED);
    turn();
    const taken = capacity();
    clock.advance(10_000);
    expect(capacity()).toBeGreaterThan(0.999);
    expect(taken).toBeLessThan(0.6);
  });

  it('is free again when what waited has gone otherwise', () => {
    const { consumer, seen } = consume(session, 'q', { prefetch: 1 });
    send(session, 'q', 'a');
    send(session, 'q', 'b');
    turn();
    clock.advance(2_000);
    session.purgeQueue('q', () => {});
    consumer.settle(seen[0]!.slot, ACCEPTED);
    turn();
    clock.advance(60_000);
    expect(capacity()).toBeGreaterThan(0.999);
  });

  it('whose consumers do not want what waits is not short of them', () => {
    consume(session, 'q', { selector: "colour = 'red'" });
    send(session, 'q', 'a');
    turn();
    clock.advance(10_000);
    expect(capacity()).toBe(1);
  });
});
