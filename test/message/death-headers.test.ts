/** The deaths that a publisher tells of, in the two forms in which they come, and how the broker shows its own. */
import { describe, expect, it } from 'vitest';
import type { Annotations } from '../../src/message/deaths/annotations.ts';
import {
  DEATH_HEADERS,
  deathsIn,
  deathTable,
  firstDeathHeaders,
  flatDeathHeaders,
} from '../../src/message/deaths/death-headers.ts';
import type { Header, Headers, Value } from '../../src/message/properties.ts';

const fields = (given: Record<string, Value>): Header[] =>
  Object.entries(given).map(([name, value]) => ({ name, value }));
const int = (value: number): Value => ({ type: 'int64', value: BigInt(value) });
const map = (given: Record<string, Value> | Headers): Value => ({
  type: 'map',
  value: Array.isArray(given) ? given : fields(given as Record<string, Value>),
});
const list = (...value: Value[]): Value => ({ type: 'list', value });
/** What is made of an `x-death` with these entries. */
const listed = (...entries: Value[]) => deathsIn(fields({ 'x-death': list(...entries) }))!.deaths;
/** What is made of a record of `q` and `expired` with one field more. */
const withField = (name: string, value: Value) => listed(map({ queue: 'q', reason: 'expired', [name]: value }))[0];
const PLAIN = { queue: 'q', reason: 'expired', count: 1 };

describe('a list of deaths', () => {
  it('is taken in its order, with what is known of each', () => {
    const headers = fields({
      other: 'x',
      'x-death': list(
        map({
          count: int(3),
          reason: 'rejected',
          queue: 'two',
          time: { type: 'timestamp', value: 1_700_000_000n },
          exchange: 'e',
          'routing-keys': list('a', 'b'),
          'original-expiration': '60000',
        }),
        map({ queue: '', reason: 'expired' }),
      ),
      'x-first-death-queue': 'one',
      'x-first-death-reason': 'expired',
      'x-first-death-exchange': 'f',
      'x-last-death-queue': 'not looked at',
    });
    expect(deathsIn(headers)).toEqual({
      deaths: [
        {
          queue: 'two',
          reason: 'rejected',
          count: 3,
          timeS: 1_700_000_000,
          exchange: 'e',
          routingKeys: ['a', 'b'],
          originalExpirationMs: 60_000,
        },
        { queue: '', reason: 'expired', count: 1 },
      ],
      firstDeath: { queue: 'one', reason: 'expired', exchange: 'f' },
    });
  });

  it('loses the entries that do not say where or why', () => {
    const entries = [map({ queue: 'q' }), map({ reason: 'r' }), map({ queue: 'q', reason: '' }), 'text', null, int(1)];
    expect(listed(...entries, map({ queue: 'q', reason: 'expired' }))).toEqual([PLAIN]);
  });

  it('is empty where the header is something else', () => {
    for (const value of ['text', null, int(1), map({})]) {
      expect(deathsIn(fields({ 'x-death': value, 'x-death-count': '4' }))).toEqual({ deaths: [], firstDeath: {} });
    }
  });

  it('has of fields of one name the first', () => {
    const entry: Headers = [
      { name: 'queue', value: 'q' },
      { name: 'queue', value: 'other' },
      { name: 'reason', value: 'expired' },
      { name: 'more', value: '1' },
      { name: 'more', value: '2' },
    ];
    expect(listed(map(entry))).toEqual([{ ...PLAIN, others: [{ name: 'more', value: '1' }] }]);
  });

  it.each<[string, Value, object]>([
    ['count', int(1), { count: 1 }],
    ['count', { type: 'uint8', value: 7 }, { count: 7 }],
    ['count', { type: 'int32', value: 7 }, { count: 7 }],
    ['count', int(1e9), { count: 1e9 }],
    ['time', int(0), { timeS: 0 }],
    ['time', { type: 'int64', value: BigInt(Number.MAX_SAFE_INTEGER) }, { timeS: Number.MAX_SAFE_INTEGER }],
    ['exchange', '', { exchange: '' }],
    ['exchange', 'x'.repeat(1024), { exchange: 'x'.repeat(1024) }],
    ['routing-keys', list(), { routingKeys: [] }],
    ['original-expiration', '999999999999999', { originalExpirationMs: 999_999_999_999_999 }],
  ])('takes for its %s what it can: %o', (name, value, expected) => {
    expect(withField(name, value)).toEqual({ ...PLAIN, ...expected });
  });

  it.each<[string, Value]>([
    ['count', int(0)],
    ['count', int(1e9 + 1)],
    ['count', '3'],
    ['count', null],
    ['count', { type: 'double', value: 3 }],
    ['time', int(-1)],
    ['time', { type: 'int64', value: 2n ** 60n }],
    ['exchange', 'x'.repeat(1025)],
    ['exchange', null],
    ['routing-keys', 'a'],
    ['routing-keys', list('a', int(1))],
    ['original-expiration', '1000000000000000'],
    ['original-expiration', ''],
    ['original-expiration', '-1'],
    ['original-expiration', int(5)],
    ['unknown', 'x'],
  ])('shows on what it does not take: as %s %o', (name, value) => {
    expect(withField(name, value)).toEqual({ ...PLAIN, others: [{ name, value }] });
  });

  it('is cut to the sixteen newest, and to the little that counts, where it is large', () => {
    const record = (at: number, size: number) =>
      map({ queue: `q${at}`, reason: 'expired', count: int(at + 1), exchange: 'e', note: 'x'.repeat(size) });
    const many = Array.from({ length: 20 }, (_, at) => record(at, 4_000));
    const headers = fields({ 'x-death': list(...many), 'x-first-death-queue': 'first' });
    const { deaths, firstDeath } = deathsIn(headers)!;
    expect(firstDeath).toEqual({ queue: 'first' });
    expect(deaths).toEqual(
      Array.from({ length: 16 }, (_, at) => ({ queue: `q${at}`, reason: 'expired', count: at + 1 })),
    );
    const few = listed(...Array.from({ length: 20 }, (_, at) => record(at, 2_000)));
    expect([few.length, few[19]!.exchange, few[19]!.others!.length]).toEqual([20, 'e', 1]);
  });
});

