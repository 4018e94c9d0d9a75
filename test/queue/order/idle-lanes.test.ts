import fc from 'fast-check';
import { expect, it } from 'vitest';
import { IdleLanes } from '../../../src/queue/order/idle-lanes.ts';
import type { Lane } from '../../../src/queue/order/lane.ts';

/** A lane, as far as the list looks at it. */
function lane(): Lane {
  const { before, behind } = { before: null, behind: null };
  return { isEmpty: true, before, behind, listed: false, usedAt: 0, listedAt: 0 } as unknown as Lane;
}

it('of groups that nothing is left of each goes once, and one that was used lately not before one that was not', () => {
  const LANES = 8;
  const step = fc.record({
    what: fc.constantFrom('emptied' as const, 'emptied' as const, 'filled' as const, 'forgotten' as const),
    which: fc.nat({ max: LANES - 1 }),
  });
  const steps = fc.array(fc.oneof({ weight: 4, arbitrary: step }, fc.constant(null)), { maxLength: 100 });
  fc.assert(
    fc.property(steps, (all) => {
      const lanes = Array.from({ length: LANES }, lane);
      const idle = new IdleLanes();
      const empty = new Set<Lane>();
      const shift = (): void => {
        const unused = [...empty].filter(({ usedAt, listedAt }) => usedAt === listedAt);
        const shifted = idle.shift();
        if (empty.size === 0) expect(shifted).toBe(null);
        else expect(unused.length > 0 ? unused : [...empty]).toContain(shifted);
        empty.delete(shifted!);
      };
      for (const one of all) {
        if (one === null) {
          shift();
          continue;
        }
        const it = lanes[one.which]!;
        Object.assign(it, { isEmpty: one.what !== 'filled' });
        empty.delete(it);
        if (one.what === 'forgotten') idle.delete(it);
        else if (one.what === 'emptied') {
          idle.add(it);
          empty.add(it);
        }
      }
      while (empty.size > 0) shift();
      shift();
    }),
    { numRuns: 500 },
  );
});
