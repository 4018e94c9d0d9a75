/**
 * Lets time pass as it does: in small steps, with turns of the event loop between them. Who looks at the clock on the way sees the time of
 * then, and what has to wait for a turn's end gets one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ManualClock, TICK_MS } from '../../src/clock/clock.ts';

const STEPS = 128;

export async function pass(clock: ManualClock, ms: number): Promise<void> {
  const stepMs = Math.max(TICK_MS, Math.ceil(ms / STEPS));
  for (let left = ms; left > 0; left -= stepMs) {
    clock.advance(Math.min(left, stepMs));
    await nextTurn();
  }
}
