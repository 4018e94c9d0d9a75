/** What waits in a queue with priorities: the highest level first, in order within each, beside a model that sorts. */
import { describe, expect, it } from 'vitest';
import { levelOf, withLevel } from '../../../src/queue/entry-flags.ts';
import type { Chunk } from '../../../src/queue/positions/packed-positions.ts';
import { PositionArena } from '../../../src/queue/positions/position-arena.ts';
import { PriorityLevels } from '../../../src/queue/ready/priority-levels.ts';

type Entry = [seq: number, flags: number];
const flags = (level: number, rest = 9): number => withLevel(rest, level, 255);
const order = (a: Entry, b: Entry): number => levelOf(b[1]) - levelOf(a[1]) || a[0] - b[0];

function dice(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * n);
  };
}

const all = (levels: PriorityLevels): Entry[] => {
  const seen: Entry[] = [];
  levels.forEach((seq, each) => void seen.push([seq, each]));
  return seen;
};

it('a level of which nothing has come, or nothing is left after a purge, has nothing to read', () => {
  const levels = new PriorityLevels(new PositionArena());
  const read = (): number => {
    let seen = 0;
    for (const level of [0, 4]) {
      levels.readAfter(level, 0, 10, () => seen++);
      levels.readReturned(level, 0, 10, () => seen++);
      levels.readBefore(level, 10, 10, () => seen++);
    }
    return seen;
  };
  expect(read()).toBe(0);
  levels.push(1, flags(4));
  expect(read()).toBeGreaterThan(0);
  // Consumers hold messages of that level still, and may have them read again.
  levels.clear();
  expect(read()).toBe(0);
});

describe('a level', () => {
  it('is the priority, no higher than the queue knows, the lowest for none, and leaves the rest of the flags alone', () => {
    expect(levelOf(withLevel(0, 5, 9))).toBe(5);
    expect(levelOf(withLevel(0, 9, 9))).toBe(9);
    expect(levelOf(withLevel(0, 200, 9))).toBe(9);
    expect(levelOf(withLevel(0, -1, 9))).toBe(0);
    expect(levelOf(withLevel(withLevel(0, 255, 255), 3, 255))).toBe(3);
    const bits = 0xfff8_001f;
    expect(withLevel(bits, 0, 9)).toBe(bits);
    expect(withLevel(withLevel(bits, 7, 9), 0, 9)).toBe(bits);
  });
});

