import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock, TICK_MS, Timer } from '../../src/clock/clock.ts';
import { PHASE_FLUSH, PHASE_GATHER, PHASE_WRITE, Turn, type TurnTask } from '../../src/clock/turn.ts';

describe('the timer wheel', () => {
  it('fires each timer once, in time and a tick late at most, also beyond one turn of the wheel', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 60_000 }), { maxLength: 40 }), (delays) => {
        const clock = new ManualClock();
        const fired: number[] = [];
        for (const delay of delays) {
          clock.schedule(new Timer(() => fired.push(clock.monotonicMs() - delay)), delay);
        }
        for (let i = 0; i < 60_100 / TICK_MS; i++) clock.advance(TICK_MS);
        expect(fired).toHaveLength(delays.length);
        for (const late of fired) {
          expect(late).toBeGreaterThanOrEqual(0);
          expect(late).toBeLessThanOrEqual(TICK_MS);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('does not fire what was cancelled or moved, also from inside another timer of the same tick', () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    const victim = new Timer(() => fired.push('victim'));
    const moved = new Timer(() => fired.push('moved'));
    const killer = new Timer(() => {
      fired.push('killer');
      clock.cancel(victim);
      clock.schedule(moved, 1000);
    });
    clock.schedule(victim, 100);
    clock.schedule(moved, 100);
    clock.schedule(killer, 100);
    clock.advance(500);
    expect(fired).toEqual(['killer']);
    clock.advance(1000);
    expect(fired).toEqual(['killer', 'moved']);
  });

  it('lets a timer schedule itself again', () => {
    const clock = new ManualClock();
    let beats = 0;
    const heart: Timer = new Timer(() => {
      beats++;
      clock.schedule(heart, 1000);
    });
    clock.schedule(heart, 1000);
    for (let i = 0; i < 500; i++) clock.advance(TICK_MS);
    expect(beats).toBeGreaterThanOrEqual(9);
    expect(beats).toBeLessThanOrEqual(10);
  });
});

describe('a turn', () => {
  function task(order: string[], name: string, more: () => void = () => {}): TurnTask {
    return {
      inTurn: false,
      endOfTurn() {
        order.push(name);
        more();
      },
    };
  }

  it('runs its phases in order, each task once, and takes in what a phase adds to a later one', () => {
    const turn = new Turn();
    const order: string[] = [];
    const late = task(order, 'late flush');
    const write = task(order, 'write');
    const gather = task(order, 'gather', () => turn.add(PHASE_FLUSH, late));
    turn.add(PHASE_WRITE, write);
    turn.add(PHASE_GATHER, gather);
    turn.add(PHASE_GATHER, gather);
    turn.end();
    expect(order).toEqual(['gather', 'late flush', 'write']);
  });

  it('leaves work for an earlier phase to the next turn, which comes by itself', async () => {
    const turn = new Turn();
    const order: string[] = [];
    const gather = task(order, 'gather');
    turn.add(
      PHASE_WRITE,
      task(order, 'write', () => turn.add(PHASE_GATHER, gather)),
    );
    turn.end();
    expect(order).toEqual(['write']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(['write', 'gather']);
  });
});
