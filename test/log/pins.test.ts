/** A log is copied while it goes on: the copy is what a kill at the moment of the pin would have left, whatever is reclaimed and rewritten meanwhile. */
import { describe, expect, it } from 'vitest';
import { readFully, writeFile } from '../../src/log/files/files.ts';
import { dumpLog, verifyLog } from '../../src/log/read/offline.ts';
import type { LogPin } from '../../src/log/reclaim/pins.ts';
import { DIRECTORY, TestLog } from './harness.ts';
import { MemoryFiles } from './memory-files.ts';

/** Copies a pin's files one by one; `between` is called before each. */
async function copied(
  from: MemoryFiles,
  pin: LogPin,
  between: () => Promise<void> = async () => {},
): Promise<MemoryFiles> {
  const to = new MemoryFiles();
  for (const [at, { path, bytes }] of pin.files.entries()) {
    await between();
    const file = await from.open(path, 'read');
    const length = bytes ?? (await file.sizeBytes());
    const buffer = Buffer.alloc(length);
    expect(await readFully(file, buffer, length, 0)).toBe(length);
    await file.close();
    const copy = await to.open(path, 'create');
    await writeFile(copy, buffer, 0);
    await copy.close();
    pin.release(at);
  }
  pin.releaseAll();
  return to;
}

async function pinOf(test: TestLog): Promise<LogPin> {
  await test.log.hold();
  const pin = test.log.pin();
  test.log.letGo();
  return pin;
}

async function textsIn(files: MemoryFiles): Promise<string[]> {
  const found = await TestLog.open(files);
  const { replayed } = found;
  await found.close();
  return replayed.filter(({ seq }) => seq > 0).map(({ text }) => text);
}

const text = (i: number): string => `message ${i} ${'x'.repeat(200)}`;

describe('a copy', () => {
  it('has all that was on the disk when it was pinned, and nothing later', async () => {
    const files = new MemoryFiles();
    const test = await TestLog.open(files);
    for (let i = 0; i < 50; i++) test.message(text(i));
    await test.safe();
    const pin = await pinOf(test);
    for (let i = 50; i < 90; i++) test.message(text(i));
    await test.safe();
    const copy = await copied(files, pin);
    expect((await verifyLog({ files: copy, directory: DIRECTORY })).events).toEqual([]);
    expect(await textsIn(copy)).toEqual(Array.from({ length: 50 }, (_, i) => text(i)));
    await test.close();
  });

  it('leaves out what was appended and not yet flushed', async () => {
    const files = new MemoryFiles();
    const test = await TestLog.open(files);
    test.message('kept');
    await test.safe();
    await test.log.hold();
    test.message('too late');
    const pin = test.log.pin();
    test.log.letGo();
    expect(await textsIn(await copied(files, pin))).toEqual(['kept']);
    await test.close();
  });

  it('keeps segments that are let go of meanwhile, whose files would be used again', async () => {
    const files = new MemoryFiles();
    const test = await TestLog.open(files);
    test.log.referencesCounted();
    const seqs = Array.from({ length: 60 }, (_, i) => test.message(text(i)));
    await test.safe();
    const before = test.log.segmentCount;
    const pin = await pinOf(test);
    // All of it is done with, and a checkpoint makes the old segments useless.
    for (const seq of seqs) test.log.release(seq, 1);
    test.checkpoint();
    await test.safe();
    let i = 100;
    const copy = await copied(files, pin, async () => {
      for (let n = 0; n < 30; n++) test.log.release(test.message(text(i++)), 1);
      await test.safe();
      for (let n = 0; n < 8; n++) await new Promise((resolve) => setImmediate(resolve));
    });
    expect(await textsIn(copy)).toEqual(Array.from({ length: 60 }, (_, n) => text(n)));
    test.checkpoint();
    await test.until(() => test.log.statistics.removedSegments >= before - 1);
    await test.close();
  });

  it('keeps segments as they are that would be rewritten meanwhile', async () => {
    const files = new MemoryFiles();
    const live = new Set<number>();
    const test = await TestLog.open(files, {
      liveIn: (_first, _last, done) => done((seq) => live.has(seq)),
    });
    test.log.referencesCounted();
    const seqs = Array.from({ length: 60 }, (_, i) => test.message(text(i)));
    for (const seq of seqs) live.add(seq);
    await test.safe();
    test.checkpoint();
    await test.safe();
    const pin = await pinOf(test);
    for (const [i, seq] of seqs.entries()) {
      if (i % 10 === 0) continue;
      live.delete(seq);
      test.log.release(seq, 1);
    }
    const idle = async (): Promise<void> => {
      for (let n = 0; n < 120; n++) {
        test.clock.advance(20);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await idle();
    expect(test.log.statistics.compactedSegments).toBe(0);
    const copy = await copied(files, pin);
    expect((await verifyLog({ files: copy, directory: DIRECTORY })).events).toEqual([]);
    const kept: number[] = [];
    await dumpLog({ files: copy, directory: DIRECTORY }, ({ seq }) => {
      if (seq > 0) kept.push(seq);
      return true;
    });
    expect(kept).toEqual(seqs);
    await test.until(() => test.log.statistics.compactedSegments > 0);
    await test.close();
  });

  it('is lost when the disk is full: what it kept is given back', async () => {
    const files = new MemoryFiles();
    const test = await TestLog.open(files);
    test.log.referencesCounted();
    const seqs = Array.from({ length: 60 }, (_, i) => test.message(text(i)));
    await test.safe();
    const pin = await pinOf(test);
    for (const seq of seqs) test.log.release(seq, 1);
    test.checkpoint();
    await test.safe();
    expect(test.log.statistics.removedSegments).toBe(0);
    files.fail = (call) =>
      call === 'write' || call === 'open' ? Object.assign(new Error('no space'), { code: 'ENOSPC' }) : undefined;
    for (let i = 0; i < 40; i++) test.message(text(i));
    await test.until(() => pin.lost);
    files.fail = () => undefined;
    await test.until(() => test.log.statistics.removedSegments > 0);
    await test.close();
  });
});
