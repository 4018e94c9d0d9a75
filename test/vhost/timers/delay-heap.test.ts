import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DelayHeap } from '../../../src/vhost/timers/delay-heap.ts';

interface Entry {
  readonly due: number;
  readonly seq: number;
}

const order = (a: Entry, b: Entry): number => a.due - b.due || a.seq - b.seq;

describe('the heap of what is delayed', () => {
  it('gives the earliest first, wherever the looks at it have come; shows each once that was there before; knows which of a copy are here', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 30 }) }) },
      { weight: 2, arbitrary: fc.constant('shift' as const) },
      fc.constant('copy' as const),
      fc.record({ look: fc.integer({ min: 1, max: 30 }), max: fc.integer({ min: 1, max: 5 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new DelayHeap();
        let model: Entry[] = [];
        let copied: Entry[] = [];
        const shown = new Set<number>();
        let lookedTo = 0;
        let seq = 0;
        for (const what of steps) {
          if (what === 'copy') {
            const { dues, seqs, tags } = heap.snapshot();
            copied = [...seqs].map((one, i) => ({ due: dues[i]!, seq: one }));
            expect([...tags]).toEqual([...seqs].map((one) => one * 3));
            expect([...copied].sort(order)).toEqual([...model].sort(order));
          } else if (what === 'shift') {
            if (model.length === 0) continue;
            const [first, ...rest] = model.sort(order);
            expect({ due: heap.due, seq: heap.seq, tag: heap.tag }).toEqual({ ...first, tag: first!.seq * 3 });
            heap.shift();
            model = rest;
          } else if ('add' in what) {
            heap.add(what.add, ++seq, seq * 3);
            model.push({ due: what.add, seq });
            // It has just been stored: nobody has to look whether it is in memory.
            if (what.add <= lookedTo) shown.add(seq);
          } else {
            const unseen = model.filter((one) => !shown.has(one.seq)).sort(order);
            expect(heap.unseenDue).toBe(unseen[0]?.due ?? Number.POSITIVE_INFINITY);
            const due = unseen.filter((one) => one.due <= what.look);
            const seen: Entry[] = [];
            const all = heap.look(what.look, what.max, (dueMs, one, tag) => {
              expect(tag).toBe(one * 3);
              seen.push({ due: dueMs, seq: one });
            });
            expect(seen).toEqual(due.slice(0, what.max));
            expect(all).toBe(due.length <= what.max);
            for (const one of seen) shown.add(one.seq);
            lookedTo = Math.max(lookedTo, all ? what.look : seen.at(-1)!.due);
          }
          expect(heap.size).toBe(model.length);
          for (const { due, seq: one } of copied) {
            expect(heap.isPending(due, one)).toBe(model.some((entry) => entry.seq === one));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
