/** What is agreed on in `heart-beat`, how often something is sent, and when a client counts as gone. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ConnectionTimers } from '../../../../protocols/stomp/connection/connection-timers.ts';
import { agreeHeartbeat } from '../../../../protocols/stomp/connection/heartbeat.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';

describe('the agreement', () => {
  it('is what the client sends and wants, the other way round, and no less than the minimum', () => {
    expect(agreeHeartbeat('1000,2000', 100)).toEqual({ receiveMs: 1000, sendMs: 2000 });
    expect(agreeHeartbeat('10, 99', 100)).toEqual({ receiveMs: 100, sendMs: 100 });
    expect(agreeHeartbeat(' 100 , 101 ', 100)).toEqual({ receiveMs: 100, sendMs: 101 });
    expect(agreeHeartbeat('0,500', 100)).toEqual({ receiveMs: 0, sendMs: 500 });
    expect(agreeHeartbeat('500,0', 100)).toEqual({ receiveMs: 500, sendMs: 0 });
    expect(agreeHeartbeat(undefined, 100)).toEqual({ receiveMs: 0, sendMs: 0 });
    expect(agreeHeartbeat('9999999999,999999999999999999', 100)).toEqual({ receiveMs: 2 ** 31, sendMs: 2 ** 31 });
  });

  it('is refused when it is no two numbers', () => {
    for (const header of ['', '1', '1,', ',1', '1,2,3', '-1,0', '1.5,0', 'a,b', '1234567890123456789,0', '1;2']) {
      expect(() => agreeHeartbeat(header, 100)).toThrow("'heart-beat' must be two numbers");
    }
  });
});

describe('heart-beats', () => {
  let clock: ManualClock;
  let output: { wrote: boolean; heartbeat(): void };
  let beats: number;
  let missed: number;
  let timers: ConnectionTimers;

  beforeEach(() => {
    clock = new ManualClock();
    beats = 0;
    missed = 0;
    output = { wrote: false, heartbeat: () => void beats++ };
    timers = new ConnectionTimers(
      clock,
      output,
      { paused: false },
      {
        handshakeTimedOut() {},
        heldTooLong() {},
        heartbeatMissed: () => missed++,
      },
    );
  });

  it('are sent so that no silence is longer than was agreed, and not where something else was sent', () => {
    timers.startHeartbeats({ sendMs: 1000, receiveMs: 0 });
    clock.advance(460);
    expect(beats).toBe(0);
    clock.advance(20);
    expect(beats).toBe(1);
    output.wrote = true;
    clock.advance(480);
    expect(beats).toBe(1);
    clock.advance(480);
    expect(beats).toBe(2);
    clock.advance(100_000);
    expect(beats).toBeGreaterThan(200);
    expect(missed).toBe(0);
  });

  it('of the client may be late once: it is gone after two silent periods', () => {
    timers.startHeartbeats({ sendMs: 0, receiveMs: 1000 });
    for (let i = 0; i < 5; i++) {
      clock.advance(1000);
      timers.received = true;
      clock.advance(1000);
    }
    expect(missed).toBe(0);
    clock.advance(1000);
    expect(missed).toBe(0);
    clock.advance(1000);
    expect(missed).toBe(1);
    clock.advance(10_000);
    expect([missed, beats]).toEqual([1, 0]);
  });

  it('are counted from the agreement on: what came with CONNECT is none', () => {
    timers.received = true;
    timers.startHeartbeats({ sendMs: 0, receiveMs: 1000 });
    clock.advance(2000);
    expect(missed).toBe(1);
  });

  it('stop both ways', () => {
    timers.startHeartbeats({ sendMs: 1000, receiveMs: 1000 });
    timers.stopHeartbeats();
    clock.advance(100_000);
    expect([beats, missed]).toEqual([0, 0]);
    new ConnectionTimers(clock, output, { paused: false }, {} as never).stop();
  });
});
