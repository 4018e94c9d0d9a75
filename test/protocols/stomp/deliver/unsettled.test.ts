import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UnsettledDeliveries } from '../../../../protocols/stomp/deliver/unsettled.ts';

const order = (unsettled: UnsettledDeliveries): number[] => {
  const numbers: number[] = [];
  for (let at = unsettled.first; at >= 0; at = unsettled.next(at)) numbers.push(unsettled.number(at));
  return numbers;
};

describe('unsettled deliveries', () => {
  test('behave as an ordered list, whatever is added and taken out', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(), { freq: 3 }), { maxLength: 400 }), (steps) => {
        const unsettled = new UnsettledDeliveries();
        const model: { number: number; index: number }[] = [];
        let next = 1;
        for (const step of steps) {
          if (step === null || model.length === 0) {
            const index = unsettled.add(next * 7, next);
            expect(model.some((entry) => entry.index === index)).toBe(false);
            model.push({ number: next++, index });
          } else {
            const [gone] = model.splice(step % model.length, 1);
            expect(unsettled.has(gone!.index, gone!.number)).toBe(true);
            expect(unsettled.slot(gone!.index)).toBe(gone!.number * 7);
            unsettled.remove(gone!.index);
            expect(unsettled.has(gone!.index, gone!.number)).toBe(false);
          }
          expect(unsettled.size).toBe(model.length);
        }
        expect(order(unsettled)).toEqual(model.map((entry) => entry.number));
      }),
    );
  });

  test('a token of an earlier delivery does not fit one that has its index now', () => {
    const unsettled = new UnsettledDeliveries();
    const index = unsettled.add(5, 1);
    unsettled.remove(index);
    expect(unsettled.add(6, 2)).toBe(index);
    expect([unsettled.has(index, 1), unsettled.has(index, 2), unsettled.has(9_999, 2)]).toEqual([false, true, false]);
  });

  test('take no more room than is unsettled at a time', () => {
    const unsettled = new UnsettledDeliveries();
    const first = unsettled.add(0, 1);
    for (let number = 2; number < 10_000; number++) {
      const index = unsettled.add(0, number);
      expect(index).toBeLessThan(16);
      unsettled.remove(index);
    }
    expect(order(unsettled)).toEqual([1]);
    expect(unsettled.has(first, 1)).toBe(true);
  });
});
