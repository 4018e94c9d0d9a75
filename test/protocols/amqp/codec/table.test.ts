/** Field tables: every type both ways, every bound. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FieldReader } from '../../../../protocols/amqp/codec/field-reader.ts';
import { withoutRepeats } from '../../../../protocols/amqp/codec/property-edit.ts';
import {
  checkTable,
  HAS_REPEATS,
  readTable,
  TABLE_DEPTH_MAX,
  TABLE_FIELDS_MAX,
} from '../../../../protocols/amqp/codec/table.ts';
import { writeTable } from '../../../../protocols/amqp/codec/table-writer.ts';
import { ByteSink } from '../../../../src/message/byte-sink.ts';
import type { Headers, Value } from '../../../../src/message/properties.ts';
import { headers } from './arbitraries.ts';

function encode(table: Headers): Buffer {
  const sink = new ByteSink();
  expect(writeTable(sink, table)).toBe(0);
  return Buffer.from(sink.buffer.subarray(0, sink.length));
}

function decode(bytes: Buffer): Headers {
  return new FieldReader().begin(bytes, 0, bytes.length).table();
}

function one(value: Value): string {
  return encode([{ name: 'a', value }])
    .subarray(4)
    .toString('hex');
}

describe('field tables', () => {
  test('every table comes back as it went', () => {
    fc.assert(
      fc.property(headers, (table) => {
        const bytes = encode(table);
        expect(decode(bytes)).toEqual(table);
        checkTable(bytes, 4, bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  test('the letters are those RabbitMQ and its clients use', () => {
    expect(one(true)).toBe('01617401');
    expect(one({ type: 'int8', value: -1 })).toBe('016162ff');
    expect(one({ type: 'uint8', value: 255 })).toBe('016142ff');
    expect(one({ type: 'int16', value: -2 })).toBe('016173fffe');
    expect(one({ type: 'uint16', value: 65534 })).toBe('016175fffe');
    expect(one({ type: 'int32', value: -2 })).toBe('016149fffffffe');
    expect(one({ type: 'uint32', value: 0xfffffffe })).toBe('016169fffffffe');
    expect(one({ type: 'int64', value: -2n })).toBe('01616cfffffffffffffffe');
    expect(one({ type: 'float', value: 1.5 })).toBe('0161663fc00000');
    expect(one({ type: 'double', value: 1.5 })).toBe('0161643ff8000000000000');
    expect(one({ type: 'decimal', scale: 2, value: 314 })).toBe('016144020000013a');
    expect(one({ type: 'timestamp', value: 1n })).toBe('0161540000000000000001');
    expect(one('hé')).toBe('0161530000000368c3a9');
    expect(one({ type: 'bytes', value: Buffer.from([0xff]) })).toBe('01617800000001ff');
    expect(one(null)).toBe('016156');
    expect(one({ type: 'list', value: [true, null] })).toBe('0161410000000374' + '0156');
    expect(one({ type: 'map', value: [{ name: 'b', value: null }] })).toBe('01614600000003016256');
  });

  test('an unsigned 64-bit integer that has no letter goes as text, and is counted', () => {
    const sink = new ByteSink();
    const large = { type: 'uint64', value: 2n ** 64n - 1n } as const;
    expect(writeTable(sink, [{ name: 'a', value: large }])).toBe(1);
    expect(writeTable(new ByteSink(), [{ name: 'a', value: { type: 'list', value: [large, true, large] } }])).toBe(2);
    expect(decode(Buffer.from(sink.buffer.subarray(0, sink.length)))).toEqual([
      { name: 'a', value: '18446744073709551615' },
    ]);
  });

  test('a long string that is not UTF-8 keeps its bytes', () => {
    const bytes = Buffer.from([0, 0, 0, 8, 1, 0x61, 0x53, 0, 0, 0, 1, 0xff]);
    expect(decode(bytes)).toEqual([{ name: 'a', value: '\udcff' }]);
    expect(encode(decode(bytes))).toEqual(bytes);
  });

  test('so does a name, and two that differ are two', () => {
    const bytes = Buffer.from([0, 0, 0, 6, 1, 0xff, 0x56, 1, 0xfe, 0x56]);
    expect(encode(decode(bytes))).toEqual(bytes);
    expect(decode(bytes).length).toBe(2);
    expect(checkTable(bytes, 4, bytes.length)).toBe(0);
  });

  test('of fields of one name the first counts, in tables within tables as well', () => {
    const field = (name: string, value: string): Buffer =>
      Buffer.concat([Buffer.of(name.length), Buffer.from(name), Buffer.from(value, 'hex')]);
    const table = (...fields: Buffer[]): Buffer => {
      const content = Buffer.concat(fields);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(content.length);
      return Buffer.concat([length, content]);
    };
    const t = (content: Buffer, letter: string): string =>
      Buffer.from(letter).toString('hex') + content.toString('hex');
    const inner = table(field('k', '7401'), field('j', '56'), field('k', '7400'));
    const whole = table(
      field('k', t(inner, 'F')),
      field('l', t(table(Buffer.from(t(inner, 'F'), 'hex')), 'A')),
      field('k', '56'),
    );
    const innerOnce = table(field('k', '7401'), field('j', '56'));
    const once = table(field('k', t(innerOnce, 'F')), field('l', t(table(Buffer.from(t(innerOnce, 'F'), 'hex')), 'A')));
    expect(checkTable(whole, 4, whole.length)).toBe(HAS_REPEATS);
    expect(checkTable(inner, 4, inner.length)).toBe(HAS_REPEATS);
    expect(checkTable(once, 4, once.length)).toBe(0);
    expect(withoutRepeats(whole, 4, whole.length)).toEqual(once.subarray(4));
    expect(withoutRepeats(once, 4, once.length)).toEqual(once.subarray(4));
    expect(decode(whole)).toEqual(decode(once));
    const sink = new ByteSink();
    expect(writeTable(sink, [...decode(once), { name: 'k', value: null }])).toBe(1);
    expect(Buffer.from(sink.buffer.subarray(0, sink.length))).toEqual(once);
  });

  test('a name that comes twice among many is found, and none that does not', () => {
    for (const n of [2, 15, 16, 17, 18, 200]) {
      const names = Array.from({ length: n }, (_, i) => ({ name: `name-${i}`, value: null }));
      const bytes = encode(names);
      expect(checkTable(bytes, 4, bytes.length), `${n} names`).toBe(0);
      // The last name becomes the second one.
      const last = bytes.lastIndexOf(Buffer.from(`name-${n - 1}`));
      const twice = Buffer.concat([
        bytes.subarray(0, last - 1),
        Buffer.from([6]),
        Buffer.from('name-0'),
        Buffer.from('V'),
      ]);
      twice.writeUInt32BE(twice.length - 4, 0);
      expect(checkTable(twice, 4, twice.length), `${n} names`).toBe(HAS_REPEATS);
    }
  });

  test('a name that is too long for its length byte is left out, and counted', () => {
    const sink = new ByteSink();
    expect(
      writeTable(sink, [
        { name: 'é'.repeat(128), value: null },
        { name: 'a', value: null },
      ]),
    ).toBe(1);
    expect(decode(Buffer.from(sink.buffer.subarray(0, sink.length)))).toEqual([{ name: 'a', value: null }]);
  });

  test('names such as __proto__ are ordinary', () => {
    const table: Headers = [
      { name: '__proto__', value: 'x' },
      { name: 'hasOwnProperty', value: true },
    ];
    expect(decode(encode(table))).toEqual(table);
  });

  test('nesting has a bound, for tables and arrays, reading and checking', () => {
    const nest = (depth: number, list: boolean): Headers => {
      let value: Value = true;
      for (let i = 1; i < depth; i++) {
        value = list ? { type: 'list', value: [value] } : { type: 'map', value: [{ name: 'n', value }] };
      }
      return [{ name: 'n', value }];
    };
    for (const list of [false, true]) {
      const deep = encode(nest(TABLE_DEPTH_MAX, list));
      expect(decode(deep)).toEqual(nest(TABLE_DEPTH_MAX, list));
      const tooDeep = encode(nest(TABLE_DEPTH_MAX + 1, list));
      expect(() => decode(tooDeep)).toThrow(/deeper/);
      expect(() => checkTable(tooDeep, 4, tooDeep.length)).toThrow(/deeper/);
    }
  });

  test('the number of values has a bound, nested ones counted', () => {
    const list = (n: number): Headers => [
      { name: 'l', value: { type: 'list', value: new Array<Value>(n).fill(null) } },
    ];
    expect(() => decode(encode(list(TABLE_FIELDS_MAX - 1)))).not.toThrow();
    expect(() => decode(encode(list(TABLE_FIELDS_MAX)))).toThrow(/values/);
  });

  test('damaged tables are refused alike by reading and by checking, and never run away', () => {
    fc.assert(
      fc.property(
        headers,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
        (table, changes) => {
          const bytes = encode(table).subarray(4);
          for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
          const outcome = (act: () => unknown): string => {
            try {
              act();
              return 'fine';
            } catch (error) {
              return (error as Error).name;
            }
          };
          const read = outcome(() => readTable(bytes, 0, bytes.length));
          expect(['fine', 'SyntaxFault']).toContain(read);
          expect(outcome(() => checkTable(bytes, 0, bytes.length))).toBe(read);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
