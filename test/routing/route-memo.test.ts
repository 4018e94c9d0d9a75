import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RouteMemo } from '../../src/routing/route-memo.ts';

const address = fc.record({
  exchange: fc.constantFrom('', 'a', 'ab', 'events'),
  key: fc.constantFrom('', 'a', 'b', 'bc', 'x'.repeat(200)),
});

/** The address in memory of its own, somewhere in the middle. */
function laid(exchange: string, key: string): [Buffer, number, number, number, number] {
  const buffer = Buffer.from(`..${exchange}.${key}..`);
  const end = 2 + exchange.length;
  return [buffer, 2, end, end + 1, end + 1 + key.length];
}

describe('RouteMemo', () => {
  it('finds for each address what was last kept for it, and nothing for others', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ at: address, value: fc.option(fc.nat(), { nil: undefined }) })), (steps) => {
        const memo = new RouteMemo<number>();
        const model = new Map<string, number>();
        for (const { at, value } of steps) {
          const ranges = laid(at.exchange, at.key);
          const name = `${at.exchange} ${at.key}`;
          expect(memo.find(...ranges)).toBe(model.get(name));
          if (value === undefined) continue;
          memo.set(...ranges, value);
          model.set(name, value);
        }
      }),
    );
  });

  it('does not take the bytes of exchange and key for those of another cut', () => {
    const memo = new RouteMemo<string>();
    memo.set(...laid('ab', 'c'), 'first');
    expect(memo.find(...laid('a', 'bc'))).toBeUndefined();
    memo.set(...laid('a', 'bc'), 'second');
    expect(memo.find(...laid('ab', 'c'))).toBe('first');
    expect(memo.find(...laid('a', 'bc'))).toBe('second');
  });

  it('keeps the first address too when a second one comes', () => {
    const memo = new RouteMemo<number>();
    memo.set(...laid('', 'a'), 1);
    memo.set(...laid('', 'b'), 2);
    expect(memo.find(...laid('', 'a'))).toBe(1);
  });

  it('is bounded, and forgets when it is told to', () => {
    const memo = new RouteMemo<number>({ entriesMax: 4 });
    let known = 0;
    for (let i = 0; i < 100; i++) memo.set(...laid('', `key ${i}`), i);
    for (let i = 0; i < 100; i++) if (memo.find(...laid('', `key ${i}`)) === i) known++;
    expect(known).toBeGreaterThan(0);
    expect(known).toBeLessThanOrEqual(4);
    memo.clear();
    expect(memo.find(...laid('', 'key 99'))).toBeUndefined();
    memo.set(...laid('', 'a'), 1);
    expect(memo.find(...laid('', 'a'))).toBe(1);
  });
});
