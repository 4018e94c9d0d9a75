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
      fc.constant(-2), // nobody asks of the copy any more
      fc.integer({ min: -60, max: -10 }), // take out before its time what is at this place, if anything is
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
          } else if (what === -2) {
            heap.forgetSnapshot();
            copied = [];
          } else if (what <= -10) {
            const one = model[-what - 10];
            const seqAsked = one?.seq ?? 4_711;
            const expected = one && { due: one.due, tag: one.seq * 3 };
            expect(heap.find(seqAsked)).toEqual(one && { ...expected, seq: one.seq });
            expect(heap.remove(seqAsked)).toEqual(expected);
            expect(heap.find(seqAsked)).toBeUndefined();
            model = model.filter((entry) => entry !== one);
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
          const { dues, seqs, tags, to } = heap.earliest(10, 5);
          expect(dues).toEqual(soon.slice(0, 5).map((entry) => entry.due));
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

  it('shows to who walks through it all that is there all the while, whatever comes and goes meanwhile', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) }, // look at one more
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 20 }) }, // add one that is due then
      fc.constant(-1), // take the earliest out
      fc.integer({ min: -60, max: -10 }), // take out what is at this place, if anything is
    );
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 60 }),
        fc.array(step, { maxLength: 150 }),
        (first, steps) => {
          const heap = new DueHeap();
          const there = new Map<number, number>();
          const known = new Map<number, number>();
          let seq = 0;
          const add = (due: number): void => {
            there.set(++seq, due);
            known.set(seq, due);
            heap.add(due, seq, seq * 3);
          };
          for (const due of first) add(due);
          const throughout = new Set(there.keys());
          const seen = new Set<number>();
          const walk = heap.walk((due, one, tag) => {
            expect([due, tag]).toEqual([known.get(one), one * 3]);
            seen.add(one);
          });
          const gone = (one: number): void => {
            there.delete(one);
            throughout.delete(one);
          };
          for (const what of steps) {
            if (what > 0) add(what);
            else if (what === 0) walk.next();
            else if (what === -1 && heap.size > 0) {
              gone(heap.seq);
              heap.shift();
            } else {
              const one = [...there.keys()][-what - 10];
              if (one === undefined) continue;
              gone(one);
              heap.remove(one);
            }
          }
          while (walk.next()) {
            // Goes on to the end.
          }
          walk.end();
          expect([...throughout].filter((one) => !seen.has(one))).toEqual([]);
          const before = seen.size;
          add(1);
          expect(seen.size).toBe(before);
        },
      ),
      { numRuns: 300 },
    );
  });
});