describe('deaths that are told flat', () => {
  const flat = (count: Value, first: Record<string, string> = {}, last: Record<string, string> = {}) =>
    deathsIn([
      ...fields(Object.fromEntries(Object.entries(first).map(([fact, value]) => [`x-first-death-${fact}`, value]))),
      ...fields(Object.fromEntries(Object.entries(last).map(([fact, value]) => [`x-last-death-${fact}`, value]))),
      { name: 'x-death-count', value: count },
    ]);
  const LAST = { queue: 'l', reason: 'expired' };

  it('are the last one, and the first where it was another: the last counts for those between', () => {
    expect(flat('5', { queue: 'f', reason: 'rejected', exchange: 'e' }, { ...LAST, exchange: 'x' })).toEqual({
      deaths: [
        { queue: 'l', reason: 'expired', count: 4, exchange: 'x' },
        { queue: 'f', reason: 'rejected', count: 1, exchange: 'e' },
      ],
      firstDeath: { queue: 'f', reason: 'rejected', exchange: 'e' },
    });
    const other = flat('2', { queue: 'l', reason: 'rejected' }, LAST)!;
    expect(other.deaths.map(({ count }) => count)).toEqual([1, 1]);
    const elsewhere = flat('3', { queue: 'f', reason: 'expired' }, LAST)!;
    expect(elsewhere.deaths.map(({ queue, count }) => [queue, count])).toEqual([
      ['l', 2],
      ['f', 1],
    ]);
  });

  it('are the last one alone where the first is the same, or unknown, or cannot be another', () => {
    expect(flat('5', LAST, LAST)!.deaths).toEqual([{ ...LAST, count: 5 }]);
    expect(flat('5', { queue: 'f' }, LAST)!.deaths).toEqual([{ ...LAST, count: 5 }]);
    expect(flat('5', { reason: 'rejected' }, LAST)!.deaths).toEqual([{ ...LAST, count: 5 }]);
    expect(flat('1', { queue: 'f', reason: 'rejected' }, LAST)!.deaths).toEqual([{ ...LAST, count: 1 }]);
  });

  it('tell how often the last had been acquired, where that is a number', () => {
    const FIRST = { queue: 'f', reason: 'rejected' };
    const acquired = (count: string) => flat('3', FIRST, { ...LAST, 'acquired-count': count })!.deaths;
    expect(acquired('7')).toEqual([
      { ...LAST, count: 2, acquired: 7 },
      { ...FIRST, count: 1 },
    ]);
    for (const count of ['0', '-1', 'x', '1000000000']) expect(acquired(count)[0]).toEqual({ ...LAST, count: 2 });
    expect(flatDeathHeaders(flat('1', LAST, { ...LAST, 'acquired-count': '7' })!, 1)).toContainEqual([
      'x-last-death-acquired-count',
      '7',
    ]);
  });

  it.each(['0', '01', '-1', '1.5', '', '1000000000', 'x', null, int(3)])('are none with the count %o', (count) => {
    expect(flat(count as Value, {}, LAST)).toBeUndefined();
  });

  it('are none where the last is not told', () => {
    expect(flat('999999999', {}, LAST)!.deaths[0]!.count).toBe(999_999_999);
    expect(flat('1', LAST, { queue: 'l' })).toBeUndefined();
    expect(flat('1', LAST, { reason: 'expired' })).toBeUndefined();
    expect(deathsIn(fields({ 'x-last-death-queue': 'l', 'x-last-death-reason': 'expired' }))).toBeUndefined();
    expect(deathsIn([])).toBeUndefined();
  });
});

