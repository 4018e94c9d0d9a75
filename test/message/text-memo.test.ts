/** Texts found by their bytes: whatever was asked for before, what comes is what the bytes say. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TextMemo } from '../../src/message/text-memo.ts';

it('is the text of the bytes, each time, or nothing', () => {
  const memo = new TextMemo();
  const bytes = fc.oneof(
    fc.constantFrom('a', 'b', 'ab', 'ba', '', 'x'.repeat(64), 'x'.repeat(65), 'é').map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 70 }).map((array) => Buffer.from(array)),
    fc.integer({ min: 0, max: 50_000 }).map((n) => Buffer.from(`key-${n}`)),
  );
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 50 }), (all) => {
      for (const one of all) {
        const lies = Buffer.concat([Buffer.from('..'), one, Buffer.from('..')]);
        const isShort = one.length <= 64 && one.every((byte) => byte < 0x80);
        expect(memo.ascii(lies, 2, 2 + one.length)).toBe(isShort ? one.toString('latin1') : undefined);
      }
    }),
  );
});

it('tells 100,000 texts apart that share its places', () => {
  const memo = new TextMemo();
  for (const round of [0, 1]) {
    for (let n = 0; n < 100_000; n += 7) {
      const text = Buffer.from(`tenant-${n}`);
      expect(memo.ascii(text, 0, text.length), `round ${round}`).toBe(`tenant-${n}`);
    }
  }
});
