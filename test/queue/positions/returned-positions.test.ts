/** What came back is read in the order of its numbers, however it came back: beside a model that sorts. */
import { describe, expect, it } from 'vitest';
import { ReturnedPositions } from '../../../src/queue/positions/returned-positions.ts';

/** A number from 0 up to `n`, exclusive, the same ones for a seed. */
function dice(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * n);
  };
}

const all = (returned: ReturnedPositions): [number, number][] => {
  const seen: [number, number][] = [];
  returned.forEach((seq, flags) => void seen.push([seq, flags]));
  return seen;
};

describe('messages that were given back', () => {
  it('come out again in order, one at a time, few or thousands', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const roll = dice(seed);
      const returned = new ReturnedPositions();
      const model = new Map<number, number>();
      const lowest = (): number => Math.min(...model.keys());
      for (let step = 0; step < 120; step++) {
        const what = roll(7);
        if (what <= 1) {
          const count = roll(4) === 0 ? 9 + roll(20) : 1 + roll(8);
          for (let i = 0; i < count; i++) {
            const seq = 1 + roll(1_000_000);
            if (model.has(seq)) continue;
            const flags = roll(1 << 16);
            returned.add(seq, flags);
            model.set(seq, flags);
          }
        } else if (what === 2 && model.size > 0) {
          expect(returned.headSeq()).toBe(lowest());
        } else if (what === 3 && model.size > 0) {
          expect(returned.headFlags()).toBe(model.get(lowest()));
          model.delete(lowest());
          returned.shift();
        } else if (what === 4 && model.size > 0) {
          const seq = [...model.keys()][roll(model.size)]!;
          if (roll(2) === 0) {
            expect(returned.remove(seq)).toBe(true);
            expect(returned.remove(seq)).toBe(false);
            model.delete(seq);
          } else {
            returned.amend(seq, 7);
            model.set(seq, 7);
          }
        } else if (what === 5) {
          const ordered = [...model].sort((a, b) => a[0] - b[0]);
          const after = model.size > 0 && roll(3) > 0 ? ordered[roll(ordered.length)]![0] : roll(1_000_000);
          const max = roll(6);
          const seen: [number, number][] = [];
          returned.readAfter(after, max, (seq, flags) => void seen.push([seq, flags]));
          expect(seen).toEqual(ordered.filter(([seq]) => seq > after).slice(0, max));
        }
        expect(returned.length).toBe(model.size);
      }
      expect(all(returned)).toEqual([...model].sort((a, b) => a[0] - b[0]));
    }
  });

  it('are looked at in order by each question, also right after some came back', () => {
    const fresh = (): ReturnedPositions => {
      const returned = new ReturnedPositions();
      for (const seq of [5, 2, 9]) returned.add(seq, seq * 10);
      return returned;
    };
    expect(fresh().headSeq()).toBe(2);
    expect(fresh().headFlags()).toBe(20);
    const shifted = fresh();
    shifted.shift();
    expect(all(shifted)).toEqual([
      [5, 50],
      [9, 90],
    ]);
    const seen: number[] = [];
    fresh().readAfter(2, 10, (seq) => void seen.push(seq));
    expect(seen).toEqual([5, 9]);
    expect(fresh().remove(5)).toBe(true);
    const amended = fresh();
    amended.amend(9, 1);
    amended.amend(3, 1);
    expect(all(amended)).toEqual([
      [2, 20],
      [5, 50],
      [9, 1],
    ]);
  });

  it('are all marked, and all gone when cleared, those that came just now as well', () => {
    const returned = new ReturnedPositions();
    returned.add(3, 0x8000_0000);
    returned.headSeq();
    returned.add(1, 1);
    returned.mark(2);
    expect(all(returned)).toEqual([
      [1, 3],
      [3, 0x8000_0002],
    ]);
    returned.add(2, 0);
    returned.clear();
    expect(returned.length).toBe(0);
    expect(all(returned)).toEqual([]);
    returned.add(4, 4);
    expect(all(returned)).toEqual([[4, 4]]);
  });
});
