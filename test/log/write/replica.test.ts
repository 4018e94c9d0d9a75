/** A flush that is kept elsewhere too ends when both have it; one that is not is as it was. */
import { expect, it } from 'vitest';
import type { Done } from '../../../src/log/files/files.ts';
import { BatchHeader, readBatch } from '../../../src/log/format/batch.ts';
import { SEGMENT_HEADER_BYTES } from '../../../src/log/format/segment.ts';
import type { LogReplica, ReplicaPart } from '../../../src/log/replica.ts';
import { DIRECTORY, LOG_ID, quiet, segmentsIn, TestLog } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

/** Keeps what it is given, and is done when the test says so. */
class Held implements LogReplica {
  readonly batchBytesMax: number;
  readonly given: { segment: number; position: number; bytes: Buffer }[] = [];
  /** Done at once. */
  free = true;
  over: Error | undefined = undefined;
  private waiting: Done | undefined = undefined;

  constructor(batchBytesMax = 512) {
    this.batchBytesMax = batchBytesMax;
  }

  write(parts: readonly ReplicaPart[], done: Done): void {
    expect(this.waiting, 'one at a time').toBe(undefined);
    for (const part of parts) this.given.push({ ...part, bytes: Buffer.from(part.bytes) });
    this.waiting = done;
    if (this.free) setImmediate(() => this.end());
  }

  lapsed(): Error | undefined {
    return this.over;
  }

  end(error?: Error): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.(error);
  }
}

it('nothing is safe before the replica has it, however long the disk has had it', async () => {
  const files = new MemoryFiles();
  const replica = new Held();
  const it = await TestLog.open(files, { replica });
  replica.free = false;
  it.message('one');
  await quiet(files);
  const before = it.synced.length;
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(it.synced.length).toBe(before);
  replica.end();
  expect(it.synced.length).toBe(before + 1);
  replica.free = true;
  await it.close();
});

it('nothing is safe before the disk has it, though the replica does', async () => {
  const files = new MemoryFiles();
  const replica = new Held();
  const it = await TestLog.open(files, { replica });
  const before = it.synced.length;
  files.hold = 'sync';
  it.message('one');
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(replica.given.length).toBeGreaterThan(1);
  expect(it.synced.length).toBe(before);
  files.release();
  await it.until(() => it.synced.length > before);
  await it.close();
});

it('a replica that fails fails the log, once the disk is done with what it writes', async () => {
  const files = new MemoryFiles();
  const replica = new Held();
  const it = await TestLog.open(files, { replica });
  const before = it.synced.length;
  replica.free = false;
  files.hold = 'sync';
  it.message('one');
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  replica.end(new Error('deposed'));
  expect(it.failures).toEqual([]);
  files.release();
  await it.until(() => it.failures.length > 0);
  expect(it.failures[0]?.message).toBe('deposed');
  expect(it.synced.length).toBe(before);
  await it.close();
});

it('what lapsed while the disk took long is not confirmed', async () => {
  const files = new MemoryFiles();
  const replica = new Held();
  const it = await TestLog.open(files, { replica });
  const before = it.synced.length;
  files.hold = 'sync';
  it.message('one');
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  replica.over = new Error('the lease is over');
  files.release();
  await it.until(() => it.failures.length > 0);
  expect(it.synced.length).toBe(before);
  await it.close();
});

it('a disk that fails waits for no replica', async () => {
  const files = new MemoryFiles();
  const replica = new Held();
  const it = await TestLog.open(files, { replica });
  replica.free = false;
  files.fail = (call) => (call === 'sync' || call === 'write' ? new Error('EIO') : undefined);
  it.message('one');
  await it.until(() => it.failures.length > 0);
  expect(it.failures[0]?.message).toBe('EIO');
  replica.end();
  await it.close();
});

it('is given every batch, where it lies, and each segment’s header', async () => {
  const files = new MemoryFiles();
  const replica = new Held();
  const it = await TestLog.open(files, { replica });
  for (let i = 0; i < 60; i++) {
    it.message(`text ${i} ${'x'.repeat(90)}`);
    if (i % 7 === 0) await it.safe();
  }
  await it.safe();
  await it.close();
  let next = 1;
  const header = new BatchHeader();
  for (const { segment, position, bytes } of replica.given) {
    const path = `${DIRECTORY}/${String(segment).padStart(10, '0')}.log`;
    expect(
      files.names
        .get(path)!
        .bytes.subarray(position, position + bytes.length)
        .equals(bytes),
    ).toBe(true);
    for (let at = position === 0 ? SEGMENT_HEADER_BYTES : 0; at < bytes.length; at = (header.end + 7) & ~7) {
      expect(readBatch(bytes, at, bytes.length, LOG_ID, segment, header)).toBe(true);
      expect(header.number).toBe(next++);
      expect(header.payloadBytes).toBeLessThanOrEqual(512);
    }
  }
  expect(replica.given.filter(({ position }) => position === 0).length).toBe(segmentsIn(files).length);
});

it('no batch number is given twice, also where a life has written nothing', async () => {
  const files = new MemoryFiles();
  const numbers: number[] = [];
  for (let life = 0; life < 3; life++) {
    const replica = new Held();
    const it = await TestLog.open(files, { replica });
    await it.close();
    for (const { position, bytes } of replica.given) {
      numbers.push(bytes.readUIntLE((position === 0 ? SEGMENT_HEADER_BYTES : 0) + 24, 6));
    }
  }
  expect(numbers).toEqual([1, 2, 3, 4, 5, 6]);
});
