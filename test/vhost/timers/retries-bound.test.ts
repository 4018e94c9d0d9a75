/** What waits to be tried again is in memory, so there may be so much of it, and then nothing more may fail. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ACCEPTED, MODIFIED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { consume, DURABLE, openSession, queueArguments, send, startCore, vhostOf } from '../harness.ts';

let broker: Broker;
let session: Session;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  broker = await startCore(null, { clock });
  session = openSession(broker);
  (vhostOf(session).retries as unknown as { max: number }).max = 2;
});

afterEach(() => broker.close());

it('a queue whose messages wait stands still while as many wait as may, and others go on', () => {
  const told: unknown[] = [];
  broker.events.add((event) => void (event.kind.startsWith('alarm') && told.push(event)));
  session.declareQueue('q', { ...DURABLE, arguments: queueArguments({ 'x-retry-delay': 1000 }) });
  session.declareQueue('other', DURABLE);
  const reader = consume(session, 'q', { prefetch: 1 });
  const other = consume(session, 'other');
  for (const body of ['1', '2', '3']) send(session, 'q', body);
  broker.turn.end();
  for (let i = 0; i < 2; i++) {
    reader.consumer.settle(reader.seen[i]!.slot, MODIFIED);
    broker.turn.end();
  }
  send(session, 'other', 'x');
  broker.turn.end();
  expect([reader.bodies, other.bodies]).toEqual([['1', '2'], ['x']]);
  const { retries } = vhostOf(session);
  expect([retries.size, retries.heldQueues]).toEqual([2, 1]);
  expect(told).toEqual([{ kind: 'alarm-raised', resource: 'retries', vhost: '/' }]);
  let answered: unknown = 'no';
  session.get('q', true, { deliver() {}, cancelled() {} }, (result) => {
    answered = result;
  });
  expect(answered).toBeUndefined();

  clock.advance(1100);
  broker.turn.end();
  expect([retries.size, retries.heldQueues]).toEqual([0, 0]);
  expect(told.slice(1)).toEqual([{ kind: 'alarm-cleared', resource: 'retries', vhost: '/' }]);
  for (let i = 2; i < 5; i++) {
    reader.consumer.settle(reader.seen[i]!.slot, ACCEPTED);
    broker.turn.end();
  }
  expect(reader.bodies).toEqual(['1', '2', '1', '2', '3']);
});
