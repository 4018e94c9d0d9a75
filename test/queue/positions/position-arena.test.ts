import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CELL_MASK, LINE_END, PositionArena } from '../../../src/queue/positions/position-arena.ts';
import { Positions } from '../../../src/queue/positions/positions.ts';

const PAGE_LINES = (CELL_MASK + 1) / (LINE_END + 1);

describe('the arena', () => {
  it('hands out each line to one taker at a time, whatever comes back in between', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 3 * PAGE_LINES }), fc.nat()), { maxLength: 6 }), (steps) => {
        const arena = new PositionArena();
        const taken = new Set<number>();
        for (const [take, give] of steps) {
          for (let i = 0; i < take; i++) {
            const line = arena.allocate();
            if (taken.has(line)) expect(taken.has(line)).toBe(false);
            taken.add(line);
          }
          let back = give % (taken.size + 1);
          for (const line of taken) {
            if (back-- === 0) break;
            arena.release(line);
            taken.delete(line);
          }
          expect(arena.lines).toBe(taken.size);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('gives memory back once a burst is over', () => {
    const arena = new PositionArena();
    const lines = Array.from({ length: 10 * PAGE_LINES }, () => arena.allocate());
    expect(arena.bytes).toBe(10 * 4 * (CELL_MASK + 1));
    for (const line of lines) arena.release(line);
    expect(arena.lines).toBe(0);
    expect(arena.bytes).toBeLessThanOrEqual(4 * (CELL_MASK + 1));
    expect(arena.allocate()).toBeGreaterThanOrEqual(0);
  });

  it('holds nothing for queues that are empty', () => {
    const arena = new PositionArena();
    const queues = Array.from({ length: 1000 }, () => new Positions(arena));
    for (let seq = 1; seq <= 20_000; seq++) queues[seq % 1000]!.push(seq, 0);
    expect(arena.lines).toBe(4000);
    for (const [i, queue] of queues.entries()) {
      if (i % 2 === 0) queue.clear();
      else while (queue.length > 0) queue.shift();
    }
    expect(arena.lines).toBe(0);
  });

  it('holds two runs at most of a long queue', () => {
    const arena = new PositionArena();
    const queue = new Positions(arena);
    for (let seq = 1; seq <= 100_000; seq++) queue.push(seq, 0);
    expect(arena.lines).toBeLessThanOrEqual((2 * 4096) / 5 + 2);
    queue.clear();
    expect(arena.lines).toBe(0);
  });

  it('has long queues that get the same messages pack at different ones', () => {
    const arena = new PositionArena();
    const queues = Array.from({ length: 200 }, () => new Positions(arena));
    let most = 0;
    for (let seq = 1; seq <= 9_000; seq++) {
      const before = arena.lines;
      for (const queue of queues) queue.push(seq, 0);
      most = Math.max(most, before - arena.lines);
    }
    // A queue that packs gives some eight hundred lines back.
    expect(most).toBeLessThan(10 * 820);
    for (const queue of queues) {
      let seq = 0;
      queue.forEach((at) => {
        if (at === seq + 1) seq++;
      });
      expect(seq).toBe(9_000);
    }
  });
});
