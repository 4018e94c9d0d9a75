/** Checkpoints follow each other by what was appended, by what lives and by what one takes, in a log that is at work. */
import { expect, test } from 'vitest';
import { TestLog } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

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
