/** Delivery tags against a plain map: whatever order they are settled in. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TagWindow } from '../../src/api/tag-window.ts';

type Step =
  | { do: 'push' | 'skip'; times: number }
  | { do: 'take'; pick: number }
  | { do: 'takeUpTo'; pick: number }
  | { do: 'restore' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('push' as const, 'skip' as const), times: fc.integer({ min: 1, max: 3000 }) }),
  fc.record({ do: fc.constantFrom('take' as const, 'takeUpTo' as const), pick: fc.nat() }),
  fc.constant({ do: 'restore' as const }),
);

describe('unsettled deliveries', () => {
  test('agree with a map', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const unsettled = new TagWindow<string>();
        const model = new Map<number, number>();
        let last = 0;
        let taken: [number, number][] = [];
        const take = (tag: number): void => {
          const slot = model.get(tag);
          expect(unsettled.has(tag)).toBe(slot !== undefined);
          expect(unsettled.take(tag)).toBe(slot !== undefined);
          if (slot === undefined) return;
          expect([unsettled.holder, unsettled.slot]).toEqual([`h${tag}`, slot]);
          model.delete(tag);
          taken.push([tag, slot]);
        };
        for (const s of steps) {
          if (s.do === 'push' || s.do === 'skip') {
            for (let i = 0; i < s.times; i++) {
              last++;
              if (s.do === 'push') {
                model.set(last, last * 7);
                expect(unsettled.push(`h${last}`, last * 7)).toBe(last);
              } else expect(unsettled.skip()).toBe(last);
            }
          } else if (s.do === 'take') {
            // Mostly one that is held, now and then any tag.
            const held = [...model.keys()];
            take(held.length > 0 && s.pick % 5 > 0 ? held[s.pick % held.length]! : s.pick % (last + 2));
          } else if (s.do === 'takeUpTo') {
            const upTo = s.pick % (last + 2);
            for (let tag = unsettled.first(); tag !== 0 && tag <= upTo; tag = unsettled.first()) take(tag);
            for (const tag of model.keys()) expect(tag).toBeGreaterThan(upTo);
          } else {
            for (const [tag, slot] of taken) {
              unsettled.restore(tag, `h${tag}`, slot);
              model.set(tag, slot);
            }
            taken = [];
          }
          expect(unsettled.count).toBe(model.size);
          expect(unsettled.first()).toBe(model.size === 0 ? 0 : Math.min(...[...model.keys()].slice(0, 50_000)));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('one that is never settled does not stretch the window', () => {
    const unsettled = new TagWindow<string>();
    unsettled.push('forgotten', 1);
    let taken = 0;
    for (let i = 0; i < 1_000_000; i++) if (unsettled.take(unsettled.push('h', 2))) taken++;
    expect(taken).toBe(1_000_000);
    expect((unsettled as unknown as { slots: Int32Array }).slots.length).toBeLessThanOrEqual(8192);
    expect(unsettled.first()).toBe(1);
    expect(unsettled.take(1)).toBe(true);
    expect(unsettled.holder).toBe('forgotten');
    expect(unsettled.first()).toBe(0);
  });
});
