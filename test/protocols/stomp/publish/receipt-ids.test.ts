/** The receipts that are owed, as a queue of byte strings in one buffer that moves and grows while some are given. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReceiptIds } from '../../../../protocols/stomp/publish/receipt-ids.ts';

const owe = (receipts: ReceiptIds, id: string): void => {
  const source = Buffer.from(`?${id}?`, 'latin1');
  receipts.push(source, 1, source.length - 1);
};

const give = (receipts: ReceiptIds): string => {
  receipts.shift();
  return receipts.buffer.latin1Slice(receipts.start, receipts.end);
};

test('come out as they went in, whatever was given in between', () => {
  const step = fc.oneof(
    fc.record({ owed: fc.integer({ min: 1, max: 40 }), length: fc.constantFrom(0, 1, 30, 255, 256, 300, 3_000) }),
    fc.record({ given: fc.integer({ min: 1, max: 40 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const receipts = new ReceiptIds();
      const model: string[] = [];
      let last = 0;
      for (const one of steps) {
        if ('owed' in one) {
          for (let i = 0; i < one.owed; i++) {
            const id = String(++last)
              .padEnd(one.length, String.fromCharCode(0x21 + (last % 200)))
              .slice(0, one.length);
            owe(receipts, id);
            model.push(id);
          }
        } else {
          for (let i = 0; i < one.given && model.length > 0; i++) expect(give(receipts)).toBe(model.shift());
        }
        expect(receipts.size).toBe(model.length);
      }
      while (model.length > 0) expect(give(receipts)).toBe(model.shift());
    }),
    { numRuns: 300 },
  );
});

test('do not grow while they are given as fast as they come', () => {
  const receipts = new ReceiptIds();
  for (let i = 0; i < 3; i++) owe(receipts, `receipt-${i}`);
  for (let i = 3; i < 100_000; i++) {
    owe(receipts, `receipt-${i}`);
    expect(give(receipts)).toBe(`receipt-${i - 3}`);
  }
  expect(receipts.buffer.length).toBeLessThanOrEqual(4_096);
});

test('may have an id of 65535 bytes', () => {
  const receipts = new ReceiptIds();
  const long = 'é'.repeat(65_535);
  owe(receipts, 'before');
  owe(receipts, long);
  owe(receipts, 'after');
  expect([give(receipts), give(receipts) === long, give(receipts)]).toEqual(['before', true, 'after']);
});

test('come out as the bytes they went in as, however they are mixed', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.uint8Array({ maxLength: 700 }), { freq: 2 }), { maxLength: 100 }), (steps) => {
      const receipts = new ReceiptIds();
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
