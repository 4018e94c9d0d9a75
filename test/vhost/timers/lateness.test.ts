/** How late a delayed message comes is seen by its clients: a tick of the coarse wheel was most of it. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { FINE_TICK_MS, SystemClock, TICK_MS } from '../../../src/clock/clock.ts';
import { consume, makeDraft, openSession, startCore, TRANSIENT } from '../harness.ts';

let broker: Broker;
let session: Session;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] });
  broker = await startCore(null, { clock: new SystemClock() });
  session = openSession(broker);
});
afterEach(async () => {
  await broker.close();
  vi.useRealTimers();
});

it('a delayed message is less than a tick of the wheel late, however long it has waited', () => {
  session.declareQueue('q', TRANSIENT);
  const late: number[] = [];
  const key = Buffer.from('q');
  const reader = consume(session, 'q');
  for (const delayMs of [1, 7, 19, 20, 21, 40, 41, 55, 333, 1_001, 60_003]) {
    const draft = makeDraft('x');
    draft.delayMs = delayMs;
    session.publish(session.route('', 0, key, 0, key.length), draft);
    const { length } = reader.bodies;
    for (let ms = 1; ms < delayMs + 2 * TICK_MS; ms++) {
      vi.advanceTimersByTime(1);
      for (let turn = 0; turn < 3; turn++) broker.turn.end();
      if (reader.bodies.length === length) continue;
      late.push(ms - delayMs);
      break;
    }
  }
  expect(late).toHaveLength(11);
  for (const ms of late) {
    expect(ms).toBeGreaterThanOrEqual(0);
    expect(ms).toBeLessThanOrEqual(2 * FINE_TICK_MS);
  }
});
