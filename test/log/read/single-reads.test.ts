/** Records that lie far apart are read back alone; those that lie together with their block; nothing unverified is believed. */
import { expect, test } from 'vitest';
import { align8, BatchHeader, readBatch, sealBatch } from '../../../src/log/format/batch.ts';
import type { ReadOrder } from '../../../src/log/store.ts';
import { LOG_ID, NOTE, pathOf, TestLog, until } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

const BLOCK = 64 * 1024;
const SIZES = { blockBytes: BLOCK, segmentBytes: 4 * BLOCK, residentBytesMax: 2 * BLOCK };

interface Read {
  readonly path: string;
  readonly position: number;
  readonly bytes: number;
}

/** Tells of every read. */
class WatchedFiles extends MemoryFiles {
  readonly reads: Read[] = [];

  override async open(path: string, how: 'read' | 'update' | 'create') {
    const file = await super.open(path, how);
    const { read } = file;
    file.read = (into, offset, bytes, position, done) => {
      this.reads.push({ path: file.path, position, bytes });
      read.call(file, into, offset, bytes, position, done);
    };
    return file;
  }
}

const text = (seq: number, length: number): string => `${seq} `.padEnd(length, String.fromCharCode(97 + (seq % 26)));

/** A log of records of such lengths, none of which is in memory any more. */
async function coldLog(files: MemoryFiles, lengths: readonly number[], sizes = SIZES): Promise<TestLog> {
  const it = await TestLog.open(files, sizes);
  it.log.referencesCounted();
  for (const [i, length] of lengths.entries()) {
    it.message(text(it.sequence.next, length));
    if (i % 50 === 49) await it.safe();
  }
  // What is appended last stays in memory: enough that nothing of the rest does.
  for (let bytes = 0; bytes < 4 * BLOCK; bytes += 4000) it.message(text(it.sequence.next, 4000));
  await it.safe();
  // Not looked at meanwhile, or it would stay.
  await until(() => it.log.residentBytes <= 2 * BLOCK);
  return it;
}

/** Every `step`-th record up to `last`. */
const every = (step: number, last: number): ReadOrder => ({
  readAfter(after, max, visit) {
    let seq = after < 1 ? 1 : 1 + Math.ceil((after - 1) / step) * step;
    if (seq === after) seq += step;
    for (let i = 0; i < max && seq <= last; i++, seq += step) visit(seq);
  },
});

const load = (it: TestLog, seq: number, order?: ReadOrder): Promise<void> =>
  new Promise((resolve, reject) => {
    it.log.load(seq, (error) => (error === undefined ? resolve() : reject(error)), order);
  });

test('one record is read with a part of its block, wherever it lies and however long the others are', async () => {
  let seed = 1;
  const next = (below: number): number => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  const kinds = [
    () => 300,
    () => 20 + next(600),
    () => (next(10) === 0 ? 9000 : 100),
    (i: number) => (i < 400 ? 40 : 700),
  ];
  for (const length of kinds) {
    const files = new WatchedFiles();
    const lengths = Array.from({ length: 800 }, (_, i) => length(i));
    const it = await coldLog(files, lengths);
    let parts = 0;
    for (let seq = 1; seq <= lengths.length; seq += 61) {
      files.reads.length = 0;
      if (it.peek(seq) !== undefined) continue;
      await load(it, seq);
      expect(it.peek(seq), `record ${seq}`).toBe(text(seq, Math.max(lengths[seq - 1]!, `${seq} `.length)));
      if (files.reads.every(({ bytes }) => bytes <= BLOCK / 4)) parts++;
    }
    expect(parts).toBeGreaterThanOrEqual(8);
    expect(it.kinds()).not.toContain('rot');
    await it.close();
  }
});

