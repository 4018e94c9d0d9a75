/** The type system: what is written is read back, by others too, and damage is told as what it is. [AMQP 1.0 part 1] */
import fc from 'fast-check';
// Its codec stands behind no typings of its own.
import rheaTypes from 'rhea/lib/types.js';
import { describe, expect, test } from 'vitest';
import { DecodeFault } from '../../../../protocols/amqp10/codec/faults.ts';
import * as codes from '../../../../protocols/amqp10/codec/format-codes.ts';
import { VALUE_DEPTH_MAX, VALUES_MAX, ValueReader } from '../../../../protocols/amqp10/codec/value-reader.ts';
import { writeValue } from '../../../../protocols/amqp10/codec/value-writer.ts';
import { type AmqpValue, symbolArray, symbolMap, uint } from '../../../../protocols/amqp10/codec/values.ts';
import { ByteSink } from '../../../../src/message/byte-sink.ts';
import { anyValue, commonValue } from './arbitraries.ts';

function bytesOfValue(value: AmqpValue): Buffer {
  const sink = new ByteSink();
  writeValue(sink, value);
  return Buffer.from(sink.buffer.subarray(0, sink.length));
}

function readBack(bytes: Buffer): AmqpValue {
  const reader = new ValueReader().begin(bytes, 0, bytes.length);
  const value = reader.value();
  expect(reader.done).toBe(true);
  return value;
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('values [§1.6]', () => {
  test('what is written is read back, and passing over it ends at the same place', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = bytesOfValue(value);
        expect(readBack(bytes)).toEqual(value);
        const reader = new ValueReader().begin(bytes, 0, bytes.length);
        reader.skip();
        expect(reader.at).toBe(bytes.length);
      }),
    );
  });

  test('a value that is cut short is a fault, read or passed over, wherever it is cut', () => {
    fc.assert(
      fc.property(anyValue, fc.double({ min: 0, max: 0.999, noNaN: true }), (value, where) => {
        const bytes = bytesOfValue(value);
        const part = bytes.subarray(0, Math.floor(bytes.length * where));
        expect(() => new ValueReader().begin(part, 0, part.length).value()).toThrow(DecodeFault);
        expect(() => new ValueReader().begin(part, 0, part.length).skip()).toThrow(DecodeFault);
      }),
    );
  });

  test('whatever bytes come, they are read, or refused as what they are; and passed over likewise', () => {
    const start = fc.constantFrom(...Array.from({ length: 256 }, (_, i) => i));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 60 }), (code, rest) => {
        const bytes = Buffer.from([code, ...rest]);
        const read = attempt(() => new ValueReader().begin(bytes, 0, bytes.length).value());
        const passed = attempt(() => new ValueReader().begin(bytes, 0, bytes.length).skip());
        // Texts alone are looked at more closely where they are read.
        if (read !== passed) expect(read).toBe('a string is not UTF-8');
      }),
      { numRuns: 2000 },
    );
  });

  test('the shortest form of each', () => {
    const forms: readonly (readonly [AmqpValue, string])[] = [
      [null, '40'],
      [true, '41'],
      [false, '42'],
      [uint(0), '43'],
      [uint(255), '52ff'],
      [uint(256), '7000000100'],
      [{ type: 'ulong', value: 0n }, '44'],
      [{ type: 'ulong', value: 16n }, '5310'],
      [{ type: 'int', value: -1 }, '54ff'],
      [{ type: 'int', value: 128 }, '7100000080'],
      [{ type: 'long', value: -128n }, '5580'],
      [{ type: 'short', value: -2 }, '61fffe'],
      [{ type: 'list', value: [] }, '45'],
      [{ type: 'list', value: [true] }, 'c0020141'],
      [{ type: 'char', value: 0x1f600 }, '730001f600'],
      [{ type: 'timestamp', value: -1n }, '83ffffffffffffffff'],
      ['é', 'a102c3a9'],
      [symbolMap([['a', true]]), 'c10502a3016141'],
      [symbolArray(['a']), 'e00701b30000000161'],
      [
        { type: 'described', descriptor: { type: 'ulong', value: 0x24n }, value: { type: 'list', value: [] } },
        '00532445',
      ],
    ];
    for (const [value, form] of forms) expect(bytesOfValue(value).toString('hex')).toBe(form.replaceAll(' ', ''));
  });

  test('the long form of a short value is read as the short one', () => {
    const forms: readonly (readonly [string, AmqpValue])[] = [
      ['5601', true],
      ['5600', false],
      ['7000000000', uint(0)],
      ['8000000000000000ff', { type: 'ulong', value: 255n }],
      ['71ffffffff', { type: 'int', value: -1 }],
      ['b10000000161', 'a'],
      ['d0 00000005 00000001 41', { type: 'list', value: [true] }],
      ['c00100', { type: 'list', value: [] }],
    ];
    for (const [bytes, value] of forms) expect(readBack(hex(bytes))).toEqual(value);
  });

  test('an array of described values has its descriptors once', () => {
    const points: AmqpValue = {
      type: 'array',
      code: codes.UBYTE,
      descriptors: ['point', { type: 'symbol', value: 'inner' }],
      value: [
        { type: 'ubyte', value: 1 },
        { type: 'ubyte', value: 2 },
      ],
    };
    expect(readBack(bytesOfValue(points))).toEqual(points);
  });
});

