import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CELL_MASK, LINE_END, Slab } from '../../../src/queue/positions/position-arena.ts';
import { Positions } from '../../../src/queue/positions/positions.ts';

const PAGE_LINES = (CELL_MASK + 1) / (LINE_END + 1);

describe('the slab', () => {
  it('hands out each line to one taker at a time, whatever comes back in between', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 3 * PAGE_LINES }), fc.nat()), { maxLength: 6 }), (steps) => {
        const slab = new Slab();
        const taken = new Set<number>();
        for (const [take, give] of steps) {
          for (let i = 0; i < take; i++) {
            const line = slab.take();
            if (taken.has(line)) expect(taken.has(line)).toBe(false);
            taken.add(line);
          }
          let back = give % (taken.size + 1);
          for (const line of taken) {
            if (back-- === 0) break;
            slab.give(line);
            taken.delete(line);
          }
          expect(slab.lines).toBe(taken.size);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('gives memory back once a burst is over', () => {
    const slab = new Slab();
    const lines = Array.from({ length: 10 * PAGE_LINES }, () => slab.take());
    expect(slab.bytes).toBe(10 * 4 * (CELL_MASK + 1));
    for (const line of lines) slab.give(line);
    expect(slab.lines).toBe(0);
    expect(slab.bytes).toBeLessThanOrEqual(4 * (CELL_MASK + 1));
    expect(slab.take()).toBeGreaterThanOrEqual(0);
  });

  it('holds nothing for queues that are empty', () => {
    const slab = new Slab();
    const queues = Array.from({ length: 1000 }, () => new Positions(slab));
    for (let seq = 1; seq <= 20_000; seq++) queues[seq % 1000]!.push(seq, 0);
    expect(slab.lines).toBe(4000);
    for (const [i, queue] of queues.entries()) {
      if (i % 2 === 0) queue.clear();
      else while (queue.length > 0) queue.shift();
    }
    expect(slab.lines).toBe(0);
  });

  it('holds two runs at most of a long queue', () => {
    const slab = new Slab();
    const queue = new Positions(slab);
    for (let seq = 1; seq <= 100_000; seq++) queue.push(seq, 0);
    expect(slab.lines).toBeLessThanOrEqual((2 * 4096) / 5 + 2);
    queue.clear();
    expect(slab.lines).toBe(0);
  });
});
