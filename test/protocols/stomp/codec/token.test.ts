import { describe, expect, test } from 'vitest';
import { decimalLength, putDecimal } from '../../../../protocols/stomp/codec/decimal.ts';
import { Token } from '../../../../protocols/stomp/codec/token.ts';
import { negotiate } from '../../../../protocols/stomp/codec/version.ts';

const read = (text: string, session = 's-1'): Token | undefined => {
  const token = new Token();
  const bytes = Buffer.from(`<${text}>`);
  return token.read(bytes, 1, bytes.length - 1, Buffer.from(session)) ? token : undefined;
};

describe('a token', () => {
  test('gives back its parts', () => {
    expect(read('s-1.2.345.67')).toMatchObject({ subscription: 2, number: 345, index: 67 });
  });
  test.each([
    '',
    's-1',
    's-1.',
    's-1.2',
    's-1.2.3',
    's-1.2.3.',
    's-1..3.4',
    's-1.2.3.4.5',
    's-1.2.3.x',
    's-2.2.3.4',
    's-12.3.4.5',
    's-1.2.3.-4',
    's-1.2.3.4444444444444444',
    ' s-1.2.3.4',
  ])('%j is none', (text) => {
    expect(read(text)).toBeUndefined();
  }); // prettier-ignore
});

test('numbers are written digit by digit as JavaScript writes them', () => {
  const buffer = Buffer.alloc(32);
  for (const value of [0, 7, 9, 10, 99, 100, 12_345, 999_999_999, 1_000_000_000, 2 ** 31, 2 ** 32 + 1, 2 ** 53 - 1]) {
    const end = putDecimal(buffer, 3, value, decimalLength(value));
    expect(buffer.toString('latin1', 3, end)).toBe(String(value));
  }
});

test.each([
  [undefined, 10],
  ['1.0', 10],
  ['1.0,1.1', 11],
  ['1.2, 1.1, 1.0', 12],
  ['2.1,1.1', 11],
  ['2.0', undefined],
  ['', undefined],
])('accept-version %j is answered with %j', (accept, version) => {
  expect(negotiate(accept)).toBe(version);
});
