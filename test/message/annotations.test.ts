/** Annotations: what is remembered of them is what the bytes say, whoever asks, and nobody changes it for the others. */
import { expect, it } from 'vitest';
import { decodeAnnotations, encodeAnnotations, withDeath } from '../../src/message/deaths/annotations.ts';

const death = (queue: string, timeS: number) => ({
  queue,
  reason: 'rejected',
  timeS,
  exchange: '',
  routingKeys: [queue],
});
/** Somewhere in a buffer, as a store has them. */
const stored = (bytes: Buffer, before = 3): [Buffer, number, number] => [
  Buffer.concat([Buffer.alloc(before, 0x20), bytes, Buffer.alloc(5, 0x7d)]),
  before,
  before + bytes.length,
];

it('what was written is read, wherever it lies, and the same bytes are the same record', () => {
  for (let i = 0; i < 1_000; i++) {
    const annotations = withDeath(undefined, death(`q${i % 400}`, i % 7));
    const bytes = Buffer.from(encodeAnnotations(annotations));
    const first = decodeAnnotations(...stored(bytes));
    expect(first).toEqual(annotations);
    const again = decodeAnnotations(...stored(bytes, 40));
    expect(again).toBe(first);
    expect(encodeAnnotations(first!)).toEqual(bytes);
  }
});

it('a record does not change with the buffer it was read from, nor with the next death', () => {
  const before = withDeath(undefined, death('q', 1));
  const [buffer, start, end] = stored(encodeAnnotations(before));
  const read = decodeAnnotations(buffer, start, end)!;
  buffer.fill(0);
  const next = withDeath(read, death('q', 2));
  expect(next.deaths).toMatchObject([{ queue: 'q', count: 2, timeS: 1 }]);
  expect(read.deaths).toMatchObject([{ queue: 'q', count: 1 }]);
  expect(encodeAnnotations(read)).toEqual(encodeAnnotations(before));
  expect(encodeAnnotations(next)).not.toEqual(encodeAnnotations(before));
});

it('long ones are read, too; an empty range is none, and damage is an error each time', () => {
  const long = withDeath(undefined, { ...death('q', 1), routingKeys: ['k'.repeat(5_000)] });
  expect(decodeAnnotations(...stored(encodeAnnotations(long)))).toEqual(long);
  expect(decodeAnnotations(Buffer.alloc(4), 2, 2)).toBeUndefined();
  for (let i = 0; i < 2; i++)
    expect(() => decodeAnnotations(...stored(Buffer.from('{"deaths":[')))).toThrow(SyntaxError);
});

it('the same death of the same record is the same record, and another one is another', () => {
  const before = withDeath(undefined, death('q', 1));
  const first = withDeath(before, death('r', 2), true);
  expect(withDeath(before, death('r', 2), true)).toBe(first);
  const others = [
    withDeath(before, death('r', 2)),
    withDeath(undefined, death('r', 2), true),
    withDeath(before, death('s', 2), true),
    withDeath(before, death('r', 3), true),
    withDeath(before, { ...death('r', 2), reason: 'expired' }, true),
    withDeath(before, { ...death('r', 2), exchange: 'x' }, true),
    withDeath(before, { ...death('r', 2), routingKeys: ['q', 'r'] }, true),
    withDeath(before, { ...death('r', 2), routingKeys: ['s'] }, true),
    withDeath(before, { ...death('r', 2), acquired: 1 }, true),
    withDeath(before, { ...death('r', 2), originalExpirationMs: 5 }, true),
  ];
  for (const other of others) expect(other).not.toEqual(first);
});