describe('what the broker shows', () => {
  const annotations: Annotations = {
    deaths: [
      { queue: 'two', reason: 'rejected', count: 2, exchange: 'e' },
      { queue: 'one', reason: 'expired', count: 1 },
    ],
    firstDeath: { queue: 'one', reason: 'expired', exchange: 'f' },
  };

  it('flat comes back as it was told', () => {
    expect(flatDeathHeaders(annotations, 3)).toEqual([
      ['x-first-death-queue', 'one'],
      ['x-first-death-reason', 'expired'],
      ['x-first-death-exchange', 'f'],
      ['x-last-death-queue', 'two'],
      ['x-last-death-reason', 'rejected'],
      ['x-last-death-exchange', 'e'],
      ['x-death-count', '3'],
    ]);
    expect(flatDeathHeaders({ deaths: [], firstDeath: {} }, 1)).toEqual([['x-death-count', '1']]);
    for (const [name] of flatDeathHeaders(annotations, 3)) expect(DEATH_HEADERS.has(name)).toBe(true);
    expect([DEATH_HEADERS.size, DEATH_HEADERS.has('x-death')]).toEqual([9, true]);
  });

  it('of the first death beside a list is what is known', () => {
    expect(firstDeathHeaders(annotations)).toEqual(
      fields({ 'x-first-death-exchange': 'f', 'x-first-death-queue': 'one', 'x-first-death-reason': 'expired' }),
    );
    expect(firstDeathHeaders({ deaths: [], firstDeath: {} })).toEqual([]);
  });

  it('as a table has what a record has, and comes back', () => {
    const death = {
      queue: 'q',
      reason: 'expired',
      count: 2,
      timeS: 12.9,
      exchange: 'e',
      routingKeys: ['k'],
      originalExpirationMs: 50,
      others: fields({ more: 'x' }),
    };
    expect(deathTable(death)).toEqual(
      map({
        count: int(2),
        reason: 'expired',
        queue: 'q',
        time: { type: 'timestamp', value: 12n },
        exchange: 'e',
        'routing-keys': list('k'),
        'original-expiration': '50',
        more: 'x',
      }),
    );
    expect(listed(deathTable(death))).toEqual([{ ...death, timeS: 12 }]);
    expect(deathTable(PLAIN)).toEqual(map({ count: int(1), reason: 'expired', queue: 'q' }));
    expect(listed(deathTable({ ...PLAIN, timeS: -5 }))).toEqual([{ ...PLAIN, timeS: 0 }]);
  });
});

it('how often consumers had had it is a field of the list and a header of the last death, and is read back', () => {
  const death = { ...PLAIN, acquired: 4 };
  expect(listed(deathTable(death))).toEqual([death]);
  expect(withField('acquired-count', int(0))).toEqual({ ...PLAIN, others: fields({ 'acquired-count': int(0) }) });
  const annotations: Annotations = { deaths: [death], firstDeath: {} };
  expect(flatDeathHeaders(annotations, 1)).toContainEqual(['x-last-death-acquired-count', '4']);
  expect(DEATH_HEADERS.has('x-last-death-acquired-count')).toBe(true);
});
