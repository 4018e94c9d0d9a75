/** Memory that is used again: whose is it? */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { giveBack, takeBuffer } from '../../src/message/buffer-pool.ts';

it('no piece of memory has two owners, and each is as large as was asked for', () => {
  const bytes = fc.oneof(fc.integer({ min: 1, max: 40_000 }), fc.integer({ min: 1, max: 700_000 }));
  const step = fc.oneof(fc.record({ take: bytes }), fc.record({ giveBack: fc.nat(20) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const owned: { buffer: Buffer; mark: number }[] = [];
      let mark = 0;
      for (const step of steps) {
        if ('take' in step) {
          const buffer = takeBuffer(step.take);
          expect(buffer.length).toBeGreaterThanOrEqual(step.take);
          mark = (mark + 1) & 0xff;
          buffer.fill(mark);
          owned.push({ buffer, mark });
        } else if (owned.length > 0) {
          const [{ buffer, mark: written }] = owned.splice(step.giveBack % owned.length, 1) as [(typeof owned)[0]];
          expect(buffer.every((byte) => byte === written)).toBe(true);
          giveBack(buffer);
        }
      }
      for (const { buffer, mark: written } of owned) expect(buffer.every((byte) => byte === written)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

it('what is given back is used again for the next that is about as large', () => {
  const buffer = takeBuffer(100_000);
  giveBack(buffer);
  expect(takeBuffer(70_000)).toBe(buffer);
});

it('only what was taken is kept: a part of other memory is passed over', () => {
  const part = Buffer.alloc(256 * 1024).subarray(0, 128 * 1024);
  giveBack(part);
  expect(takeBuffer(128 * 1024)).not.toBe(part);
});

it('free memory has a bound', () => {
  const taken = Array.from({ length: 64 }, () => takeBuffer(512 * 1024));
  for (const buffer of taken) giveBack(buffer);
  const again = new Set(Array.from({ length: 64 }, () => takeBuffer(512 * 1024)));
  const kept = taken.filter((buffer) => again.has(buffer)).length;
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThanOrEqual(32);
});
