/** What a vhost counts of its messages' ways. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ACCEPTED, REJECTED, RELEASED } from '../../src/api/index.ts';
import type { Session } from '../../src/api/session.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { consume, DURABLE, openSession, send, startCore } from './harness.ts';

let broker: Broker;
let session: Session;
beforeEach(async () => {
  broker = await startCore(null);
  session = openSession(broker);
  session.declareQueue('q', DURABLE);
});
afterEach(() => broker.close());

const counted = (): number[] => {
  broker.turn.end();
  const { delivered, redelivered, acknowledged } = broker.statistics()[0]!.counters;
  return [delivered, redelivered, acknowledged];
};

it('each delivery, those that come again apart from it, and what was settled', () => {
  const { seen, consumer } = consume(session, 'q');
  for (const body of ['a', 'b', 'c']) send(session, 'q', body);
  expect(counted()).toEqual([3, 0, 0]);
  consumer.settle(seen[0]!.slot, ACCEPTED);
  consumer.settle(seen[1]!.slot, RELEASED);
  expect(counted()).toEqual([4, 1, 1]);
  consumer.settle(seen[2]!.slot, REJECTED);
  consumer.cancel();
  session.close(false);
  session = openSession(broker);
  consume(session, 'q', { settled: true });
  expect(counted()).toEqual([5, 2, 2]);
  send(session, 'q', 'd');
  expect(counted()).toEqual([6, 2, 3]);
});