test('what a reader asks for next is read as well, in the order of its places, a few reads at a time', async () => {
  const files = new WatchedFiles();
  const it = await coldLog(
    files,
    Array.from({ length: 1200 }, () => 300),
  );
  files.reads.length = 0;
  files.hold = 'read';
  const loaded = load(it, 1, every(40, 1200));
  it.turn.end();
  expect(files.waiting).toBe(8);
  files.release();
  await loaded;
  await until(() => files.pending === 0);
  for (let seq = 1; seq <= 1200; seq += 40) expect(it.peek(seq), `record ${seq}`).toBe(text(seq, 300));
  const places = files.reads.map(({ path, position }) => `${path} ${String(position).padStart(9, '0')}`);
  expect(places).toEqual([...places].sort());
  // None was read twice, and not by blocks.
  expect(files.reads.length).toBeLessThanOrEqual(30);
  expect(files.reads.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(30 * 3 * 512 + 30 * 512);
  await it.close();
});

test('a reader that goes on finds what comes next on its way', async () => {
  const files = new WatchedFiles();
  const it = await coldLog(
    files,
    Array.from({ length: 4000 }, () => 120),
  );
  const order = every(16, 4000);
  let asked = 0;
  for (let seq = 1; seq <= 4000; seq += 16) {
    if (it.peek(seq) === undefined) {
      asked++;
      await load(it, seq, order);
    }
    expect(it.peek(seq)).toBe(text(seq, 120));
    it.log.release(seq, 1);
    if (seq % 160 === 1) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(asked).toBeLessThan(60);
  await it.close();
});

test('many who want parts of one block share one read of all of it', async () => {
  const files = new WatchedFiles();
  const it = await coldLog(
    files,
    Array.from({ length: 600 }, () => 300),
  );
  files.reads.length = 0;
  await Promise.all(Array.from({ length: 50 }, (_, i) => load(it, 1 + i * 3)));
  expect(files.reads).toHaveLength(1);
  for (let i = 0; i < 50; i++) expect(it.peek(1 + i * 3)).toBe(text(1 + i * 3, 300));
  await it.close();
});

test('two who ask for the same record share its read, and each is told', async () => {
  const files = new WatchedFiles();
  const it = await coldLog(
    files,
    Array.from({ length: 600 }, () => 300),
  );
  files.reads.length = 0;
  await Promise.all([load(it, 100), load(it, 100, every(99, 600))]);
  expect(files.reads.filter(({ position }) => position < 40_000).length).toBe(1);
  expect(it.peek(100)).toBe(text(100, 300));
  await it.close();
});

test('what has rotted is not believed: the record is lost, which is said, and its neighbours are not', async () => {
  const files = new WatchedFiles();
  const it = await coldLog(
    files,
    Array.from({ length: 600 }, () => 300),
  );
  const bytes = files.bytes(pathOf(1));
  const at = bytes.indexOf(text(90, 300));
  expect(at).toBeGreaterThan(0);
  bytes[at + 7]! ^= 1;
  await expect(load(it, 90)).rejects.toThrow('record 90 is lost');
  expect(it.kinds()).toContain('rot');
  await load(it, 60);
  expect(it.peek(60)).toBe(text(60, 300));
  await it.close();
});

test('a read that fails is told to who waits, and what was only read ahead is asked for again', async () => {
  const files = new WatchedFiles();
  const it = await coldLog(
    files,
    Array.from({ length: 1200 }, () => 300),
  );
  files.fail = (call) => (call === 'read' ? new Error('no luck') : undefined);
  await expect(load(it, 1, every(40, 1200))).rejects.toThrow('no luck');
  files.fail = () => undefined;
  for (let seq = 1; seq <= 1200; seq += 40) {
    await load(it, seq, every(40, 1200));
    expect(it.peek(seq)).toBe(text(seq, 300));
  }
  await it.close();
});

test('a block written before batches were short is read whole, and the rest of its segment is not searched any more', async () => {
  const files = new WatchedFiles();
  const it = await coldLog(
    files,
    Array.from({ length: 600 }, () => 300),
  );
  joinBatches(files.bytes(pathOf(1)));
  const asked = [10, 45, 80, 115, 150, 185, 220, 255, 290, 325, 360];
  for (const seq of asked) {
    if (it.peek(seq) === undefined) await load(it, seq);
    expect(it.peek(seq), `record ${seq}`).toBe(text(seq, 300));
  }
  expect(it.kinds()).not.toContain('rot');
  await it.close();
});

test('what has been read and is not asked for keeps within its bound', async () => {
  const files = new WatchedFiles();
  const it = await coldLog(
    files,
    Array.from({ length: 3000 }, () => 300),
    { ...SIZES, residentBytesMax: BLOCK },
  );
  const before = it.log.residentBytes;
  for (let first = 1; first <= 40; first++) await load(it, first, every(40, 3000));
  await until(() => files.pending === 0);
  it.turn.end();
  expect(it.log.residentBytes - before).toBeLessThanOrEqual(2 * BLOCK);
  await it.close();
});

/** Makes one batch of all those of each block, as an earlier version wrote them. */
function joinBatches(file: Buffer): void {
  const header = new BatchHeader();
  for (let position = 0; position < file.length; position += BLOCK) {
    const block = file.subarray(position, position + BLOCK);
    const payloads: Buffer[] = [];
    let records = 0;
    const start = position === 0 ? 64 : 0;
    let end = start;
    for (let at = start; readBatch(block, at, BLOCK, LOG_ID, 1, header); at = align8(header.end)) {
      payloads.push(Buffer.from(block.subarray(header.payloadStart, header.end)));
      records += header.records;
      end = align8(header.end);
    }
    if (payloads.length === 0) continue;
    // What the headers took is a record of the owner's, so that the block ends where it did.
    const filler = Buffer.alloc(end - start - 56 - Buffer.concat(payloads).length);
    if (payloads.length > 1) {
      filler.writeUInt32LE((NOTE | ((filler.length - 4) << 8)) >>> 0);
      payloads.push(filler);
    }
    const payload = Buffer.concat(payloads);
    block.fill(0, start);
    payload.copy(block, start + 56);
    const joined = new BatchHeader();
    Object.assign(joined, { at: start, payloadBytes: payload.length, number: 1, open: payload.length, records });
    sealBatch(block, LOG_ID, 1, joined);
  }
}
