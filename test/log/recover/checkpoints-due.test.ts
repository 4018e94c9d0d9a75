/** When the next checkpoint is due: by what was appended, by what lives, and by what one takes. */
import { describe, expect, it } from 'vitest';
import type { Segment } from '../../../src/log/blocks/segment.ts';
import type { OwnRecords } from '../../../src/log/format/own-records.ts';
import { Checkpoints } from '../../../src/log/recover/checkpoints.ts';

const LOG = { append: () => 0, buffer: Buffer.alloc(16) } as unknown as OwnRecords;
const none = (): number => 0;

/** Made safe, having begun at `at` and taken `size`. */
function madeSafe(checkpoints: Checkpoints, at: number, size: number): void {
  checkpoints.begin(5, at, 1_000);
  checkpoints.end(LOG, []);
  checkpoints.endsWith(1, 1_000 + size);
  checkpoints.synced(1);
}

describe('a checkpoint', () => {
  it('is due past the least that lies between two where nothing lives, not at it', () => {
    const checkpoints = new Checkpoints(0, 100, 1_000);
    expect(checkpoints.due(100, none)).toBe(false);
    expect(checkpoints.due(101, none)).toBe(true);
  });

  it('is due at a quarter of what lives, and at the most that may lie there', () => {
    const checkpoints = new Checkpoints(0, 100, 1_000);
    expect(checkpoints.due(201, () => 1_000)).toBe(false);
    expect(checkpoints.due(251, () => 1_000)).toBe(true);
    expect(checkpoints.due(1_000, () => 1_000_000)).toBe(false);
    expect(checkpoints.due(1_001, () => 1_000_000)).toBe(true);
  });

  it('asks seldom what lives: again when a quarter of the least has been appended', () => {
    const checkpoints = new Checkpoints(0, 100, 1_000);
    let asked = 0;
    const much = (): number => {
      asked++;
      return 100_000;
    };
    for (let at = 1; at <= 200; at++) checkpoints.due(at, much);
    expect(asked).toBe(4);
  });

  it('is not much of what is written: 64 times what it takes lie between two, up to the most, and 4 times in any case', () => {
    const small = new Checkpoints(0, 100, 1_000);
    madeSafe(small, 0, 10);
    expect(small.due(640, none)).toBe(false);
    expect(small.due(800, none)).toBe(true);
    const large = new Checkpoints(0, 100, 1_000);
    madeSafe(large, 0, 500);
    expect(large.due(2_000, none)).toBe(false);
    expect(large.due(2_001, none)).toBe(true);
  });

  it('counts from where the last one began, and takes what it wrote by itself for its size', () => {
    const checkpoints = new Checkpoints(0, 100, 1_000);
    madeSafe(checkpoints, 5_000, 0);
    expect(checkpoints.due(5_100, none)).toBe(false);
    expect(checkpoints.due(5_101, none)).toBe(true);
  });

  it('is not due while one is being written or is on its way to the disk', () => {
    const checkpoints = new Checkpoints(0, 100, 1_000);
    checkpoints.begin(3, 0, 0);
    expect(checkpoints.running).toBe(3);
    expect(checkpoints.due(10_000, none)).toBe(false);
    expect(checkpoints.worthwhile(10_000)).toBe(false);
    checkpoints.end(LOG, []);
    checkpoints.endsWith(7, 0);
    expect([checkpoints.running, checkpoints.ended]).toEqual([0, 3]);
    expect(checkpoints.due(10_000, none)).toBe(false);
    expect(checkpoints.worthwhile(10_000)).toBe(false);
    expect(checkpoints.synced(6)).toBe(false);
    expect(checkpoints.safe).toBe(0);
    expect(checkpoints.synced(7)).toBe(true);
    expect([checkpoints.safe, checkpoints.ended]).toEqual([3, 0]);
    expect(checkpoints.synced(8)).toBe(false);
    expect(checkpoints.due(10_000, none)).toBe(true);
  });

  it('is worthwhile in a quiet moment once the least was appended, or four times what one takes', () => {
    const checkpoints = new Checkpoints(0, 100, 1_000);
    expect([checkpoints.worthwhile(100), checkpoints.worthwhile(101)]).toEqual([false, true]);
    madeSafe(checkpoints, 0, 50);
    expect([checkpoints.worthwhile(200), checkpoints.worthwhile(201)]).toEqual([false, true]);
  });

  it('has a least that is no more than the most', () => {
    expect(new Checkpoints(0, 1_000, 100).due(101, none)).toBe(true);
  });

  it('writes the tables of the segments before it, and its own number', () => {
    const types: number[] = [];
    const buffer = Buffer.alloc(1024);
    const log = {
      buffer,
      append: (type: number) => {
        types.push(type);
        return 0;
      },
    } as unknown as OwnRecords;
    const checkpoints = new Checkpoints(0, 100, 1_000);
    checkpoints.begin(5, 0, 0);
    const segment = (number: number) => ({ number, blocks: [], generation: 0, live: 0 }) as unknown as Segment;
    checkpoints.end(log, [segment(3), segment(4), segment(5), segment(6)]);
    expect(types).toHaveLength(3);
    expect(buffer.readUInt32LE(0)).toBe(5);
  });
});
