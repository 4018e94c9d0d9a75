/** When what was appended is written, and when it is synced. */
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { LogOptions } from '../../../src/log/options.ts';
import { SyncSchedule } from '../../../src/log/write/sync-schedule.ts';

function scheduleOf(options: Partial<LogOptions>) {
  const clock = new ManualClock();
  const woken = { times: 0 };
  const schedule = new SyncSchedule({ clock, ...options } as LogOptions, () => woken.times++);
  return { clock, woken, schedule };
}

describe('a flush', () => {
  it('is made at once unless a delay was asked for', () => {
    expect(scheduleOf({}).schedule.mayFlush(1)).toBe(true);
  });

  it('waits for the delay, which begins with the first that is appended, and then for nothing', () => {
    const { clock, woken, schedule } = scheduleOf({ flushDelayMs: 40, flushBytesMax: 1000 });
    expect(schedule.mayFlush(10)).toBe(false);
    clock.advance(20);
    expect(schedule.mayFlush(20)).toBe(false);
    clock.advance(20);
    expect(woken.times).toBe(1);
    expect(schedule.mayFlush(20)).toBe(true);
    schedule.flushing();
    expect(schedule.mayFlush(10)).toBe(false);
    clock.advance(40);
    expect(woken.times).toBe(2);
  });

  it('does not wait when there is enough, or when a sync is due', () => {
    const { clock, woken, schedule } = scheduleOf({ flushDelayMs: 40, flushBytesMax: 1000, durability: 'none' });
    expect(schedule.mayFlush(999)).toBe(false);
    expect(schedule.mayFlush(1000)).toBe(true);
    schedule.flushing();
    clock.advance(100);
    expect(woken.times).toBe(0);
    expect(schedule.mayFlush(1)).toBe(false);
    schedule.syncDue = true;
    expect(schedule.mayFlush(1)).toBe(true);
  });

  it('is of a megabyte at the most, delay or not', () => {
    const { schedule } = scheduleOf({ flushDelayMs: 40 });
    expect(schedule.mayFlush(1024 * 1024 - 1)).toBe(false);
    expect(schedule.mayFlush(1024 * 1024)).toBe(true);
  });
});

describe('a sync', () => {
  it('comes with every flush, unless something weaker was chosen', () => {
    const { schedule } = scheduleOf({});
    expect(schedule.durability).toBe('fsync');
    expect([schedule.flushing(), schedule.flushing()]).toEqual([true, true]);
  });

  it('comes an interval after the first flush that had none, with the next one', () => {
    const { clock, woken, schedule } = scheduleOf({ durability: 'interval', intervalMs: 100 });
    expect(schedule.flushing()).toBe(false);
    clock.advance(60);
    expect(schedule.flushing()).toBe(false); // which begins no new interval
    clock.advance(40);
    expect([woken.times, schedule.syncDue]).toEqual([1, true]);
    expect(schedule.flushing()).toBe(true);
    expect(schedule.syncDue).toBe(false);
    clock.advance(1_000);
    expect(woken.times).toBe(1);
    expect(schedule.flushing()).toBe(false);
    clock.advance(100);
    expect(woken.times).toBe(2);
  });

  it('that is asked for takes the place of the one that would have come', () => {
    const { clock, woken, schedule } = scheduleOf({ durability: 'interval' });
    schedule.flushing();
    schedule.syncDue = true;
    expect(schedule.flushing()).toBe(true);
    clock.advance(1_000);
    expect(woken.times).toBe(0);
  });

  it('has an interval of 200 ms unless something else is said', () => {
    const { clock, woken, schedule } = scheduleOf({ durability: 'interval' });
    schedule.flushing();
    clock.advance(180);
    expect(woken.times).toBe(0);
    clock.advance(20);
    expect(woken.times).toBe(1);
  });

  it('never comes by the clock where none was asked for', () => {
    const { clock, woken, schedule } = scheduleOf({ durability: 'none' });
    expect(schedule.flushing()).toBe(false);
    clock.advance(10_000);
    expect(woken.times).toBe(0);
  });

  it('does not come any more after a stop', () => {
    const { clock, woken, schedule } = scheduleOf({ durability: 'interval', flushDelayMs: 40 });
    schedule.flushing();
    schedule.mayFlush(1);
    schedule.stop();
    clock.advance(10_000);
    expect(woken.times).toBe(0);
  });
});
