import { describe, expect, it } from 'vitest';
import { facts, table } from '../../../src/command/print/table.ts';
import { cutTo, safeText, widthOf } from '../../../src/command/print/text.ts';
import { bytes, count, duration, rate } from '../../../src/command/print/units.ts';

interface Row {
  readonly name: string;
  readonly n: number;
  readonly more: string;
}

const COLUMNS = [
  { title: 'NAME', text: ({ name }: Row) => name, cuts: true },
  { title: 'N', text: ({ n }: Row) => count(n), right: true },
  { title: 'MORE', text: ({ more }: Row) => more, spare: 1 },
];
const ROWS = [
  { name: 'a', n: 1, more: 'x' },
  { name: 'b'.repeat(40), n: 12_345, more: 'long' },
];

describe('a table', () => {
  it('has numbers to the right, and is whole where no terminal bounds it', () => {
    expect(table(COLUMNS, ROWS, Number.POSITIVE_INFINITY)).toEqual([
      `NAME${' '.repeat(36)}       N  MORE`,
      `a${' '.repeat(39)}       1  x`,
      `${'b'.repeat(40)}  12,345  long`,
    ]);
  });

  it('cuts long text, and leaves out first what can be done without', () => {
    expect(table(COLUMNS, ROWS, 40).at(-1)).toBe(`${'b'.repeat(25)}…  12,345  long`);
    expect(table(COLUMNS, ROWS, 30)).toEqual([
      `NAME${' '.repeat(18)}       N`,
      `a${' '.repeat(21)}       1`,
      `${'b'.repeat(21)}…  12,345`,
    ]);
  });

  it.each([80, 40, 30, 20, 10])('of %i cells is no wider than that', (width) => {
    for (const line of table(COLUMNS, ROWS, width)) expect(widthOf(line)).toBeLessThanOrEqual(Math.max(width, 14));
  });

  it('without rows has its head', () => {
    expect(table(COLUMNS, [], 80)).toEqual(['NAME  N  MORE']);
  });
});

it('facts stand below each other, without those that are not there', () => {
  expect(
    facts(
      [
        ['A', '1'],
        ['Long', '\u0007'],
        ['B', undefined],
        ['C', ''],
      ],
      80,
    ),
  ).toEqual(['A     1', 'Long  \\x07']);
});

it('facts that are longer than a line go on below themselves, a word that is too long in one piece', () => {
  const rows = [['At', 'one two /a/path/that/is/longer three']] as const;
  expect(facts(rows, 12)).toEqual(['At  one two', '    /a/path/that/is/longer', '    three']);
  expect(facts([['At', '  kept  as it is ']], Number.POSITIVE_INFINITY)).toEqual(['At    kept  as it is ']);
});

it('text is as wide as it looks, and safe', () => {
  expect(widthOf('日本')).toBe(4);
  expect(widthOf('e\u0301')).toBe(1);
  expect(cutTo('日本語', 5)).toBe('日本…');
  expect(cutTo('日本語', 4)).toBe('日…');
  expect(safeText('\u001b]0;x\u0007\u009b\u2066')).toBe('\\x1b]0;x\\x07\\x9b\\u2066');
});

it('numbers have units', () => {
  expect([0, 1023, 1024, 150 * 1024, 5 * 1024 ** 4].map(bytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '150 KiB',
    '5.0 TiB',
  ]);
  expect([0, 0.25, 9.96, 1234.5].map(rate)).toEqual(['0/s', '0.3/s', '10.0/s', '1,235/s']);
  expect([5, 61_000, 3_600_000, 90_061_000].map(duration)).toEqual(['5 ms', '1 min 1 s', '1 h', '1 d 1 h']);
  expect([bytes(undefined), rate(null), count(undefined), duration(undefined)]).toEqual(['-', '-', '-', '-']);
});

it('leaves a column out that is known of no row, and shows it where it is known of one', () => {
  const columns = [
    { title: 'NAME', text: ({ name }: { name: string }) => name },
    { title: 'BYTES', text: ({ bytes }: { bytes?: string }) => bytes ?? '-', whereKnown: true },
  ];
  expect(table<{ name: string; bytes?: string }>(columns, [{ name: 'a' }, { name: 'b' }], 80)).toEqual([
    'NAME',
    'a',
    'b',
  ]);
  expect(table<{ name: string; bytes?: string }>(columns, [{ name: 'a' }, { name: 'b', bytes: '3' }], 80)[2]).toBe(
    'b     3',
  );
  expect(table<{ name: string; bytes?: string }>(columns, [], 80)).toEqual(['NAME  BYTES']);
});
