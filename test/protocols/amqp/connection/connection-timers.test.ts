/** Deadlines of one connection: who does not log in, does not answer a close, or is silent. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ConnectionTimers } from '../../../../protocols/amqp/connection/connection-timers.ts';
import type { AmqpLimits } from '../../../../protocols/amqp/options.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';

let clock: ManualClock;
let seen: { passed: number; beats: number; missed: number; readPaused: boolean };

beforeEach(() => {
  clock = new ManualClock();
  seen = { passed: 0, beats: 0, missed: 0, readPaused: false };
});

function start(limits: Partial<AmqpLimits> = {}): ConnectionTimers {
  const all = { handshakeTimeoutMs: 1_000, closeTimeoutMs: 500, ...limits } as AmqpLimits;
  return new ConnectionTimers(clock, all, {
    deadlinePassed: () => void seen.passed++,
    heartbeatDue: () => void seen.beats++,
    heartbeatMissed: () => void seen.missed++,
    get readPaused() {
      return seen.readPaused;
    },
  });
}

describe('a client', () => {
  it('has so long to log in, and after that as long as it likes', () => {
    start();
    clock.advance(980);
    expect(seen.passed).toBe(0);
    clock.advance(20);
    expect(seen.passed).toBe(1);
    start().opened();
    clock.advance(100_000);
    expect(seen.passed).toBe(1);
  });

  it('has so long to answer a close', () => {
    const timers = start();
    timers.opened();
    timers.closing();
    clock.advance(480);
    expect(seen.passed).toBe(0);
    clock.advance(20);
    expect(seen.passed).toBe(1);
  });

  it('that is silent for two intervals is lost, and hears of it once', () => {
    const timers = start();
    timers.opened();
    timers.negotiated(2);
    clock.advance(3_980);
    expect(seen.missed).toBe(0);
    clock.advance(20);
    expect(seen.missed).toBe(1);
    clock.advance(60_000);
    expect(seen.missed).toBe(1);
  });

  it('that says something, or cannot be heard, is not', () => {
    const timers = start();
    timers.opened();
    timers.negotiated(2);
    for (let i = 0; i < 10; i++) {
      clock.advance(3_000);
      timers.received();
    }
    expect(seen.missed).toBe(0);
    seen.readPaused = true;
    clock.advance(30_000);
    expect(seen.missed).toBe(0);
    seen.readPaused = false;
    clock.advance(4_000);
    expect(seen.missed).toBe(1);
  });

  it('hears from us at least once an interval, and from nobody where none was agreed', () => {
    const timers = start();
    timers.opened();
    timers.negotiated(0);
    clock.advance(100_000);
    expect([seen.beats, seen.missed]).toEqual([0, 0]);
    timers.negotiated(2);
    seen.readPaused = true;
    clock.advance(20_000);
    expect(seen.beats).toBeGreaterThanOrEqual(10);
  });

  it('that is gone is waited for no more', () => {
    const timers = start();
    timers.opened();
    timers.negotiated(1);
    timers.closing();
    timers.stop();
    clock.advance(100_000);
    expect(seen).toEqual({ passed: 0, beats: 0, missed: 0, readPaused: false });
  });
});
