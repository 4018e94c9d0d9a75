import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatDuration, formatSize, NEEDS_UNIT, parseDuration, parseSize } from '../../src/config/units.ts';

it.each([
  [0, 0],
  [1024, 1024],
  ['64 KiB', 65_536],
  ['64kib', 65_536],
  ['1.5MiB', 1_572_864],
  ['1 GB', 1_000_000_000],
  ['1024', 1024],
  ['17 bytes', 17],
])('size %j is %i bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

it.each([
  -1,
  0.5,
  '1.0001 KiB',
  '3 apples',
  '',
  'MiB',
  '-1',
  '1e3',
  null,
  undefined,
  true,
  Number.NaN,
  '9999999999 GiB',
])('%j is no size', (text) => {
  expect(parseSize(text)).toBeUndefined();
});

it.each([
  [0, 0],
  ['0', 0],
  ['250ms', 250],
  ['10 s', 10_000],
  ['1.5 min', 90_000],
  ['2h', 7_200_000],
  ['5 minutes', 300_000],
  ['7 days', 604_800_000],
])('duration %j is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

it.each([10, '10', 1.5, 60_000, '60000'])(
  'a bare %j is no duration: it could mean seconds or milliseconds',
  (value) => {
    expect(parseDuration(value)).toBe(NEEDS_UNIT);
  },
);

it.each([1, '64', 1023])('a bare %j is no size: hardly anybody means so few bytes', (value) => {
  expect(parseSize(value)).toBe(NEEDS_UNIT);
});

it('whatever is written can be read back', () => {
  fc.assert(
    fc.property(fc.nat(), (n) => {
      expect(parseSize(formatSize(n))).toBe(n);
      expect(parseDuration(formatDuration(n))).toBe(n);
    }),
  );
});
