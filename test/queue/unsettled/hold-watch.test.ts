/** What has been held for too long is known by its place in the order of deliveries. */
import { expect, test } from 'vitest';
import { HoldWatch, TICK_MIN_MS, tickOf } from '../../../src/queue/unsettled/hold-watch.ts';

test('nothing is overdue early, and nothing a sixteenth of the limit late', () => {
  for (const limitMs of [1_000, 4_321, 60_000, 1_800_000]) {
    const watch = new HoldWatch(limitMs, 'lease');
    const tickMs = tickOf(limitMs);
    const heldAtMs: number[] = [0]; // by number, from 1 on
    let found = 0;
    for (let nowMs = 0; nowMs < 5 * limitMs; nowMs += tickMs / 4) {
      heldAtMs.push(nowMs);
      if (nowMs % tickMs !== 0) continue;
      watch.tick(nowMs, heldAtMs.length - 1);
      for (; found < watch.overdue; found++) {
        const late = nowMs - heldAtMs[found + 1]! - limitMs;
        expect(late).toBeGreaterThanOrEqual(0);
        expect(late).toBeLessThanOrEqual(limitMs / 16 + 2 * TICK_MIN_MS);
      }
    }
    expect(found).toBeGreaterThan(0);
  }
});

test('ticks are few kinds, and no finer than the clock', () => {
  expect(tickOf(1)).toBe(TICK_MIN_MS);
  expect(tickOf(1_800_000)).toBe(TICK_MIN_MS * 2 ** 11);
  expect(new Set(Array.from({ length: 10_000 }, (_, i) => tickOf(1_000 + i * 1_000))).size).toBeLessThan(20);
});

test('what was noted while something was held says nothing once nothing is', () => {
  const watch = new HoldWatch(1_000, 'timeout');
  watch.tick(0, 7);
  watch.clear();
  watch.tick(1_000, 8);
  expect(watch.overdue).toBe(0);
  watch.tick(2_000, 9);
  expect(watch.overdue).toBe(8);
});
