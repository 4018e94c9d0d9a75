/** Rates by the second. */
import { expect, test } from 'vitest';
import { PacketRateLimit, RateLimit } from '../../../../protocols/mqtt/connection/rate-limits.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';

test('so many in a second, no more, and as many again in the next', () => {
  const rate = new RateLimit(2);
  expect([rate.take(0), rate.take(500), rate.take(999)]).toEqual([true, true, false]);
  expect(rate.waitMs(400)).toBe(600);
  expect(rate.waitMs(5_000)).toBe(1);
  expect([rate.take(1_000), rate.take(1_001), rate.take(1_002)]).toEqual([true, true, false]);
});

test('no limit is no limit', () => {
  const rate = new RateLimit(0);
  for (let i = 0; i < 1_000; i++) expect(rate.take(0)).toBe(true);
});

test('a client that is too fast is held back until the second is over, once, and then goes on', () => {
  const clock = new ManualClock();
  const seen: string[] = [];
  const pace = new PacketRateLimit(
    2,
    clock,
    () => seen.push('hold'),
    () => seen.push('go on'),
  );
  clock.advance(400);
  for (let i = 0; i < 5; i++) pace.packet();
  expect(seen).toEqual(['hold']);
  clock.advance(980);
  expect(seen).toEqual(['hold']);
  clock.advance(20);
  expect(seen).toEqual(['hold', 'go on']);
  pace.packet();
  pace.packet();
  expect(seen).toHaveLength(2);
  pace.packet();
  pace.close();
  clock.advance(5_000);
  expect(seen).toEqual(['hold', 'go on', 'hold']);
});
