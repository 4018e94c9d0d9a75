import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Backoff, backoffMs } from '../../src/settlement/backoff.ts';

const BASE: Backoff = {
  kind: 'constant',
  delayMs: 100,
  delayMaxMs: 1_000,
  factor: 2,
  jitter: 0,
  list: [],
  on: 'failed',
};
const delays = (backoff: Backoff, n: number): number[] =>
  Array.from({ length: n }, (_, i) => backoffMs(backoff, i + 1, 1));

describe('a backoff', () => {
  it.each([
    ['constant', BASE, [100, 100, 100]],
    ['linear', { ...BASE, kind: 'linear' }, [100, 200, 300]],
    ['exponential, up to the longest', { ...BASE, kind: 'exponential' }, [100, 200, 400, 800, 1_000, 1_000]],
    ['exponential by another factor', { ...BASE, kind: 'exponential', factor: 3 }, [100, 300, 900, 1_000]],
    ['a list, the last again and again', { ...BASE, list: [5, 50, 500] }, [5, 50, 500, 500]],
  ] as [string, Backoff, number[]][])('%s', (_what, backoff, expected) => {
    expect(delays(backoff, expected.length)).toEqual(expected);
  });

  it('with jitter spreads what failed together, and stays within its bounds', () => {
    const backoff = { ...BASE, jitter: 0.5 };
    const spread = new Set(Array.from({ length: 100 }, (_, seed) => backoffMs(backoff, 1, seed)));
    expect(spread.size).toBeGreaterThan(30);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4_095 }),
        fc.maxSafeNat(),
        fc.double({ min: 0, max: 1 }),
        (n, seed, jitter) => {
          const one = Number.isNaN(jitter) ? 0 : jitter;
          const delay = backoffMs({ ...BASE, kind: 'exponential', jitter: one }, n, seed);
          const whole = backoffMs({ ...BASE, kind: 'exponential' }, n, seed);
          expect(delay).toBeLessThanOrEqual(whole);
          expect(delay).toBeGreaterThanOrEqual(Math.floor(whole * (1 - one)));
          expect(backoffMs({ ...BASE, kind: 'exponential', jitter: one }, n, seed)).toBe(delay);
        },
      ),
    );
  });
});
