/** Segments that nobody needs: when they go, and what becomes of their files. */
import { expect, test } from 'vitest';
import { fill, MESSAGE, pathOf, quiet, safeCheckpoint, segmentsIn, TestLog, until } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

test('nothing goes before the owner has counted its references', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  await fill(it, 50);
  it.checkpoint();
  await it.close();
  const again = await TestLog.open(files);
  const before = segmentsIn(files);
  again.note('something');
  await again.safe();
  await quiet(files);
  for (const name of before) expect(files.names.has(name)).toBe(true);
  again.log.referencesCounted();
  await until(() => !files.names.has(before[0]!));
  await again.close();
});

test('segments go in any order, and the gaps are known at the next start', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  const numbers = await fill(it, 200);
  await safeCheckpoint(it);
  const many = it.log.segmentCount;
  it.log.referencesCounted();
  const kept = numbers.filter((seq) => seq <= 5 || (seq > 90 && seq < 95));
  for (const seq of numbers) if (!kept.includes(seq)) it.log.release(seq, 1);
  it.note('released');
  await until(() => it.log.segmentCount < many - 3);
  await quiet(files);
  expect(files.names.has(pathOf(1))).toBe(true);
  expect(files.names.has(pathOf(2))).toBe(false);
  const disk = files.afterKill();
  const again = await TestLog.open(disk);
  for (const seq of kept) expect(await again.read(seq)).toMatch(`text ${seq} `);
  expect(again.kinds()).toEqual(['recovered']);
  // One that is still needed and is not there is another matter.
  const broken = files.afterKill();
  broken.delete(pathOf(1));
  await expect(TestLog.open(broken)).rejects.toThrow('0000000001.log is missing');
});

test('a segment goes only after what let go of it is on the disk, and a crash in between leaves a leftover', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  const numbers = await fill(it, 100);
  await safeCheckpoint(it);
  it.log.referencesCounted();
  await it.safe();
  await quiet(files);
  files.hold = 'sync';
  for (const seq of numbers) it.log.release(seq, 1);
  it.note('all settled');
  await until(() => files.waiting === 1);
  expect(files.names.has(pathOf(1))).toBe(true);
  const disk = files.afterKill(); // it says that they are gone, and they are still there
  const again = await TestLog.open(disk);
  expect(again.kinds()).toContain('leftover');
  await quiet(disk);
  expect(disk.names.has(pathOf(2))).toBe(false);
  files.release();
  await until(() => !files.names.has(pathOf(1)));
  await it.close();
});

test('the file of a dead segment is used again and nothing old in it reads as new', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, {
    checkpointBytes: 6000,
    checkpointDue: () => it.checkpoint(),
  });
  it.log.referencesCounted();
  for (let i = 0; i < 400; i++) {
    const seq = it.message(`old ${i} ${'x'.repeat(90)}`);
    await it.safe();
    it.log.release(seq, 1);
  }
  expect(files.calls.some((call) => /^rename 0.*log$/.test(call))).toBe(true);
  expect(files.calls.some((call) => /^rename (reserve|spare)/.test(call))).toBe(true);
  expect(it.log.segmentCount).toBeLessThan(8);
  const kept = [it.message('new one'), it.message('new two')];
  await it.safe();
  const again = await TestLog.open(files.afterKill());
  const seqs = again.replayed.filter(({ type }) => type === MESSAGE).map(({ seq }) => seq);
  expect(seqs.slice(-2)).toEqual(kept);
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  expect(again.kinds()).not.toContain('rot');
  expect(again.kinds()).not.toContain('torn-tail');
});

test('a segment that a checkpoint ends early keeps no more of its file than it needs', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { blockBytes: 64 * 1024, segmentBytes: 16 * 1024 * 1024 });
  for (let i = 0; i < 100; i++) {
    it.message('x'.repeat(50_000));
    await it.safe();
  }
  await quiet(files);
  await safeCheckpoint(it); // the file that was prepared becomes the second segment
  it.message('short');
  await it.safe();
  await quiet(files);
  expect(files.bytes(pathOf(2)).length).toBeGreaterThanOrEqual(8 * 1024 * 1024);
  await safeCheckpoint(it);
  await it.safe();
  expect(files.bytes(pathOf(2)).length).toBeLessThanOrEqual(64 * 1024);
  const again = await TestLog.open(files.afterKill());
  expect(again.log.recovered.clean).toBe(false);
  expect(again.kinds()).not.toContain('torn-tail');
});

test('a range of references is the same as each of them', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  const numbers = await fill(it, 100);
  await safeCheckpoint(it);
  await it.close();
  const again = await TestLog.open(files);
  again.log.addLiveRange(numbers[0]!, numbers.length);
  again.log.referencesCounted();
  for (const seq of numbers.slice(0, -1)) again.log.release(seq, 1);
  again.note('released');
  await until(() => again.log.segmentCount === 3);
  await quiet(files);
  expect(await again.read(numbers.at(-1)!)).toMatch('text 100');
  again.log.release(numbers.at(-1)!, 1);
  again.note('released');
  await until(() => again.log.segmentCount === 2);
  await again.close();
});
