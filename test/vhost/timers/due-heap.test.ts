import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DueHeap } from '../../../src/vhost/timers/due-heap.ts';

interface Entry {
  readonly due: number;
  readonly seq: number;
}

const order = (a: Entry, b: Entry): number => a.due - b.due || a.seq - b.seq;

describe('the heap of what is due', () => {
  it('gives the earliest first, those of one time by number, and knows which of a copy are still there', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 20 }) }, // add one that is due then
      fc.constant(0), // take one out
      fc.constant(-1), // make a copy
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new DueHeap();
        let model: Entry[] = [];
        let copied: Entry[] = [];
        let seq = 0;
        for (const what of steps) {
          if (what > 0) {
            heap.add(what, ++seq, seq * 3);
            model.push({ due: what, seq });
          } else if (what < 0) {
            const { dues, seqs, tags } = heap.snapshot();
            copied = [...seqs].map((one, i) => ({ due: dues[i]!, seq: one }));
            expect([...tags]).toEqual([...seqs].map((one) => one * 3));
            expect([...copied].sort(order)).toEqual([...model].sort(order));
          } else if (model.length > 0) {
            const [first, ...rest] = model.sort(order);
            expect({ due: heap.due, seq: heap.seq, tag: heap.tag }).toEqual({ ...first, tag: first!.seq * 3 });
            heap.shift();
            model = rest;
          }
          expect(heap.size).toBe(model.length);
          const soon = [...model].sort(order).filter(({ due }) => due <= 10);
          const { seqs, tags, to } = heap.earliest(10, 5);
          expect(seqs).toEqual(soon.slice(0, 5).map((entry) => entry.seq));
          expect(tags).toEqual(seqs.map((one) => one * 3));
          expect(to).toBe(soon[5]?.due ?? 10);
          for (const { due, seq: one } of copied) {
            expect(heap.isPending(due, one)).toBe(model.some((entry) => entry.seq === one));
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
