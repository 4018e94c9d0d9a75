/** What a directory says of a part is what was put into it; what is not whole, or of another part, is not believed. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Directory, DirectoryBuilder, readDirectory } from '../../../src/log/format/directory.ts';
import { LOG_ID } from '../harness.ts';

const SEGMENT = { number: 7, generation: 2 };

function written(directory: Directory): Buffer {
  const buffer = Buffer.alloc(16 + directory.fileBytes, 0xff);
  directory.write(buffer, 8, LOG_ID, SEGMENT.number, SEGMENT.generation);
  return buffer;
}

/** As far as two numbers of one directory may lie apart: all ones is no distance. */
const APART_MAX = 2 ** 32 - 2;

/** Batches of numbers that never come twice, in any order, with any gaps that a directory can hold. */
const batches = fc
  .uniqueArray(fc.integer({ min: 1, max: 1 + APART_MAX }), { minLength: 1, maxLength: 200 })
  .chain((seqs) =>
    fc
      .array(fc.integer({ min: 0, max: 20 }), { minLength: seqs.length, maxLength: seqs.length })
      .map((of) => ({ seqs, of })),
  );

test('each number is found in its batch, and no other number is, before and after it was written', () => {
  fc.assert(
    fc.property(batches, ({ seqs, of }) => {
      const base = 2 ** 40;
      const builder = new DirectoryBuilder(1);
      const batchOf = new Map<number, number>();
      const used = [...new Set(of)];
      for (const [ordinal, batch] of used.entries()) {
        for (const [i, seq] of seqs.entries()) {
          if (of[i] !== batch) continue;
          builder.record(base + seq);
          batchOf.set(base + seq, ordinal);
        }
        builder.batch(64 + 8 * ordinal);
      }
      const made = builder.build()!;
      const buffer = written(made);
      const read = readDirectory(buffer, 8, buffer.length - 8, LOG_ID, SEGMENT, made.endOf(used.length - 1))!;
      for (const directory of [made, read]) {
        expect(directory.batches).toBe(used.length);
        for (const [seq, batch] of batchOf) {
          expect(directory.find(seq)).toBe(batch);
          for (const other of [seq - 1, seq + 1]) expect(directory.find(other)).toBe(batchOf.get(other) ?? -1);
        }
        for (let i = 0; i < used.length; i++) expect(directory.endOf(i) - directory.startOf(i)).toBe(64 + 8 * i);
      }
    }),
  );
});

test('a directory of which any bit has changed, or that belongs elsewhere, is not believed', () => {
  const builder = new DirectoryBuilder(3);
  for (const seq of [3, 9, 4]) builder.record(seq);
  builder.batch(128);
  builder.record(5);
  builder.batch(64);
  const buffer = written(builder.build()!);
  const end = buffer.length - 8;
  expect(readDirectory(buffer, 8, end, LOG_ID, SEGMENT, 192)?.find(9)).toBe(0);
  expect(readDirectory(buffer, 8, end, LOG_ID, { number: 8, generation: 2 }, 192)).toBeUndefined();
  expect(readDirectory(buffer, 8, end, LOG_ID, { number: 7, generation: 3 }, 192)).toBeUndefined();
  expect(readDirectory(buffer, 8, end, LOG_ID, SEGMENT, 200)).toBeUndefined();
  expect(readDirectory(buffer, 8, end, Buffer.alloc(8), SEGMENT, 192)).toBeUndefined();
  for (let cut = 8; cut < end; cut += 5) expect(readDirectory(buffer, 8, cut, LOG_ID, SEGMENT, 192)).toBeUndefined();
  for (let bit = 0; bit < (end - 8) * 8; bit++) {
    buffer[8 + (bit >> 3)]! ^= 1 << (bit & 7);
    expect(readDirectory(buffer, 8, end, LOG_ID, SEGMENT, 192)).toBeUndefined();
    buffer[8 + (bit >> 3)]! ^= 1 << (bit & 7);
  }
});

test('a number that comes twice makes no directory', () => {
  const builder = new DirectoryBuilder(2);
  builder.record(3);
  builder.batch(64);
  builder.record(3);
  builder.batch(64);
  expect(builder.build()).toBeUndefined();
});

test('numbers as far apart as may be are found; farther apart, they make no directory', () => {
  for (const [apart, found] of [
    [APART_MAX, true],
    [APART_MAX + 1, false],
  ] as const) {
    const builder = new DirectoryBuilder(2);
    builder.record(1);
    builder.record(1 + apart);
    builder.batch(64);
    expect(builder.build()?.find(1 + apart)).toBe(found ? 0 : undefined);
  }
});
