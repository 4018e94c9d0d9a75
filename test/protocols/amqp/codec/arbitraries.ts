/** Random field tables and properties, for property tests. */
import fc from 'fast-check';
import type { Headers, Value } from '../../../../src/message/properties.ts';
import { textOf } from '../../../../src/message/text.ts';

const name = fc.oneof(
  { weight: 9, arbitrary: fc.string({ unit: 'grapheme-composite', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom('CC', 'BCC', 'ACC', 'cc', 'CCC', 'JMSXGroupID', 'JMSXGroupIE') },
);
const text = fc.oneof(
  { weight: 9, arbitrary: fc.string({ unit: 'grapheme-composite', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((a) => textOf(Buffer.from(a))) },
);
const bytes = fc.uint8Array({ maxLength: 40 }).map((a) => Buffer.from(a));

const scalar: fc.Arbitrary<Value> = fc.oneof(
  text,
  fc.boolean(),
  fc.constant(null),
  fc.integer({ min: -128, max: 127 }).map((value) => ({ type: 'int8' as const, value })),
  fc.integer({ min: 0, max: 255 }).map((value) => ({ type: 'uint8' as const, value })),
  fc.integer({ min: -32768, max: 32767 }).map((value) => ({ type: 'int16' as const, value })),
  fc.integer({ min: 0, max: 65535 }).map((value) => ({ type: 'uint16' as const, value })),
  fc.integer().map((value) => ({ type: 'int32' as const, value })),
  fc.integer({ min: 0, max: 0xffff_ffff }).map((value) => ({ type: 'uint32' as const, value })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ type: 'int64' as const, value })),
  fc.float({ noNaN: true }).map((value) => ({ type: 'float' as const, value })),
  fc.double({ noNaN: true }).map((value) => ({ type: 'double' as const, value })),
  fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 0xffff_ffff }))
    .map(([scale, value]) => ({ type: 'decimal' as const, scale, value })),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({ type: 'timestamp' as const, value })),
  bytes.map((value) => ({ type: 'bytes' as const, value })),
);

const nested = fc.letrec<{ value: Value; headers: Headers }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 6 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }).map((value): Value => ({ type: 'list', value })),
    tie('headers').map((value): Value => ({ type: 'map', value })),
  ),
  headers: fc.uniqueArray(fc.record({ name, value: tie('value') }), { maxLength: 4, selector: (one) => one.name }),
}));

export const headers: fc.Arbitrary<Headers> = nested.headers;
export { bytes, text };
