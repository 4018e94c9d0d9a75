/** Which messages somebody still needs: what compaction keeps, and all that it may throw away. */
import { expect, it } from 'vitest';
import { Turn } from '../../../src/clock/turn.ts';
import { type LiveParts, liveAmong, liveMessages } from '../../../src/vhost/journal/live-messages.ts';
import { CreepingClock } from '../../support/creeping-clock.ts';

type Visit = (seq: number) => void;

const holding = (...seqs: number[]) => ({
  contents: {
    forEachIn: (first: number, last: number, visit: Visit) =>
      seqs.filter((seq) => seq >= first && seq <= last).forEach(visit),
  },
});

const PARTS = {
  registry: { queues: new Map([['q', holding(10, 12, 90)]]), leaving: [holding(14)] },
  retained: { all: () => [{ seq: 16 }, { seq: 5 }] },
  delays: { forEach: (visit: Visit) => visit(18) },
  store: {
    forEachExtent: (visit: Visit) => visit(20),
    forEachLarge: (visit: Visit) => visit(99),
    unplaced: [{ forEach: (visit: Visit) => visit(22) }],
  },
} as unknown as LiveParts;

function asked(ask: (turn: Turn, done: (isLive: (seq: number) => boolean) => void) => void): number[] {
  const turn = new Turn();
  let live: number[] | undefined;
  ask(turn, (isLive) => {
    live = Array.from({ length: 120 }, (_, seq) => seq).filter(isLive);
  });
  for (let turns = 0; live === undefined && turns < 10; turns++) turn.end();
  return live!;
}

it('of a stretch are those that queues hold, also queues on their way out, the retained, delayed and large ones, and those on their way into queues', () => {
  expect(asked((turn, done) => liveMessages(PARTS, turn, 10, 30, done))).toEqual([10, 12, 14, 16, 18, 20, 22]);
  expect(asked((turn, done) => liveMessages(PARTS, turn, 12, 12, done))).toEqual([12]);
});

it('of some are the same, and no others', () => {
  const seqs = [5, 10, 11, 90, 91, 99];
  expect(asked((turn, done) => liveAmong(PARTS, turn, seqs, done))).toEqual([5, 10, 90, 99]);
});

it("a message's group is its queue, also one on its way out, and none if it is in no queue", () => {
  const turn = new Turn();
  let groups: number[] = [];
  liveMessages(PARTS, turn, 10, 30, (_isLive, groupOf) => {
    groups = [10, 12, 14, 16, 18, 20, 22, 31].map(groupOf);
  });
  for (let turns = 0; groups.length === 0 && turns < 10; turns++) turn.end();
  const [ten, twelve, leaving, ...others] = groups;
  expect(ten).toBeGreaterThan(0);
  expect(twelve).toBe(ten);
  expect(leaving).toBeGreaterThan(0);
  expect(leaving).not.toBe(ten);
  expect(others).toEqual([0, 0, 0, 0, 0]);
});

it('looks through many queues in short slices, however long the queues are', () => {
  const clock = new CreepingClock();
  const turn = new Turn(clock);
  const looked = new Map<number, number>();
  const queue = {
    contents: {
      forEachIn: () => {
        looked.set(turn.number, (looked.get(turn.number) ?? 0) + 1);
        clock.advance(0.1);
      },
    },
  };
  const registry = { queues: new Map(Array.from({ length: 400 }, (_, i) => [`q${i}`, queue])), leaving: [] };
  let done = false;
  liveMessages({ ...PARTS, registry } as unknown as LiveParts, turn, 10, 30, () => {
    done = true;
  });
  for (let turns = 0; !done && turns < 200; turns++) turn.end();
  expect(done).toBe(true);
  expect([...looked.values()].reduce((a, b) => a + b)).toBe(400);
  // Half a millisecond, a tenth of one each; the clock is asked for every few.
  expect(Math.max(...looked.values())).toBeLessThanOrEqual(8);
});
