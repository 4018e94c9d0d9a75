/** When what was appended is written, and when it is synced. */
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { LogOptions } from '../../../src/log/options.ts';
import { SyncSchedule } from '../../../src/log/write/sync-schedule.ts';

function stage(options: Partial<LogOptions>) {
  const clock = new ManualClock();
  const woken = { times: 0 };
  const pace = new SyncSchedule({ clock, ...options } as LogOptions, () => woken.times++);
  return { clock, woken, pace };
}

describe('a flush', () => {
  it('is made at once unless a delay was asked for', () => {
    expect(stage({}).pace.mayFlush(1)).toBe(true);
  });

  it('waits for the delay, which begins with the first that is appended, and then for nothing', () => {
    const { clock, woken, pace } = stage({ flushDelayMs: 40, flushBytesMax: 1000 });
    expect(pace.mayFlush(10)).toBe(false);
    clock.advance(20);
    expect(pace.mayFlush(20)).toBe(false);
    clock.advance(20);
    expect(woken.times).toBe(1);
    expect(pace.mayFlush(20)).toBe(true);
    pace.flushing();
    expect(pace.mayFlush(10)).toBe(false);
    clock.advance(40);
    expect(woken.times).toBe(2);
  });

  it('does not wait when there is enough, or when a sync is due', () => {
    const { clock, woken, pace } = stage({ flushDelayMs: 40, flushBytesMax: 1000, durability: 'none' });
    expect(pace.mayFlush(999)).toBe(false);
    expect(pace.mayFlush(1000)).toBe(true);
    pace.flushing();
    clock.advance(100);
    expect(woken.times).toBe(0);
    expect(pace.mayFlush(1)).toBe(false);
    pace.syncDue = true;
    expect(pace.mayFlush(1)).toBe(true);
  });

  it('is of a megabyte at the most, delay or not', () => {
    const { pace } = stage({ flushDelayMs: 40 });
    expect(pace.mayFlush(1024 * 1024 - 1)).toBe(false);
    expect(pace.mayFlush(1024 * 1024)).toBe(true);
  });
});

describe('a sync', () => {
  it('comes with every flush, unless something weaker was chosen', () => {
    const { pace } = stage({});
    expect(pace.durability).toBe('fsync');
    expect([pace.flushing(), pace.flushing()]).toEqual([true, true]);
  });

  it('comes an interval after the first flush that had none, with the next one', () => {
    const { clock, woken, pace } = stage({ durability: 'interval', intervalMs: 100 });
    expect(pace.flushing()).toBe(false);
    clock.advance(60);
    expect(pace.flushing()).toBe(false); // which begins no new interval
    clock.advance(40);
    expect([woken.times, pace.syncDue]).toEqual([1, true]);
    expect(pace.flushing()).toBe(true);
    expect(pace.syncDue).toBe(false);
    clock.advance(1_000);
    expect(woken.times).toBe(1);
    expect(pace.flushing()).toBe(false);
    clock.advance(100);
    expect(woken.times).toBe(2);
  });

  it('that is asked for takes the place of the one that would have come', () => {
    const { clock, woken, pace } = stage({ durability: 'interval' });
    pace.flushing();
    pace.syncDue = true;
    expect(pace.flushing()).toBe(true);
    clock.advance(1_000);
    expect(woken.times).toBe(0);
  });

  it('has an interval of 200 ms unless something else is said', () => {
    const { clock, woken, pace } = stage({ durability: 'interval' });
    pace.flushing();
    clock.advance(180);
    expect(woken.times).toBe(0);
    clock.advance(20);
    expect(woken.times).toBe(1);
  });

  it('never comes by the clock where none was asked for', () => {
    const { clock, woken, pace } = stage({ durability: 'none' });
    expect(pace.flushing()).toBe(false);
    clock.advance(10_000);
    expect(woken.times).toBe(0);
  });

  it('does not come any more after a stop', () => {
    const { clock, woken, pace } = stage({ durability: 'interval', flushDelayMs: 40 });
    pace.flushing();
    pace.mayFlush(1);
    pace.stop();
    clock.advance(10_000);
    expect(woken.times).toBe(0);
  });
});