describe('what another codec makes of them', () => {
  test('its bytes of a value of ours are that value again', () => {
    fc.assert(
      fc.property(commonValue, (value) => {
        const read = new rheaTypes.Reader(bytesOfValue(value)).read();
        const writer = new rheaTypes.Writer();
        writer.write(read);
        expect(readBack(writer.toBuffer())).toEqual(value);
      }),
    );
  });
});

describe('bounds', () => {
  test(`values nested ${VALUE_DEPTH_MAX} deep are read, one more is refused`, () => {
    const nested = (depth: number): AmqpValue => {
      let value: AmqpValue = true;
      for (let i = 0; i < depth; i++) value = { type: 'list', value: [value] };
      return value;
    };
    readBack(bytesOfValue(nested(VALUE_DEPTH_MAX)));
    const deep = bytesOfValue(nested(VALUE_DEPTH_MAX + 1));
    expect(() => readBack(deep)).toThrow(`values nested deeper than ${VALUE_DEPTH_MAX}`);
    expect(() => new ValueReader().begin(deep, 0, deep.length).skip()).toThrow(DecodeFault);
  });

  test('descriptors of descriptors, and of arrays, count as depth', () => {
    const chain = Buffer.alloc(100_000, codes.DESCRIBED);
    expect(() => new ValueReader().begin(chain, 0, chain.length).value()).toThrow(/nested deeper/);
    expect(() => new ValueReader().begin(chain, 0, chain.length).skip()).toThrow(/nested deeper/);
    const array = Buffer.concat([hex('f0 00010004 00000001'), Buffer.alloc(0x10000, codes.DESCRIBED)]);
    expect(() => new ValueReader().begin(array, 0, array.length).value()).toThrow(DecodeFault);
  });

  test('an array that says that it holds four thousand million nulls costs no more than it may', () => {
    const bytes = hex('f0 00000005 ffffffff 40');
    expect(() => readBack(bytes)).toThrow(`more than ${VALUES_MAX} values`);
    expect(() => new ValueReader().begin(bytes, 0, bytes.length).skip()).toThrow(`more than ${VALUES_MAX} values`);
  });

  test('a size, count or code that cannot be is told', () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['c0ff01', /leaves what it lies in/],
      ['c0020241', /leaves what it lies in|ends/],
      ['c003014141', /shorter than it says/],
      ['c1020141', /key without a value/],
      ['a1ff61', /leaves what it lies in/],
      ['57', /no format code 0x57/],
      ['5602', /boolean/],
      ['730000d800', /Unicode/],
      ['a101ff', /UTF-8/],
      ['e0 03 01 01 40', /no format code 0x01/],
    ];
    for (const [bytes, reason] of wrong) expect(() => readBack(hex(bytes)), bytes).toThrow(reason);
  });
});

function attempt(act: () => unknown): string {
  try {
    act();
    return 'fine';
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeFault);
    const { message } = error as DecodeFault;
    return message === 'a string is not UTF-8' ? message : 'fault';
  }
}