describe('a queue with levels', () => {
  for (const holed of [false, true]) {
    it(`hands out the highest first, whatever came back or was taken out of the middle (holes: ${holed})`, () => {
      for (let seed = 1; seed <= 30; seed++) {
        const roll = dice(seed);
        const levels = new PriorityLevels(new PositionArena());
        if (holed && roll(2) === 0) levels.allowRemoval();
        let model: Entry[] = [];
        const out: Entry[] = [];
        let next = 1;
        for (let step = 0; step < 150; step++) {
          if (step === 70 && holed) levels.allowRemoval();
          const what = roll(6);
          if (what <= 1) {
            for (let i = roll(8); i >= 0; i--) {
              const entry: Entry = [next++, flags(roll(4))];
              levels.push(...entry);
              model.push(entry);
            }
          } else if (what === 2 && out.length > 0) {
            const [entry] = out.splice(roll(out.length), 1) as [Entry];
            levels.push(...entry);
            model.push(entry);
          } else if (what <= 4 && model.length > 0) {
            model.sort(order);
            expect([levels.headSeq(), levels.headFlags()]).toEqual(model[0]);
            levels.shift();
            out.push(model.shift()!);
          } else if (what === 5 && holed && step > 70 && model.length > 0) {
            const [seq, its] = model[roll(model.length)]!;
            expect(levels.removeAt(seq, its)).toBe(true);
            expect(levels.removeAt(seq, its)).toBe(false);
            model = model.filter((entry) => entry[0] !== seq);
          }
          expect(levels.length).toBe(model.length);
        }
        expect(all(levels).sort(order)).toEqual(model.sort(order));
      }
    });
  }

  it('has a level of its own for those that are there, and none for others', () => {
    const levels = new PriorityLevels(new PositionArena());
    levels.push(1, flags(3));
    levels.push(2, flags(7));
    expect(levels.levels()).toEqual([7, 3]);
    expect(levels.removeAt(9, flags(5))).toBe(false);
    levels.allowRemoval();
    expect(levels.removeAt(2, flags(3))).toBe(false);
    expect(levels.removeAt(2, flags(7))).toBe(true);
    expect([levels.headSeq(), levels.length]).toEqual([1, 1]);
  });

  it('is read on from a place, level by level, those that came back apart', () => {
    const levels = new PriorityLevels(new PositionArena());
    for (let seq = 1; seq <= 5; seq++) levels.push(seq, flags(2));
    levels.push(6, flags(1));
    levels.shift();
    levels.shift();
    levels.push(1, flags(2));
    levels.allowRemoval();
    const read = (level: number, after: number, max: number): number[] => {
      const seen: number[] = [];
      levels.readAfter(level, after, max, (seq) => void seen.push(seq));
      return seen;
    };
    expect(read(2, 3, 10)).toEqual([4, 5]);
    expect(read(2, 0, 2)).toEqual([3, 4]);
    expect(read(1, 0, 10)).toEqual([6]);
    const returned: number[] = [];
    levels.readReturned(2, 0, 10, (seq) => void returned.push(seq));
    expect(returned).toEqual([1]);
    const aside: number[] = [];
    levels.forEachReturned((seq) => void aside.push(seq));
    expect(aside).toEqual([1]);
    const within: number[] = [];
    levels.forEachIn(4, 6, (seq) => void within.push(seq));
    expect(within).toEqual([4, 5, 6]);
  });

  it('is empty when it is cleared, and can be filled again', () => {
    const arena = new PositionArena();
    const levels = new PriorityLevels(arena);
    for (let seq = 1; seq <= 100; seq++) levels.push(seq, flags(seq % 3));
    levels.clear();
    expect([levels.length, arena.lines, all(levels)]).toEqual([0, 0, []]);
    levels.push(101, flags(1));
    expect([levels.length, levels.headSeq()]).toEqual([1, 101]);
  });
});

describe('a queue with levels after a start', () => {
  function chunks(): { chunks: Chunk[]; entries: Entry[] } {
    const levels = new PriorityLevels(new PositionArena());
    const entries: Entry[] = [];
    for (let seq = 1; seq <= 30; seq++) {
      entries.push([seq, flags([0, 4, 9][seq % 3]!)]);
      levels.push(...entries.at(-1)!);
    }
    const found: Chunk[] = [];
    levels.forEachChunk((chunk) => void found.push(chunk));
    return { chunks: found, entries: entries.sort(order) };
  }

  it('has what its chunks say, each in its level', () => {
    const { chunks: given, entries } = chunks();
    expect(given).toHaveLength(3);
    const levels = new PriorityLevels(new PositionArena());
    for (const chunk of given.toReversed()) levels.adopt(chunk);
    expect(levels.length).toBe(30);
    expect([levels.headSeq(), levels.headFlags()]).toEqual(entries[0]);
    levels.compact(0);
    expect(all(levels)).toEqual(entries);
  });

  it('lacks what was settled since, has the flags that were changed, and marks what may have been handed out', () => {
    const { chunks: given, entries } = chunks();
    const levels = new PriorityLevels(new PositionArena());
    for (const chunk of given) levels.adopt(chunk);
    const highest = entries.filter(([, its]) => levelOf(its) === 9);
    for (const [seq] of highest) expect(levels.remove(seq)).toBe(true);
    expect(levels.remove(highest[0]![0])).toBe(false);
    expect(levels.remove(1000)).toBe(false);
    levels.amend(...([1, flags(4, 1)] as const));
    levels.compact(16);
    expect(levels.length).toBe(20);
    const rest = entries.filter(([, its]) => levelOf(its) !== 9);
    expect(all(levels)).toEqual(rest.map(([seq, its]) => [seq, (seq === 1 ? flags(4, 1) : its) | 16]));
    expect(levels.headSeq()).toBe(rest[0]![0]);
  });
});
