/** Checkpoints: where replay begins, what it takes from tables, and which segments may go. */
import { expect, test } from 'vitest';
import type { LogEvent } from '../../../src/log/log.ts';
import { DIRECTORY, MESSAGE, quiet, STATE, TestLog, until } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

const path = (segment: number): string => `${DIRECTORY}/${String(segment).padStart(10, '0')}.log`;
const segmentsIn = (files: MemoryFiles): string[] =>
  [...files.names.keys()].filter((name) => /\/0.*log$/.test(name)).sort();
const COLD = { residentBytesMax: 2048 };

async function fill(it: TestLog, count: number): Promise<number[]> {
  const numbers: number[] = [];
  for (let i = 0; i < count; i++) {
    numbers.push(it.message(`text ${it.sequence.next} ${'x'.repeat(90)}`));
    if (i % 10 === 9) await it.safe();
  }
  await it.safe();
  return numbers;
}

/** A checkpoint, and one flush more, so that the last batch knows of it. */
async function checkpoint(it: TestLog): Promise<void> {
  it.checkpoint();
  await it.safe();
  it.note('after');
  await it.safe();
}

test('replay begins at the last checkpoint, and older records are still found', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, COLD);
  const numbers = await fill(it, 100);
  await checkpoint(it);
  const more = await fill(it, 30);
  const disk = files.afterKill();
  const again = await TestLog.open(disk, COLD);
  expect(again.replayed[0]).toMatchObject({ type: STATE, text: 'state' });
  expect(again.replayed.filter(({ type }) => type === MESSAGE).map(({ seq }) => seq)).toEqual(more);
  for (const seq of [...numbers, ...more]) expect(await again.read(seq)).toMatch(new RegExp(`^text ${seq} x`));
  expect(again.sequence.next).toBe(more.at(-1)! + 1);
  // Nothing but headers was read of the segments before.
  const opened = disk.calls.filter((call) => call === 'open 0000000002.log').length;
  expect(opened).toBeGreaterThan(0);
  await again.close();
});

test('older segments are not read at a start', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, COLD);
  await fill(it, 100);
  await checkpoint(it);
  const disk = files.afterKill();
  const reads = () => disk.calls.filter((call) => call === 'read 0000000002.log').length;
  await TestLog.open(disk, COLD);
  expect(reads()).toBe(1); // its header
});

test('a kill during a checkpoint falls back to the one before, or to the beginning', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  const first = await fill(it, 50);
  it.log.beginCheckpoint();
  it.slice('half of it');
  await it.safe();
  const early = await TestLog.open(files.afterKill());
  expect(early.texts().length).toBe(50);
  it.log.endCheckpoint();
  await it.safe();
  it.note('after');
  const second = await fill(it, 50);
  it.log.beginCheckpoint();
  expect(it.log.checkpointing).toBe(true);
  for (let i = 0; i < 30; i++) it.slice(`slice ${i} ${'s'.repeat(200)}`);
  await it.safe();
  it.log.referencesCounted();
  for (const seq of first) it.log.release(seq, 1);
  it.note('released');
  await it.safe();
  await quiet(files);
  const late = await TestLog.open(files.afterKill());
  expect(late.replayed[0]!.text).toBe('half of it');
  expect(late.replayed.filter(({ type }) => type === MESSAGE).map(({ seq }) => seq)).toEqual(second);
  expect(late.texts(STATE).length).toBe(31);
});

test('a checkpoint counts when it is on the disk, not before', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  const numbers = await fill(it, 50);
  it.log.referencesCounted();
  const before = segmentsIn(files);
  for (const seq of numbers) it.log.release(seq, 1);
  it.note('released');
  await it.safe();
  await quiet(files);
  expect(segmentsIn(files)).toEqual(before); // no checkpoint yet
  files.hold = 'sync';
  it.checkpoint();
  await until(() => files.waiting === 1);
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  for (const name of before) expect(files.names.has(name)).toBe(true);
  files.release();
  await until(() => !files.names.has(before[0]!));
  await until(() => it.log.segmentCount === 1);
  expect((await TestLog.open(files.afterKill())).texts()).toEqual([]);
});

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
  await checkpoint(it);
  const many = it.log.segmentCount;
  it.log.referencesCounted();
  const kept = numbers.filter((seq) => seq <= 5 || (seq > 90 && seq < 95));
  for (const seq of numbers) if (!kept.includes(seq)) it.log.release(seq, 1);
  it.note('released');
  await until(() => it.log.segmentCount < many - 3);
  await quiet(files);
  expect(files.names.has(path(1))).toBe(true);
  expect(files.names.has(path(2))).toBe(false);
  const disk = files.afterKill();
  const again = await TestLog.open(disk);
  for (const seq of kept) expect(await again.read(seq)).toMatch(`text ${seq} `);
  expect(again.kinds()).toEqual(['recovered']);
  // One that is still needed and is not there is another matter.
  const broken = files.afterKill();
  broken.delete(path(1));
  await expect(TestLog.open(broken)).rejects.toThrow('0000000001.log is missing');
});

