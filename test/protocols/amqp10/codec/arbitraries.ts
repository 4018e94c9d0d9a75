/** Values of the type system, of every type, nested. */
import fc from 'fast-check';
import * as codes from '../../../../protocols/amqp10/codec/format-codes.ts';
import type { AmqpEntry, AmqpValue } from '../../../../protocols/amqp10/codec/values.ts';

type Tagged = Exclude<AmqpValue, null | boolean | string>;

const tagged = <T>(type: string, value: fc.Arbitrary<T>): fc.Arbitrary<AmqpValue> =>
  value.map((v) => ({ type, value: v }) as unknown as Tagged);

const bytes = (min: number, max = min): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((array) => Buffer.from(array));

const whole = (min: number, max: number) =>
  fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max, 0, Math.min(max, 255)));

const code = fc.oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }));

export const symbols = fc.string({ unit: 'binary-ascii', maxLength: 300 });

export const scalar: fc.Arbitrary<AmqpValue> = fc.oneof(
  fc.constantFrom<AmqpValue[]>(null, true, false, ''),
  fc.string({ unit: 'grapheme', maxLength: 100 }),
  tagged('symbol', symbols),
  tagged('ubyte', whole(0, 0xff)),
  tagged('ushort', whole(0, 0xffff)),
  tagged('uint', whole(0, 0xffff_ffff)),
  tagged('ulong', fc.oneof(fc.bigInt(0n, 0xffff_ffff_ffff_ffffn), fc.constantFrom(0n, 255n, 256n))),
  tagged('byte', whole(-0x80, 0x7f)),
  tagged('short', whole(-0x8000, 0x7fff)),
  tagged('int', fc.oneof(whole(-0x8000_0000, 0x7fff_ffff), fc.constantFrom(-128, 127, 128, -129))),
  tagged('long', fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.constantFrom(-128n, 127n, 128n, -129n))),
  tagged('float', fc.float()),
  tagged('double', fc.double()),
  tagged('char', code),
  tagged('timestamp', fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
  tagged('decimal32', bytes(4)),
  tagged('decimal64', bytes(8)),
  tagged('decimal128', bytes(16)),
  tagged('uuid', bytes(16)),
  tagged('binary', fc.oneof(bytes(0, 40), bytes(250, 260))),
);

/** Arrays of several types, their values behind as many descriptors at most. @param compound of lists and of arrays too */
function arraysOf(descriptorsMax: number, compound: boolean): fc.Arbitrary<AmqpValue> {
  const of = (element: number, values: fc.Arbitrary<AmqpValue>): fc.Arbitrary<AmqpValue> =>
    fc
      .record({
        descriptors: fc.array(scalar, { maxLength: descriptorsMax }),
        value: fc.array(values, { maxLength: 6 }),
      })
      .map(({ descriptors, value }) => ({ type: 'array', code: element, descriptors, value }) as const);
  return fc.oneof(
    of(codes.UBYTE, tagged('ubyte', whole(0, 0xff))),
    of(codes.INT, tagged('int', whole(-0x8000_0000, 0x7fff_ffff))),
    of(codes.DOUBLE, tagged('double', fc.double())),
    of(codes.SYMBOL32, tagged('symbol', symbols)),
    of(codes.STRING8, fc.string({ unit: 'grapheme', maxLength: 4 })),
    of(codes.NULL, fc.constant(null)),
    of(codes.BOOLEAN, fc.boolean()),
    ...(compound
      ? [
          of(codes.LIST32, tagged('list', fc.array(scalar, { maxLength: 3 }))),
          of(codes.ARRAY32, of(codes.UINT, tagged('uint', whole(0, 0xffff_ffff)))),
        ]
      : []),
  );
}

interface Shapes {
  readonly scalar: fc.Arbitrary<AmqpValue>;
  readonly array: fc.Arbitrary<AmqpValue>;
  /** What may be described; undefined: anything. */
  readonly inner?: fc.Arbitrary<AmqpValue>;
}

function valuesOf(shapes: Shapes): fc.Arbitrary<AmqpValue> {
  const { value } = fc.letrec<{ value: AmqpValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      shapes.scalar,
      shapes.array,
      fc.array(tie('value'), { maxLength: 5 }).map((items): AmqpValue => ({ type: 'list', value: items })),
      fc
        .array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 })
        .map((entries): AmqpValue => ({ type: 'map', value: entries as AmqpEntry[] })),
      fc
        .tuple(shapes.scalar, shapes.inner ?? tie('value'))
        .map(([descriptor, inner]): AmqpValue => ({ type: 'described', descriptor, value: inner })),
    ),
  }));
  return value;
}

export const anyValue = valuesOf({ scalar, array: arraysOf(2, true) });

/** 8.64e15 ms are as far as a `Date` goes. */
const DATE_MAX_MS = 8_640_000_000_000_000n;
const dates = scalar.filter(
  (value) =>
    typeof value !== 'object' ||
    value?.type !== 'timestamp' ||
    (value.value <= DATE_MAX_MS && value.value >= -DATE_MAX_MS),
);

/** Those that codecs in JavaScript can hold: timestamps within a `Date`, one descriptor a value, arrays of plain values. */
export const commonValue = valuesOf({ scalar: dates, array: arraysOf(0, false), inner: dates });
