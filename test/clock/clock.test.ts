import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Broker } from '../../src/broker/broker.ts';
import { FINE_TICK_MS, ManualClock, SystemClock, TICK_MS, Timer, TimerWheel } from '../../src/clock/clock.ts';
import { PHASE_FLUSH, PHASE_GATHER, PHASE_WRITE, Turn, type TurnTask } from '../../src/clock/turn.ts';
import { until } from '../support/until.ts';

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

describe('the clock of a running broker', () => {
  let clock: SystemClock;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    clock = new SystemClock();
  });
  afterEach(() => {
    clock.stop();
    vi.useRealTimers();
  });

  it('fires what waits finely in time and a fine tick late at most, however long it has rested before', () => {
    for (const [rest, delay] of [
      ...[
        [0, 0],
        [1, 3],
        [7, 20],
        [100_001, 1],
        [3, 4],
        [50, 19],
      ],
      [1, TICK_MS],
    ] as [number, number][]) {
      vi.advanceTimersByTime(rest);
      const begun = clock.monotonicMs();
      let late = -1;
      clock.scheduleFine(new Timer(() => (late = clock.monotonicMs() - begun - delay)), delay);
      vi.advanceTimersByTime(2 * TICK_MS);
      expect(late, `${rest} ${delay}`).toBeGreaterThanOrEqual(0);
      expect(late, `${rest} ${delay}`).toBeLessThanOrEqual(2 * FINE_TICK_MS);
    }
  });

  it('looks no oftener than it ever does once nothing waits finely', () => {
    expect(vi.getTimerCount()).toBe(1);
    clock.scheduleFine(new Timer(() => {}), 5);
    expect(vi.getTimerCount()).toBe(2);
    vi.advanceTimersByTime(4 * FINE_TICK_MS);
    expect(vi.getTimerCount()).toBe(1);
  });

  it('moves a timer from one way of waiting to the other, and cancels either', () => {
    let fired = 0;
    const timer = new Timer(() => fired++);
    clock.scheduleFine(timer, 5);
    clock.schedule(timer, 100);
    vi.advanceTimersByTime(50);
    expect([fired, timer.scheduled]).toEqual([0, true]);
    clock.scheduleFine(timer, 5);
    vi.advanceTimersByTime(20);
    expect([fired, timer.scheduled]).toEqual([1, false]);
    vi.advanceTimersByTime(500);
    clock.scheduleFine(timer, 5);
    clock.cancel(timer);
    vi.advanceTimersByTime(500);
    expect(fired).toBe(1);
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

  it('does a task that is put off once in the next turn, however often that was asked for', () => {
    const turn = new Turn();
    const order: string[] = [];
    const rest = task(order, 'rest');
    const busy = task(order, 'busy', () => {
      turn.addLater(PHASE_GATHER, rest);
      turn.addLater(PHASE_GATHER, rest);
    });
    turn.add(PHASE_GATHER, busy);
    turn.addLater(PHASE_GATHER, busy); // it is in this turn already
    turn.end();
    // What is put off while the phase runs waits, as what was put off before would.
    expect(order).toEqual(['busy']);
    turn.end();
    turn.end();
    expect(order).toEqual(['busy', 'rest']);
  });
});

describe('what a timer or a task of a turn throws', () => {
  it('is told to who asked to hear of it, and keeps no other timer from firing', () => {
    const told: unknown[] = [];
    const wheel = new TimerWheel((error) => told.push(error));
    const fault = new Error('a fault');
    const fired: string[] = [];
    const throwing = new Timer(() => {
      throw fault;
    });
    wheel.schedule(new Timer(() => fired.push('after')), TICK_MS);
    wheel.schedule(throwing, TICK_MS);
    wheel.schedule(new Timer(() => fired.push('before')), TICK_MS);
    wheel.schedule(new Timer(() => fired.push('later')), 2 * TICK_MS);
    wheel.advanceTo(3);
    expect(told).toEqual([fault]);
    expect(fired).toEqual(['before', 'after', 'later']);
  });

  it('keeps no other task from its end of the turn', () => {
    const turn = new Turn();
    const told: unknown[] = [];
    const done: number[] = [];
    const task = (n: number): TurnTask => ({
      inTurn: false,
      endOfTurn() {
        if (n === 1) throw new Error('a fault');
        done.push(n);
      },
    });
    for (const n of [0, 1, 2]) turn.add(n === 2 ? PHASE_WRITE : PHASE_GATHER, task(n));
    turn.onError = (error) => told.push(error);
    turn.end();
    expect(done).toEqual([0, 2]);
    expect(told).toHaveLength(1);
  });

  it('does not end the process of a broker, and is logged', async () => {
    const errors: unknown[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => void errors.push(fields) };
    const broker = await Broker.start({ dataDirectory: null, dialects: [], logger });
    const fault = new Error('a fault');
    const fail = (): void => {
      throw fault;
    };
    broker.clock.schedule(new Timer(fail), 1);
    broker.turn.add(PHASE_GATHER, { inTurn: false, endOfTurn: fail });
    await until(() => errors.length === 2);
    expect(errors).toMatchObject([{ err: fault }, { err: fault }]);
    await broker.close();
  });
});

it('a process that waits for a held clock lives until what it waits for, and no longer', async () => {
  const program = (hold: string): Promise<string> =>
    promisify(execFile)(process.execPath, [
      '--input-type=module',
      '-e',
      `import { SystemClock, Timer } from ${JSON.stringify(resolve('src/clock/clock.ts'))};
       const clock = new SystemClock();
       const release = ${hold};
       clock.schedule(new Timer(() => { console.log('fired'); release(); }), 60);`,
    ]).then(({ stdout }) => stdout);
  expect(await program('clock.hold()')).toBe('fired\n');
  expect(await program('() => {}')).toBe('');
});