test('a segment goes only after what let go of it is on the disk, and a crash in between leaves a leftover', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  const numbers = await fill(it, 100);
  await checkpoint(it);
  it.log.referencesCounted();
  await it.safe();
  await quiet(files);
  files.hold = 'sync';
  for (const seq of numbers) it.log.release(seq, 1);
  it.note('all settled');
  await until(() => files.waiting === 1);
  expect(files.names.has(path(1))).toBe(true);
  const disk = files.afterKill(); // it says that they are gone, and they are still there
  const again = await TestLog.open(disk);
  expect(again.kinds()).toContain('leftover');
  await quiet(disk);
  expect(disk.names.has(path(2))).toBe(false);
  files.release();
  await until(() => !files.names.has(path(1)));
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

interface Due {
  /** The next number when each checkpoint began. */
  readonly begun: number[];
  readonly it: TestLog;
}

/** Segments of 64 KiB; a checkpoint takes what so many slices of 800 bytes do, and is due after 128 KiB at the latest. */
async function dueEvery(slices: number): Promise<Due> {
  const begun: number[] = [];
  const it: TestLog = await TestLog.open(new MemoryFiles(), {
    blockBytes: 4096,
    segmentBytes: 65_536,
    checkpointBytes: 131_072,
    checkpointDue: () => {
      begun.push(it.sequence.next);
      it.log.beginCheckpoint();
      for (let i = 0; i < slices; i++) it.slice('s'.repeat(800));
      it.log.endCheckpoint();
    },
  });
  it.log.referencesCounted();
  return { begun, it };
}

/** Publishes so many kilobytes. */
async function publishKb(it: TestLog, count: number, release: boolean): Promise<void> {
  for (let i = 0; i < count; i++) {
    const seq = it.message('x'.repeat(940));
    await it.safe();
    if (release) it.log.release(seq, 1);
  }
}

const gapsOf = (begun: readonly number[]): number[] => begun.map((at, i) => at - (begun[i - 1] ?? 1));

test('a checkpoint is due after half a segment where nothing lives', async () => {
  const { begun, it } = await dueEvery(0);
  await publishKb(it, 300, true);
  expect(begun.length).toBeGreaterThan(6);
  for (const gap of gapsOf(begun)) {
    expect(gap).toBeGreaterThanOrEqual(30);
    expect(gap).toBeLessThan(45);
  }
  await it.close();
});

test('a checkpoint is due after a quarter of what lives, and after its bound at the latest', async () => {
  const { begun, it } = await dueEvery(0);
  await publishKb(it, 1200, false);
  const gaps = gapsOf(begun);
  expect(gaps[0]).toBeLessThan(45);
  for (let i = 1; i < gaps.length; i++) expect(gaps[i]).toBeGreaterThanOrEqual(gaps[i - 1]! - 10);
  expect(gaps.at(-1)).toBeGreaterThan(115);
  expect(gaps.at(-1)).toBeLessThan(140);
  await it.close();
});

test('a checkpoint is due later the larger the last one was', async () => {
  const { begun, it } = await dueEvery(80);
  await publishKb(it, 900, true);
  const gaps = gapsOf(begun);
  // 4 times 64 KB, of which the checkpoint itself is 64
  expect(gaps[1]).toBeGreaterThan(160);
  expect(gaps[1]).toBeLessThan(230);
  const before = begun.length;
  await it.close();
  expect(begun.length).toBe(before);
});

test('a log that rests makes one more checkpoint if there is something to be won, and then none', async () => {
  // 64 times what one takes may lie between two, up to the bound: more than half a segment.
  const { begun, it } = await dueEvery(2);
  await publishKb(it, 110, true);
  const before = begun.length;
  for (let second = 0; second < 5; second++) {
    it.clock.advance(1000);
    await it.safe();
  }
  expect(begun.length).toBe(before + 1);
  await it.close();
});

test('a segment that a checkpoint ends early keeps no more of its file than it needs', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { blockBytes: 64 * 1024, segmentBytes: 16 * 1024 * 1024 });
  for (let i = 0; i < 100; i++) {
    it.message('x'.repeat(50_000));
    await it.safe();
  }
  await quiet(files);
  await checkpoint(it); // the file that was prepared becomes the second segment
  it.message('short');
  await it.safe();
  await quiet(files);
  expect(files.bytes(path(2)).length).toBeGreaterThanOrEqual(8 * 1024 * 1024);
  await checkpoint(it);
  await it.safe();
  expect(files.bytes(path(2)).length).toBeLessThanOrEqual(64 * 1024);
  const again = await TestLog.open(files.afterKill());
  expect(again.log.recovered.clean).toBe(false);
  expect(again.kinds()).not.toContain('torn-tail');
});

