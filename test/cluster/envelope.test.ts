/** An append's bytes: what was written is read again, and no damage passes. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BATCHES, Broken, CLAIM, overheadBytes, readAppend, writeAppend } from '../../src/cluster/envelope.ts';

const head = fc.record({
  logId: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
  epoch: fc.nat({ max: 2 ** 48 - 1 }),
  kind: fc.constantFrom(CLAIM, BATCHES) as fc.Arbitrary<typeof CLAIM | typeof BATCHES>,
  number: fc.nat({ max: 2 ** 48 - 1 }),
  firstBatch: fc.nat({ max: 2 ** 48 - 1 }),
  checksumBefore: fc.nat({ max: 2 ** 32 - 1 }),
  // A lone surrogate has no bytes of its own; no name is longer than 255 bytes.
  owner: fc.string({ unit: 'binary', maxLength: 20 }),
});
const parts = fc.array(
  fc.record({
    segment: fc.nat({ max: 2 ** 32 - 1 }),
    position: fc.nat({ max: 2 ** 32 - 1 }),
    bytes: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 4 },
);

it('what was written is read again', () => {
  fc.assert(
    fc.property(head, parts, (fields, several) => {
      const bytes = writeAppend(fields, several);
      expect(readAppend(bytes)).toEqual({ ...fields, parts: several });
      const content = several.reduce((sum, part) => sum + part.bytes.length, 0);
      expect(bytes.length).toBe(overheadBytes(fields.owner, several.length) + content);
    }),
  );
});

it('a bit that has changed, and a cut at any byte, is found out', () => {
  fc.assert(
    fc.property(head, parts, fc.nat(), fc.nat({ max: 7 }), (fields, several, at, bit) => {
      const bytes = writeAppend(fields, several);
      expect(() => readAppend(bytes.subarray(0, at % bytes.length))).toThrow(Broken);
      bytes[at % bytes.length]! ^= 1 << bit;
      expect(() => readAppend(bytes)).toThrow(Broken);
    }),
  );
});
