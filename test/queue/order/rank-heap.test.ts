import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RankHeap } from '../../../src/queue/order/rank-heap.ts';

it('the lowest rank is first, whatever was added, removed or given another rank before', () => {
  const step = fc.record({
    what: fc.constantFrom('add' as const, 'add' as const, 'remove' as const, 'change' as const),
    which: fc.nat({ max: 40 }),
    rank: fc.nat({ max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const heap = new RankHeap<string>();
      const model: { thing: string; handle: number; rank: number }[] = [];
      let next = 0;
      for (const { what, which, rank } of steps) {
        if (what === 'add') {
          const thing = `t${next++}`;
          const handle = heap.add(thing, rank);
          expect(model.some((one) => one.handle === handle)).toBe(false);
          model.push({ thing, handle, rank });
        } else if (model.length > 0) {
          const at = which % model.length;
          const one = model[at]!;
          if (what === 'remove') {
            heap.remove(one.handle);
            model.splice(at, 1);
          } else {
            heap.change(one.handle, rank);
            one.rank = rank;
          }
        }
        expect(heap.size).toBe(model.length);
        const least = Math.min(...model.map((one) => one.rank));
        if (model.length === 0) expect(heap.first).toBe(undefined);
        else expect(model.filter((one) => one.rank === least).map(({ thing }) => thing)).toContain(heap.first);
      }
      while (model.length > 0) {
        model.sort((a, b) => a.rank - b.rank);
        expect(heap.firstRank).toBe(model[0]!.rank);
        const at = model.findIndex(({ thing }) => thing === heap.first);
        heap.remove(model[at]!.handle);
        model.splice(at, 1);
      }
    }),
    { numRuns: 500 },
  );
});
