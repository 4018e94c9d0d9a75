/** A message with a time of its own expires, whatever else its queue holds or has aside meanwhile. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ACCEPTED, REJECTED, RELEASED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { consume, openSession, queueArguments, send, startCore, TRANSIENT } from '../harness.ts';

let clock: ManualClock;
let broker: Broker;
let session: Session;

beforeEach(async () => {
  clock = new ManualClock();
  broker = await startCore(null, { clock });
  session = openSession(broker);
});

afterEach(() => broker.close());

function pass(ms: number): void {
  for (let gone = 0; gone < ms; gone += 20) {
    clock.advance(20);
    broker.turn.end();
  }
}

it('one that is given back while as many are aside as were held', () => {
  const full = queueArguments({ 'x-max-length': 0, 'x-overflow': 'reject-publish' });
  session.declareQueue('full', { ...TRANSIENT, arguments: full });
  const dead = queueArguments({ 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'full' });
  session.declareQueue('q', { ...TRANSIENT, arguments: dead });
  const reader = consume(session, 'q');
  send(session, 'q', 'expires', { ttlMs: 10_000 });
  send(session, 'q', 'is rejected', { ttlMs: 10_000 });
  broker.turn.end();
  reader.consumer.settle(reader.seen[1]!.slot, REJECTED); // aside: nobody takes its dead letter
  pass(100);
  reader.consumer.cancel(RELEASED);
  pass(100);
  expect(session.checkQueue('q').messages).toBe(1);
  pass(10_000);
  expect(session.checkQueue('q').messages).toBe(0);
});

it('one that is given back after the queue was empty', () => {
  session.declareQueue('q', TRANSIENT);
  const reader = consume(session, 'q');
  send(session, 'q', 'expires', { ttlMs: 10_000 });
  send(session, 'q', 'is accepted', { ttlMs: 10_000 });
  broker.turn.end();
  reader.consumer.settle(reader.seen[1]!.slot, ACCEPTED);
  pass(100);
  reader.consumer.cancel(RELEASED);
  pass(9_800);
  expect(session.checkQueue('q').messages).toBe(1);
  pass(200);
  expect(session.checkQueue('q').messages).toBe(0);
});
