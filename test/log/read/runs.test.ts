/** Stretches read ahead for a reader: what is found in them, and what becomes of their memory. */
import { expect, test } from 'vitest';
import { Segment, SegmentBlock } from '../../../src/log/blocks/segment.ts';
import { RecordRef } from '../../../src/log/format/record.ts';
import { Run, Runs } from '../../../src/log/read/runs.ts';

const RECORD = 1000;
const block = new SegmentBlock(new Segment(1, 'none', 1024 * 1024), 0);

/** A run of so many records from `first` on, every `step`-th number, read into memory. */
function arrived(runs: Runs, first: number, count: number, step = 3, missing = -1): Run {
  const seqs = Array.from({ length: count }, (_, i) => first + i * step);
  const run = new Run(block, 0, count * RECORD, seqs);
  runs.add(run);
  const buffer = runs.begin(run);
  const ref = new RecordRef();
  for (const [i, seq] of seqs.entries()) {
    if (seq === missing) continue;
    ref.start = i * RECORD + 10;
    ref.end = (i + 1) * RECORD;
    ref.seq = seq;
    ref.type = 1;
    buffer.fill(`${seq} `, ref.start, ref.end);
    run.note(ref);
  }
  for (const seq of run.noted()) runs.drop(seq);
  return run;
}

function text(runs: Runs, seq: number): string | undefined {
  const ref = new RecordRef();
  if (!runs.find(seq, ref)) return undefined;
  return ref.buffer.toString('latin1', ref.start, ref.start + String(seq).length + 1);
}

test('each record is found, in order and out of it, and none that was not asked for', () => {
  const runs = new Runs(1024 * 1024);
  arrived(runs, 10, 20);
  for (let seq = 10; seq < 70; seq += 3) expect(text(runs, seq)).toBe(`${seq} `);
  for (const seq of [67, 10, 40, 13]) expect(text(runs, seq)).toBe(`${seq} `);
  expect(text(runs, 11)).toBeUndefined();
  expect(runs.aheadBytes).toBe(0);
});

test('what was not found when it was read is not there, and the rest is', () => {
  const runs = new Runs(1024 * 1024);
  arrived(runs, 0, 10, 1, 4);
  expect(runs.of(4)).toBeUndefined();
  expect(text(runs, 4)).toBeUndefined();
  expect(text(runs, 5)).toBe('5 ');
  expect(runs.size).toBe(9);
});

test('its memory is used again when the last record has been let go of, and not before the turn ends', () => {
  const runs = new Runs(1024 * 1024);
  const { buffer } = arrived(runs, 0, 10);
  const ref = new RecordRef();
  runs.find(0, ref);
  for (let seq = 0; seq < 27; seq += 3) runs.drop(seq);
  expect(runs.bytes).toBe(buffer.length);
  runs.drop(27);
  expect(runs.bytes).toBe(0);
  expect(runs.size).toBe(0);
  // In the same turn.
  expect(arrived(runs, 100, 10).buffer).not.toBe(buffer);
  expect(ref.buffer.toString('latin1', ref.start, ref.start + 2)).toBe('0 ');
  runs.endOfTurn();
  expect(arrived(runs, 200, 10).buffer).toBe(buffer);
});

test('one that is let go of while the disk still writes to it keeps its memory until that is over', () => {
  const runs = new Runs(1024 * 1024);
  const run = new Run(block, 0, 5000, [1, 2, 3]);
  runs.add(run);
  const buffer = runs.begin(run);
  for (const seq of [1, 2, 3]) runs.drop(seq);
  runs.endOfTurn();
  expect(run.left).toBe(0);
  expect(arrived(runs, 10, 5).buffer).not.toBe(buffer);
  runs.giveUp(run);
  runs.endOfTurn();
  expect(arrived(runs, 50, 5).buffer).toBe(buffer);
});

test('those that were looked at whole go first, then the oldest; none that is on its way', () => {
  const runs = new Runs(40 * 1024);
  arrived(runs, 0, 10, 1);
  arrived(runs, 100, 10, 1);
  const coming = new Run(block, 0, 5000, [300]);
  runs.add(coming);
  runs.begin(coming);
  for (let seq = 100; seq < 110; seq++) text(runs, seq);
  runs.keepWithin();
  expect([text(runs, 0), text(runs, 100)]).toEqual(['0 ', undefined]);
  arrived(runs, 200, 10, 1);
  runs.keepWithin();
  expect([text(runs, 0), text(runs, 200)]).toEqual([undefined, '200 ']);
  expect(runs.of(300)).toBe(coming);
  expect(runs.bytes).toBeLessThanOrEqual(40 * 1024);
});

test('the reader is told when it has come to the place that it named, once', () => {
  const runs = new Runs(1024 * 1024);
  const run = arrived(runs, 0, 10, 1);
  let told = 0;
  run.useSeq = 5;
  run.onUse = () => told++;
  for (const seq of [0, 1, 4]) text(runs, seq);
  expect(told).toBe(0);
  text(runs, 5);
  text(runs, 5);
  expect(told).toBe(1);
});
