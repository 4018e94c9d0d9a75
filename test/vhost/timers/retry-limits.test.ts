/** What a backoff brings back counts again for its queue's limits, in messages and in bytes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPTED, MODIFIED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { consume, DURABLE, openSession, queueArguments, type Recorder, send, startCore } from '../harness.ts';

let broker: Broker;
let session: Session;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  broker = await startCore(null, { clock });
  await broker.policies.set('/', {
    name: 'patient',
    pattern: '.*',
    definition: { 'retry-backoff': 'constant', 'retry-delay': 100, 'retry-jitter': 0 },
  });
  session = openSession(broker);
});
afterEach(() => broker.close());

const turn = (): void => broker.turn.end();
const waiting = (): number => session.checkQueue('q').messages;

/** A message of six bytes that has failed, and waits for its next attempt. */
function failed(args: Record<string, number | string>): void {
  session.declareQueue('q', { ...DURABLE, arguments: queueArguments(args) });
  send(session, 'q', 'aaaaaa');
  const reader = consume(session, 'q', { prefetch: 1 });
  turn();
  reader.consumer.settle(reader.seen[0]!.slot, MODIFIED);
  reader.consumer.cancel();
  turn();
  expect(waiting()).toBe(0);
}

const again = (): void => {
  clock.advance(140);
  turn();
  turn();
};
const left = (): Recorder => {
  const reader = consume(session, 'q');
  turn();
  return reader;
};

describe.each([
  ['x-max-length-bytes', 10],
  ['x-max-length', 1],
])('%s', (limit, most) => {
  it('does not count what waits for its next attempt, and does when it is back: the oldest goes', () => {
    failed({ [limit]: most });
    send(session, 'q', 'bbbbbb');
    turn();
    expect(waiting()).toBe(1);
    again();
    expect(left().bodies).toEqual(['bbbbbb']);
  });

  it('refuses what is too much beside what is back, and takes it once that is gone', () => {
    failed({ [limit]: most, 'x-overflow': 'reject-publish' });
    again();
    expect(waiting()).toBe(1);
    expect(send(session, 'q', 'bbbbbb').mark).toBe(-1);
    const reader = left();
    reader.consumer.settle(reader.seen[0]!.slot, ACCEPTED);
    reader.consumer.cancel();
    expect(send(session, 'q', 'cccccc').mark).not.toBe(-1);
    expect(left().bodies).toEqual(['cccccc']);
  });
});
