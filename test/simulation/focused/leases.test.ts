/** A bounded number of random histories of leased and parked messages, and planted bugs, which must show. */
import { describe, expect, it } from 'vitest';
import { MODIFIED, RELEASED } from '../../../src/api/index.ts';
import type { QueueConsumer } from '../../../src/queue/dispatch/consumer.ts';
import { QueueContents } from '../../../src/queue/queue-contents.ts';
import { DeliverySlots } from '../../../src/queue/unsettled/delivery-slots.ts';
import { HoldLimits } from '../../../src/queue/unsettled/hold-limits.ts';
import { HoldWatch } from '../../../src/queue/unsettled/hold-watch.ts';
import { UnsettledMessages } from '../../../src/queue/unsettled/unsettled-messages.ts';
import { Journal } from '../../../src/vhost/journal/journal.ts';
import { runLeases } from './leases.ts';
import { firstWrong, plant } from './planting.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_LEASES'] ?? 80);

describe('leased and parked messages', () => {
  it(`are held by one, and come when they should, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    const sum = { expired: 0, renewed: 0, deferred: 0, claimed: 0, deaths: 0 };
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runLeases(seed);
      for (const name of ['expired', 'renewed', 'deferred', 'claimed'] as const) sum[name] += report[name];
      sum.deaths += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    for (const count of Object.values(sum)) expect(count).toBeGreaterThan(HISTORIES / 2);
  });

  it('would be found out if leases ran out early', { timeout: 120_000 }, async () => {
    plant(HoldWatch.prototype, 'tick', (tick) => {
      return function (this: HoldWatch, nowMs, order) {
        tick.call(this, nowMs * 1.2, order);
      };
    });
    expect(await firstWrong(runLeases)).toMatch(/before its lease was over/);
  });

  it('would be found out if a renewal were confirmed and forgotten', { timeout: 120_000 }, async () => {
    plant(DeliverySlots.prototype, 'renew', () => () => {});
    expect(await firstWrong(runLeases)).toMatch(/before its lease was over/);
  });

  it('would be found out if a deferral were forgotten', { timeout: 120_000 }, async () => {
    let n = 0;
    plant(Journal.prototype, 'deferred', (deferred) => {
      return function (this: Journal, ...parked) {
        if (++n % 4 !== 0) deferred.apply(this, parked);
      };
    });
    expect(await firstWrong(runLeases)).toMatch(/before its time/);
  });

  it('would be found out if its time were written down wrongly', { timeout: 120_000 }, async () => {
    plant(Journal.prototype, 'deferred', (deferred) => {
      return function (this: Journal, queue, seq, flags, dueMs, token) {
        deferred.call(this, queue, seq, flags, dueMs - 600, token);
      };
    });
    expect(await firstWrong(runLeases)).toMatch(/before its time/);
  });

  it('would be found out if what was asked for stayed parked', { timeout: 120_000 }, async () => {
    plant(QueueContents.prototype as QueueContents<never>, 'takeDeferred', () => {
      return function (this: QueueContents<never>, seq) {
        return this.deferred!.tokenOf(seq)!;
      };
    });
    expect(await firstWrong(runLeases)).toMatch(/held by two|accepted|attempts/);
  });

  it('would be found out if a lease that ran out were no attempt after a restart', { timeout: 120_000 }, async () => {
    let n = 0;
    plant(Journal.prototype, 'returned', (returned) => {
      return function (this: Journal, ...entry) {
        if (++n % 3 !== 0) returned.apply(this, entry);
      };
    });
    expect(await firstWrong(runLeases)).toMatch(/attempts/);
  });
});

describe('messages under a consumer timeout', () => {
  const runTimeouts = (seed: number) => runLeases(seed, 'timeout');

  it(`are given back in time, as no attempt, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    const sum = { expired: 0, renewed: 0, deaths: 0 };
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runTimeouts(seed);
      for (const name of ['expired', 'renewed'] as const) sum[name] += report[name];
      sum.deaths += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    for (const count of Object.values(sum)) expect(count).toBeGreaterThan(HISTORIES / 2);
  });

  it('would be found out if they were taken back early', { timeout: 120_000 }, async () => {
    plant(HoldWatch.prototype, 'tick', (tick) => {
      return function (this: HoldWatch, nowMs, order) {
        tick.call(this, nowMs * 1.2, order);
      };
    });
    expect(await firstWrong(runTimeouts)).toMatch(/before its lease was over/);
  });

  it('would be found out if one that ran out counted as an attempt', { timeout: 120_000 }, async () => {
    plant(UnsettledMessages.prototype, 'settle', (settle) => {
      return function (this: UnsettledMessages, consumer, slot, outcome) {
        return settle.call(this, consumer, slot, consumer.unanswered > 0 && outcome === RELEASED ? MODIFIED : outcome);
      };
    });
    expect(await firstWrong(runTimeouts)).toMatch(/attempts/);
  });

  it('would be found out if who has not answered got more', { timeout: 120_000 }, async () => {
    type Attaching = { takeBack(consumer: QueueConsumer, slots: readonly number[]): void };
    plant(HoldLimits.prototype as unknown as Attaching, 'takeBack', (takeBack) => {
      return function (this: Attaching, consumer, slots) {
        takeBack.call(this, consumer, slots);
        consumer.unanswered = 0;
      };
    });
    expect(await firstWrong(runTimeouts)).toMatch(/had not answered/);
  });

  it('would be found out if they were never taken back', { timeout: 120_000 }, async () => {
    plant(HoldLimits.prototype, 'look', () => () => true);
    expect(await firstWrong(runTimeouts)).toMatch(/too long/);
  });
});
