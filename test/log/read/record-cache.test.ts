/** Records that were read one by one: what is found of them, and what becomes of the memory that they lay in. */
import { expect, test } from 'vitest';
import { RecordRef } from '../../../src/log/format/record.ts';
import { RecordCache } from '../../../src/log/read/record-cache.ts';

const BYTES = 1000;

function record(seq: number): RecordRef {
  const ref = new RecordRef();
  ref.buffer = Buffer.alloc(BYTES, `${seq} `);
  ref.end = BYTES;
  ref.seq = seq;
  ref.type = 1;
  return ref;
}

/** Where it lies, and that it is whole. */
function found(cache: RecordCache, seq: number): Buffer {
  const ref = new RecordRef();
  expect(cache.find(seq, ref)).toBe(true);
  expect(ref.buffer.subarray(ref.start, ref.end)).toEqual(record(seq).buffer);
  return ref.buffer;
}

test('memory that nothing is left in is used again, from the end of the turn on', () => {
  const cache = new RecordCache(1024 * BYTES);
  const memory = new Set<Buffer>();
  for (let first = 0; first < 5000; first += 500) {
    for (let seq = first; seq < first + 500; seq++) cache.add(record(seq), undefined);
    for (let seq = first; seq < first + 500; seq++) memory.add(found(cache, seq));
    for (let seq = first; seq < first + 500; seq++) cache.drop(seq);
    cache.endOfTurn();
  }
  expect(cache.bytes).toBe(0);
  // 500 records lie in four or five pieces.
  expect(memory.size).toBeLessThanOrEqual(6);
});

test('what was let go of in this turn is not written over in it', () => {
  const cache = new RecordCache(1024 * BYTES);
  const ref = new RecordRef();
  for (let seq = 0; seq < 200; seq++) cache.add(record(seq), undefined);
  cache.find(7, ref);
  for (let seq = 0; seq < 200; seq++) cache.drop(seq);
  for (let seq = 200; seq < 900; seq++) cache.add(record(seq), undefined);
  expect(ref.buffer.subarray(ref.start, ref.end)).toEqual(record(7).buffer);
});

test('what is left in a piece of memory keeps it, whatever went beside it', () => {
  const cache = new RecordCache(10_000 * BYTES);
  const kept: number[] = [];
  for (let seq = 0; seq < 3000; seq++) {
    cache.add(record(seq), undefined);
    if (seq % 97 === 0) kept.push(seq);
    else if (seq % 3 > 0) cache.drop(seq);
    if (seq % 50 === 0) cache.endOfTurn();
  }
  for (let seq = 0; seq < 3000; seq++) if (seq % 97 > 0) cache.drop(seq);
  for (let seq = 5000; seq < 6000; seq++) {
    cache.endOfTurn();
    cache.add(record(seq), undefined);
  }
  for (const seq of kept) found(cache, seq);
});

test('one that is longer than a piece has memory of its own, which is not kept', () => {
  const cache = new RecordCache(1024 * BYTES);
  const long = record(1);
  long.buffer = Buffer.alloc(300_000, 'long');
  long.end = long.buffer.length;
  for (let i = 0; i < 3; i++) {
    cache.add(long, undefined);
    const ref = new RecordRef();
    expect(cache.find(1, ref)).toBe(true);
    expect(ref.buffer.subarray(ref.start, ref.end).equals(long.buffer)).toBe(true);
    cache.drop(1);
    cache.endOfTurn();
    cache.add(record(2), undefined);
    expect(found(cache, 2).length).toBeLessThan(200_000);
  }
});
