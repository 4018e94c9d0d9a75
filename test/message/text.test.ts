/** Bytes that are read as text come back as they were, whatever they are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, isText, textOf } from '../../src/message/text.ts';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => Buffer.from(text)),
  // Sequences that begin well, and surrogates in UTF-8's form.
  fc.array(fc.constantFrom(0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0x80, 0xf0, 0x9f, 0xff), { maxLength: 20 }),
);

describe('text', () => {
  it('gives back the bytes it was read from', () => {
    fc.assert(
      fc.property(bytes, (array) => {
        const buffer = Buffer.from(array);
        return bytesOf(textOf(buffer)).equals(buffer);
      }),
      { numRuns: 5000 },
    );
  });

  it('is equal where the bytes are', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const [left, right] = [Buffer.from(a), Buffer.from(b)];
        return (textOf(left) === textOf(right)) === left.equals(right);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['caf\u00e9', Buffer.from('caf\u00e9'), true],
    ['caf\udce9', Buffer.of(0x63, 0x61, 0x66, 0xe9), false],
    ['\ufffd', Buffer.of(0xef, 0xbf, 0xbd), true],
    ['\ufffd\udcff', Buffer.of(0xef, 0xbf, 0xbd, 0xff), false],
    ['\udced\udca0\udc80', Buffer.of(0xed, 0xa0, 0x80), false],
  ])('%j', (text, buffer, well) => {
    expect(textOf(buffer)).toBe(text);
    expect(bytesOf(text)).toEqual(buffer);
    expect(isText(text)).toBe(well);
  });

  it('is what lies between two places of a buffer', () => {
    expect(textOf(Buffer.of(0xff, 0x61, 0xfe, 0xff), 1, 3)).toBe('a\udcfe');
  });
});
