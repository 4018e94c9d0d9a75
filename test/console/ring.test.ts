/** What the live tail keeps of what comes. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Ring } from '../../console/src/messages/ring.ts';

it('keeps so many, takes in so many a second, and counts all others', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ afterMs: fc.nat(700), paused: fc.boolean() }), { maxLength: 300 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 10 }),
      (steps, kept, aSecond) => {
        const ring = new Ring<number>(kept, aSecond);
        let nowMs = 0;
        for (const [i, { afterMs, paused }] of steps.entries()) {
          nowMs += afterMs;
          ring.take(i, nowMs, paused);
          expect(ring.rows.length).toBeLessThanOrEqual(kept);
        }
        expect(ring.shown + ring.passed).toBe(steps.length);
        expect(ring.shown).toBeLessThanOrEqual((Math.floor(nowMs / 1_000) + 1) * aSecond);
        expect(ring.rows.length).toBe(Math.min(kept, ring.shown));
      },
    ),
  );
});

it('a flood of three million leaves the last of them, and no more', () => {
  const ring = new Ring<string>(200, 40);
  // An hour of 50,000 messages a second, a minute of which is really sent
  for (let i = 0; i < 3_000_000; i++) ring.take('m', i / 50, false);
  ring.pass(177_000_000);
  expect(ring.rows.length).toBe(200);
  expect(ring.shown + ring.passed).toBe(180_000_000);
});
