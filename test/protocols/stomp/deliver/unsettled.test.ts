import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Held } from '../../../../protocols/stomp/deliver/unsettled.ts';
import { Receipts } from '../../../../protocols/stomp/publish/receipt-ids.ts';

const order = (held: Held): number[] => {
  const numbers: number[] = [];
  for (let at = held.first; at >= 0; at = held.next(at)) numbers.push(held.number(at));
  return numbers;
};

describe('held deliveries', () => {
  test('behave as an ordered list, whatever is added and taken out', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(), { freq: 3 }), { maxLength: 400 }), (steps) => {
        const held = new Held();
        const model: { number: number; index: number }[] = [];
        let next = 1;
        for (const step of steps) {
          if (step === null || model.length === 0) {
            const index = held.add(next * 7, next);
            expect(model.some((entry) => entry.index === index)).toBe(false);
            model.push({ number: next++, index });
          } else {
            const [gone] = model.splice(step % model.length, 1);
            expect(held.has(gone!.index, gone!.number)).toBe(true);
            expect(held.slot(gone!.index)).toBe(gone!.number * 7);
            held.remove(gone!.index);
            expect(held.has(gone!.index, gone!.number)).toBe(false);
          }
          expect(held.size).toBe(model.length);
        }
        expect(order(held)).toEqual(model.map((entry) => entry.number));
      }),
    );
  });

  test('a token of an earlier delivery does not fit one that has its index now', () => {
    const held = new Held();
    const index = held.add(5, 1);
    held.remove(index);
    expect(held.add(6, 2)).toBe(index);
    expect([held.has(index, 1), held.has(index, 2), held.has(9_999, 2)]).toEqual([false, true, false]);
  });

  test('take no more room than is held at a time', () => {
    const held = new Held();
    const first = held.add(0, 1);
    for (let number = 2; number < 10_000; number++) {
      const index = held.add(0, number);
      expect(index).toBeLessThan(16);
      held.remove(index);
    }
    expect(order(held)).toEqual([1]);
    expect(held.has(first, 1)).toBe(true);
  });
});

test('receipts come out as they went in', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.uint8Array({ maxLength: 700 }), { freq: 2 }), { maxLength: 100 }), (steps) => {
      const receipts = new Receipts();
      const model: Buffer[] = [];
      const shift = (): void => {
        receipts.shift();
        expect(receipts.buffer.subarray(receipts.start, receipts.end)).toEqual(model.shift());
      };
      for (const step of steps) {
        if (step !== null) {
          const id = Buffer.from(step);
          receipts.push(Buffer.concat([Buffer.from('x'), id]), 1, 1 + id.length);
          model.push(id);
        } else if (model.length > 0) shift();
        expect(receipts.size).toBe(model.length);
      }
      while (model.length > 0) shift();
    }),
  );
});