test('after a stop with a checkpoint nothing before it is replayed, and lives leave no pile of files', async () => {
  const files = new MemoryFiles();
  let it = await TestLog.open(files);
  const numbers = await fill(it, 20);
  for (let life = 0; life < 6; life++) {
    it.checkpoint();
    await it.close();
    it = await TestLog.open(files);
    expect(it.replayed.map(({ type }) => type)).toEqual([STATE]);
    expect(it.log.recovered.clean).toBe(true);
    it.log.addLiveRange(numbers[0]!, numbers.length);
    it.log.referencesCounted();
    it.note('x');
    await it.safe();
  }
  await quiet(files);
  expect(segmentsIn(files).length).toBeLessThan(6);
  for (const seq of numbers) expect(await it.read(seq)).toMatch(`text ${seq} `);
  await it.close();
});

test('a range of references is the same as each of them', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  const numbers = await fill(it, 100);
  await checkpoint(it);
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

test('a checkpoint may not begin within a unit or within another one', async () => {
  const it = await TestLog.open(new MemoryFiles());
  it.log.beginUnit();
  expect(() => it.log.beginCheckpoint()).toThrow('between units');
  it.log.endUnit();
  expect(() => it.log.endCheckpoint()).toThrow('no checkpoint');
  it.log.beginCheckpoint();
  expect(() => it.log.beginCheckpoint()).toThrow('already');
  await it.close();
});

test('units and messages between the slices come back as they were', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  await fill(it, 10);
  it.log.beginCheckpoint();
  for (let i = 0; i < 8; i++) {
    it.slice(`slice ${i} ${'s'.repeat(300)}`);
    it.log.beginUnit();
    for (let j = 0; j < 5; j++) it.message(`unit ${i}.${j} ${'u'.repeat(150)}`);
    it.log.endUnit();
    await it.safe();
  }
  it.log.endCheckpoint();
  await it.close();
  const again = await TestLog.open(files);
  expect(again.texts().map((text) => text.slice(0, 8))).toEqual(
    Array.from({ length: 40 }, (_, n) => `unit ${Math.floor(n / 5)}.${n % 5}`),
  );
  expect(again.texts(STATE).length).toBe(8);
  await again.close();
});

function damaged(it: TestLog): LogEvent[] {
  return it.events.filter(({ kind }) => kind === 'checkpoint-damaged');
}

test('a rotten checkpoint: the one before is used while its segments are there, else the start is refused', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  const numbers = await fill(it, 40);
  it.state = 'first state';
  await checkpoint(it);
  const middle = await fill(it, 40);
  it.state = 'second state';
  await checkpoint(it);
  const last = await fill(it, 10);
  const rotten = files.afterKill();
  const holder = segmentsIn(rotten).find((name) => rotten.bytes(name).includes('second state'))!;
  rotten.bytes(holder)[rotten.bytes(holder).indexOf('second state')]! ^= 1;
  const again = await TestLog.open(rotten);
  expect(again.texts(STATE)).toEqual(['first state']);
  const seqs = again.replayed.filter(({ type }) => type === MESSAGE).map(({ seq }) => seq);
  expect(seqs).toEqual([...middle, ...last]);
  expect(damaged(again).length).toBe(1);
  expect(again.kinds()).toContain('rot');
  for (const seq of numbers) expect(await again.read(seq)).toMatch(`text ${seq} `);
  // And what the second one would have freed is gone: no way back.
  it.log.referencesCounted();
  for (const seq of [...numbers, ...middle]) it.log.release(seq, 1);
  it.note('released');
  await until(() => !files.names.has(path(1)) && !files.names.has(path(2)));
  await quiet(files);
  const hopeless = files.afterKill();
  hopeless.bytes(holder)[hopeless.bytes(holder).indexOf('second state')]! ^= 1;
  const before = [...hopeless.names.keys()];
  await expect(TestLog.open(hopeless)).rejects.toThrow('checkpoint that begins there is damaged');
  expect([...hopeless.names.keys()]).toEqual(before);
});

test('a bit flipped at any byte of a log with a checkpoint: refused, or reported, or nothing is lost', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  await fill(it, 12);
  await checkpoint(it);
  const after = await fill(it, 3);
  const disk = files.afterKill();
  for (const name of segmentsIn(disk)) {
    const length = disk.bytes(name).length;
    for (let at = 0; at < length; at += 3) {
      const broken = disk.afterKill();
      broken.bytes(name)[at]! ^= 1 << (at % 8);
      let again: TestLog;
      try {
        again = await TestLog.open(broken);
      } catch (error) {
        expect((error as Error).name).toBe('LogRefused');
        continue;
      }
      const seqs = again.replayed.filter(({ type, seq }) => type === MESSAGE && seq >= after[0]!).map(({ seq }) => seq);
      const whole = seqs.length === after.length && again.texts(STATE).includes('state');
      if (!whole) expect(again.kinds().length, `${name} at ${at}`).toBeGreaterThan(1);
      for (const { seq, text, type } of again.replayed) if (type === MESSAGE) expect(text).toMatch(`text ${seq} x`);
    }
  }
}, 60_000);
