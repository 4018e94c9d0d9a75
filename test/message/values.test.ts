/** Values are compared by type and by bytes, and said as text without losing which they were. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flattened, unflattened } from '../../src/message/flat.ts';
import type { Header, Value } from '../../src/message/properties.ts';
import { headersIdentity, valueIdentity, valuesEqual } from '../../src/message/values.ts';
import { headers } from '../protocols/amqp/codec/arbitraries.ts';

const values = headers.map((table) => table.map(({ value }) => value));

describe('the identity of a value', () => {
  it('is the same for no two that differ, in type or in value', () => {
    fc.assert(
      fc.property(values, values, (left, right) => {
        for (const a of left) {
          for (const b of right) {
            const same = JSON.stringify(pack(a)) === JSON.stringify(pack(b));
            expect(valueIdentity(a) === valueIdentity(b)).toBe(same);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('of headers does not go by their order', () => {
    fc.assert(
      fc.property(headers, (table) => {
        expect(headersIdentity([...table].reverse())).toBe(headersIdentity(table));
        if (table.length > 0) expect(headersIdentity(table.slice(1))).not.toBe(headersIdentity(table));
      }),
    );
  });
});

describe('values', () => {
  it('equal themselves, whatever they are', () => {
    fc.assert(fc.property(values, (list) => list.every((value) => valuesEqual(value, value))));
  });

  const double = (value: number): Value => ({ type: 'double', value });
  const int64 = (value: bigint): Value => ({ type: 'int64', value });
  it.each<[string, Value, Value, boolean]>([
    ['a number and the same of another type', { type: 'int8', value: 5 }, double(5), true],
    ['a number and a time', int64(5n), { type: 'timestamp', value: 5n }, true],
    ['large ones are not rounded', int64(2n ** 53n + 1n), double(2 ** 53), false],
    ['no number equals nothing', double(Number.NaN), double(Number.NaN), false],
    ['a number and its text', int64(5n), '5', false],
    [
      'a decimal and another scale',
      { type: 'decimal', scale: 0, value: 5 },
      { type: 'decimal', scale: 1, value: 50 },
      false,
    ],
    ['text and bytes', 'a\udcff', { type: 'bytes', value: Buffer.of(0x61, 0xff) }, true],
    ['bytes that are no text', 'a\udcff', 'a\udcfe', false],
    ['lists of other types', { type: 'list', value: [int64(5n)] }, { type: 'list', value: [double(5)] }, false],
  ])('%s', (_, a, b, equal) => {
    expect(valuesEqual(a, b)).toBe(equal);
    expect(valuesEqual(b, a)).toBe(equal);
  });
});

describe('headers as text', () => {
  it('say which were lists, maps or no text, whatever their names are', () => {
    const list: Value = {
      type: 'list',
      value: ['x', { type: 'int64', value: 1n }, { type: 'double', value: 0.5 }, null, true],
    };
    const given: Header[] = [
      { name: 'a,b', value: list },
      { name: '100%2C', value: { type: 'map', value: [{ name: '__proto__', value: list }] } },
      { name: 'raw,', value: 'caf\udce9' },
      { name: 'plain', value: '{"not":"marked"}' },
    ];
    const text = flattened(given, true).map(({ name, text: value }) => ({ name, value }));
    expect(text.map(({ name }) => name)).toEqual([
      'a,b',
      '100%2C',
      'raw,',
      'plain',
      'x-json-headers',
      'x-base64-headers',
    ]);
    expect(unflattened(text)).toEqual(given);
  });
});

/** JSON in which all types and values differ that differ. */
function pack(value: Value): unknown {
  if (value === null || typeof value !== 'object') return value;
  const inner =
    value.type === 'list'
      ? value.value.map(pack)
      : value.type === 'map'
        ? value.value.map(({ name, value: v }) => [name, pack(v)])
        : value.type === 'bytes'
          ? value.value.toString('hex')
          : // -0 is 0, as it is for the broker.
            String(value.value);
  return [value.type, value.type === 'decimal' ? value.scale : 0, inner];
}
