/** When publishers are held back, and when they go on. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { Logger } from '../../../src/logger.ts';
import { PublishFlowControl } from '../../../src/vhost/flow/publish-flow-control.ts';

const MIB = 1024 * 1024;
let clock: ManualClock;
let log: { unsyncedBytes: number; full: boolean; failed: Error | undefined };
let transient: { residentBytes: number };
let said: string[];
let freed: number;
let flow: PublishFlowControl;

beforeEach(() => {
  clock = new ManualClock();
  log = { unsyncedBytes: 0, full: false, failed: undefined };
  transient = { residentBytes: 0 };
  said = [];
  freed = 0;
  const logger = {
    error: (_: object, text: string) => said.push(`error: ${text}`),
    info: (_: object, text: string) => said.push(`info: ${text}`),
  } as unknown as Logger;
  flow = new PublishFlowControl({
    name: '/',
    clock,
    log,
    transient,
    logger,
    unsyncedBytesMax: 1000,
    onUncongested: () => freed++,
  });
});

describe('publishers, while the machine has too little memory or disk', () => {
  it('wait until it has enough of both, however much is synced and however long it takes', () => {
    flow.setScarce('memory', true);
    flow.setScarce('disk', true);
    log.unsyncedBytes = 1001;
    flow.watch(true);
    log.unsyncedBytes = 0;
    flow.synced();
    clock.advance(10_000);
    flow.setScarce('memory', false);
    expect([flow.on, freed, flow.isScarce('memory'), flow.isScarce('disk')]).toEqual([true, 0, false, true]);
    flow.setScarce('disk', false);
    expect([flow.on, freed]).toEqual([false, 1]);
  });

  it('wait for the log as well, if its disk is full', () => {
    log.full = true;
    flow.diskFull();
    flow.setScarce('memory', true);
    log.full = false;
    flow.diskHasRoom();
    expect(flow.on).toBe(true);
    flow.setScarce('memory', false);
    expect(flow.on).toBe(false);
  });
});

describe('publishers of durable messages', () => {
  it('are held back past the bound on what is not synced, not at it', () => {
    log.unsyncedBytes = 1000;
    flow.watch(true);
    expect(flow.on).toBe(false);
    log.unsyncedBytes = 1001;
    flow.watch(true);
    expect(flow.on).toBe(true);
  });

  it('go on when less than half of it is left, once', () => {
    log.unsyncedBytes = 1001;
    flow.watch(true);
    log.unsyncedBytes = 500;
    flow.synced();
    expect([flow.on, freed]).toEqual([true, 0]);
    log.unsyncedBytes = 499;
    flow.synced();
    expect([flow.on, freed]).toEqual([false, 1]);
    flow.synced();
    clock.advance(100);
    expect(freed).toBe(1);
  });

  it('wait for as long as too much is unsynced, and may each send a little more every 40 ms', () => {
    log.unsyncedBytes = 2000;
    flow.watch(true);
    const { period } = flow;
    expect(flow.holds(period, 4097)).toBe(true);
    clock.advance(20);
    flow.watch(true); // does not begin the time anew
    expect(flow.holds(period, 4097)).toBe(true);
    clock.advance(20);
    expect([flow.on, freed]).toEqual([true, 1]);
    expect(flow.holds(period, 4097)).toBe(false); // what it has sent before does not count any more
    expect(flow.holds(flow.period, 4097)).toBe(true);
    log.unsyncedBytes = 1000;
    clock.advance(40);
    expect([flow.on, freed]).toEqual([false, 2]);
    log.unsyncedBytes = 1001;
    flow.watch(true);
    expect(flow.on).toBe(true);
  });

  it('may send nothing more while twice as much is unsynced', () => {
    log.unsyncedBytes = 2001;
    flow.watch(true);
    const { period } = flow;
    clock.advance(400);
    expect([flow.on, freed, flow.holds(period, 4097)]).toEqual([true, 0, true]);
    log.unsyncedBytes = 2000;
    clock.advance(40);
    expect([flow.on, freed, flow.holds(period, 4097)]).toEqual([true, 1, false]);
  });

  it('do not wait for a log that has failed', () => {
    log.unsyncedBytes = 5000;
    flow.watch(true);
    log.failed = new Error('the disk');
    clock.advance(40);
    expect([flow.on, freed]).toEqual([false, 1]);
  });

  it('do not mind what transient messages take', () => {
    transient.residentBytes = 1024 * MIB;
    flow.watch(true);
    expect(flow.on).toBe(false);
  });

  it('have 64 MiB unless something else is said', () => {
    const plain = new PublishFlowControl({
      name: '/',
      clock,
      log,
      transient,
      logger: {} as Logger,
      onUncongested() {},
    });
    log.unsyncedBytes = 64 * MIB;
    plain.watch(true);
    expect(plain.on).toBe(false);
    log.unsyncedBytes++;
    plain.watch(true);
    expect(plain.on).toBe(true);
  });
});

describe('publishers of transient messages', () => {
  it('are held back past 128 MiB in memory, whatever is not synced', () => {
    log.unsyncedBytes = 1_000_000;
    transient.residentBytes = 128 * MIB;
    flow.watch(false);
    expect(flow.on).toBe(false);
    transient.residentBytes++;
    flow.watch(false);
    expect(flow.on).toBe(true);
  });
});

describe('on a full disk', () => {
  it('publishers wait until there is room, however long, and both are said', () => {
    log.full = true;
    flow.diskFull();
    clock.advance(10_000);
    flow.resume();
    flow.synced();
    expect([flow.on, freed]).toEqual([true, 0]);
    log.full = false;
    flow.diskHasRoom();
    expect([flow.on, freed]).toEqual([false, 1]);
    expect(said).toEqual([
      'error: the disk is full: publishers wait until there is room again',
      'info: the disk has room again',
    ]);
  });

  it('one that was held back before stays so after its 40 ms', () => {
    log.unsyncedBytes = 2000;
    flow.watch(true);
    log.full = true;
    flow.diskFull();
    clock.advance(100);
    expect(flow.on).toBe(true);
  });

  it('they wait from the start if the log was opened on one', () => {
    log.full = true;
    const early = new PublishFlowControl({
      name: '/',
      clock,
      log,
      transient,
      logger: { error() {}, info() {} } as unknown as Logger,
      onUncongested: () => freed++,
    });
    early.synced();
    expect(early.on).toBe(true);
    log.full = false;
    early.diskHasRoom();
    expect([early.on, freed]).toEqual([false, 1]);
  });
});

describe('who waits while the log lags', () => {
  it('is who sends much from then on, not who sends little, and everybody while the disk is full or a mark is passed', () => {
    log.unsyncedBytes = 1001;
    flow.watch(true);
    const { period } = flow;
    expect([flow.holds(period, 4096), flow.holds(period, 4097)]).toEqual([false, true]);
    expect(flow.holds(period - 1, 1_000_000), 'what was sent before does not count').toBe(false);
    flow.watch(true);
    expect(flow.period, 'one hold, however often it is asked for').toBe(period);
    clock.advance(40);
    expect(flow.holds(period, 1_000_000), 'none is in force').toBe(false);
    flow.watch(true);
    expect(flow.period).toBe(period + 1);
    flow.setScarce('memory', true);
    expect(flow.holds(period + 1, 0)).toBe(true);
    flow.setScarce('memory', false);
    log.full = true;
    flow.diskFull();
    expect(flow.holds(period + 1, 0)).toBe(true);
  });
});
