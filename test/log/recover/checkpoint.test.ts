/** Checkpoints: where replay begins, and what it takes from tables. */
import { expect, test } from 'vitest';
import type { LogEvent } from '../../../src/log/log.ts';
import { fill, MESSAGE, pathOf, quiet, STATE, safeCheckpoint, segmentsIn, TestLog, until } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

const COLD = { residentBytesMax: 2048 };

test('replay begins at the last checkpoint, and older records are still found', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, COLD);
  const numbers = await fill(it, 100);
  await safeCheckpoint(it);
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
  await safeCheckpoint(it);
  const disk = files.afterKill();
  const reads = () => disk.calls.filter((call) => call === 'read 0000000002.log').length;
  await TestLog.open(disk, COLD);
  expect(reads()).toBe(1); // its header
});

test('a checkpoint whose end is the last thing that was written is where the start after the next one begins', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  await fill(it, 40);
  it.state = 'first';
  await safeCheckpoint(it);
  await fill(it, 40);
  it.state = 'second';
  it.checkpoint();
  await it.safe();
  const disk = files.afterKill();
  // No batch says yet that the second one is whole, so this start reads what came after the first.
  const again = await TestLog.open(disk);
  expect(again.texts(STATE)).toEqual(['first', 'second']);
  again.note('a new life');
  await again.safe();
  const third = await TestLog.open(disk.afterKill());
  expect(third.texts(STATE)).toEqual(['second']);
  expect(third.texts()).toEqual([]);
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
  await safeCheckpoint(it);
  const middle = await fill(it, 40);
  it.state = 'second state';
  await safeCheckpoint(it);
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
  await until(() => !files.names.has(pathOf(1)) && !files.names.has(pathOf(2)));
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
  await safeCheckpoint(it);
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
