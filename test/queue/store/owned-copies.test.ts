/** Copies of messages are counted for whose they are, from when they are stored until nobody needs them. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type CopyHolder, OwnedCopies } from '../../../src/queue/store/owned-copies.ts';

it('counts a message for all whose it is, and what continues it', () => {
  const owned = new OwnedCopies();
  const user: CopyHolder = { copies: 0 };
  const listener: CopyHolder = { copies: 0 };
  owned.by = [user, listener];
  owned.came(1, 0);
  owned.took(1, 3);
  owned.by = null;
  owned.came(2, 0);
  owned.took(2, 1); // nobody's
  owned.came(3, 1);
  owned.took(3, 1); // its dead letter
  owned.released(1, 1);
  owned.released(2, 1);
  expect([user.copies, listener.copies]).toEqual([3, 3]);
  owned.released(1, 2);
  owned.released(3, 1);
  expect([user.copies, listener.copies]).toEqual([0, 0]);
});

it('holds as much as there is of each, whatever comes and goes, and nothing when all has gone', () => {
  const step = fc.record({
    who: fc.integer({ min: 0, max: 2 }),
    copies: fc.integer({ min: 0, max: 4 }),
    take: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const owned = new OwnedCopies();
      const holders: CopyHolder[] = [{ copies: 0 }, { copies: 0 }];
      const waiting: { seq: number; who: number; copies: number }[] = [];
      let seq = 0;
      for (const { who, copies, take } of steps) {
        const oldest = waiting[0];
        if (take && oldest !== undefined) {
          owned.released(oldest.seq, 1);
          if (--oldest.copies === 0) waiting.shift();
        } else {
          owned.by = who === 2 ? null : [holders[who]!];
          owned.came(++seq, 0);
          owned.took(seq, copies);
          if (copies > 0) waiting.push({ seq, who, copies });
        }
        const expected = [0, 1].map((of) => waiting.reduce((sum, one) => sum + (one.who === of ? one.copies : 0), 0));
        expect(holders.map((holder) => holder.copies)).toEqual(expected);
      }
      owned.forget();
      expect(holders.map((holder) => holder.copies)).toEqual([0, 0]);
    }),
  );
});
