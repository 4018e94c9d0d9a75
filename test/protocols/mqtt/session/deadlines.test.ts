/** Points in time under names: each comes once, in order, when it is due, unless it was moved or cleared. */
import { describe, expect, it } from 'vitest';
import { Deadlines } from '../../../../protocols/mqtt/session/deadlines.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { Turn } from '../../../../src/clock/turn.ts';
import { Work } from '../../../../src/clock/work.ts';
import { CreepingClock } from '../../../support/creeping-clock.ts';

function stage() {
  const clock = new ManualClock(0);
  const due: string[] = [];
  const deadlines = new Deadlines(clock, new Work(null, () => {}).share(), (name) => due.push(name));
  return { clock, due, deadlines };
}

describe('a deadline', () => {
  it('comes when it is due, not before, once', () => {
    const { clock, due, deadlines } = stage();
    deadlines.set('a', 1_000);
    clock.advance(980);
    expect(due).toEqual([]);
    clock.advance(20);
    expect([due, deadlines.size]).toEqual([['a'], 0]);
    clock.advance(200_000);
    expect(due).toEqual(['a']);
  });

  it('that is moved comes at its new time alone, earlier or later', () => {
    const { clock, due, deadlines } = stage();
    deadlines.set('later', 1_000);
    deadlines.set('later', 3_000);
    deadlines.set('earlier', 3_000);
    deadlines.set('earlier', 2_000);
    expect(deadlines.size).toBe(2);
    clock.advance(1_500);
    expect(due).toEqual([]);
    clock.advance(500);
    expect(due).toEqual(['earlier']);
    clock.advance(1_000);
    expect(due).toEqual(['earlier', 'later']);
    clock.advance(10_000);
    expect(due).toHaveLength(2);
  });

  it('that is cleared does not come, and what comes after it does', () => {
    const { clock, due, deadlines } = stage();
    deadlines.set('a', 1_000);
    deadlines.set('b', 2_000);
    deadlines.clear('a');
    expect(deadlines.size).toBe(1);
    clock.advance(5_000);
    expect(due).toEqual(['b']);
  });

  it('in the past comes at once, and one set from within another comes, too', () => {
    const clock = new ManualClock(0);
    clock.advance(10_000);
    const due: string[] = [];
    const deadlines: Deadlines = new Deadlines(clock, new Work(null, () => {}).share(), (name) => {
      due.push(name);
      if (name === 'first') deadlines.set('second', clock.epochMs() + 1_000);
    });
    deadlines.set('first', 5_000);
    clock.advance(20);
    expect(due).toEqual(['first']);
    clock.advance(1_000);
    expect(due).toEqual(['first', 'second']);
  });

  it('is one of very many that are due together: they come in the turns of some, in order', () => {
    const clock = new CreepingClock(0);
    const turn = new Turn(clock);
    const due: string[] = [];
    const deadlines = new Deadlines(clock, turn.work.share(), (name) => due.push(name));
    const names = Array.from({ length: 100 }, (_, i) => `n${i}`);
    for (const [i, name] of names.entries()) deadlines.set(name, 1_000 + i);
    clock.stepMs = 1;
    clock.advance(2_000);
    expect(due.length).toBeLessThan(10);
    for (let i = 0; i < 100; i++) turn.end();
    expect(due).toEqual(names);
    deadlines.set('after', clock.epochMs() + 1_000);
    clock.advance(1_020);
    turn.end();
    expect(due.at(-1)).toBe('after');
  });

  it('far away is looked at each minute: a clock that is set forward is noticed', () => {
    const clock = new ManualClock(0);
    let skipMs = 0;
    const skipping = {
      epochMs: () => clock.epochMs() + skipMs,
      monotonicMs: () => clock.monotonicMs(),
      schedule: clock.schedule.bind(clock),
      scheduleFine: clock.scheduleFine.bind(clock),
      cancel: clock.cancel.bind(clock),
      stop() {},
    };
    const due: string[] = [];
    const deadlines = new Deadlines(skipping, new Work(null, () => {}).share(), (name) => due.push(name));
    deadlines.set('a', 100_000_000);
    skipMs = 100_000_000;
    clock.advance(60_000);
    expect(due).toEqual(['a']);
  });

  it('is one of thousands, in any order, set anew, moved and cleared: they come in order of their time', () => {
    for (let seed = 1; seed <= 10; seed++) {
      let state = seed;
      const roll = (n: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
        return Math.floor((state / 0x80000000) * n);
      };
      const { clock, due, deadlines } = stage();
      const model = new Map<string, number>();
      for (let i = 0; i < 2_000; i++) {
        const name = `n${roll(150)}`;
        if (roll(4) === 0) {
          deadlines.clear(name);
          model.delete(name);
        } else {
          const atMs = 20 * (1 + roll(5_000));
          deadlines.set(name, atMs);
          model.set(name, atMs);
        }
      }
      expect(deadlines.size).toBe(model.size);
      clock.advance(100_040);
      expect(due.map((name) => model.get(name))).toEqual([...model.values()].sort((a, b) => a - b));
      expect(new Set(due)).toEqual(new Set(model.keys()));
    }
  });
});
