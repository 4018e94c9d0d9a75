/** A bounded number of random histories of leased and parked messages, and planted bugs, which must show. */
import { afterEach, describe, expect, it } from 'vitest';
import { QueueContents } from '../../../src/queue/queue-contents.ts';
import { DeliverySlots } from '../../../src/queue/unsettled/delivery-slots.ts';
import { HoldWatch } from '../../../src/queue/unsettled/hold-watch.ts';
import { Journal } from '../../../src/vhost/journal/journal.ts';
import { runLeases } from './leases.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_LEASES'] ?? 80);

const planted: (() => void)[] = [];
afterEach(() => {
  for (const mend of planted.splice(0)) mend();
});

/** Puts a faulty method in the place of the right one, for this test. */
function plant<T extends object, K extends keyof T>(prototype: T, name: K, faulty: (whole: T[K]) => T[K]): void {
  const whole = prototype[name];
  planted.push(() => {
    prototype[name] = whole;
  });
  prototype[name] = faulty(whole);
}

async function firstWrong(histories: number): Promise<string | undefined> {
  for (let seed = 1; seed <= histories; seed++) {
    const { failures } = await runLeases(seed);
    if (failures.length > 0) return failures[0];
  }
  return undefined;
}

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
    expect(await firstWrong(60)).toMatch(/before its lease was over/);
  });

  it('would be found out if a renewal were confirmed and forgotten', { timeout: 120_000 }, async () => {
    plant(DeliverySlots.prototype, 'renew', () => () => {});
    expect(await firstWrong(60)).toMatch(/before its lease was over/);
  });

  it('would be found out if a deferral were forgotten', { timeout: 120_000 }, async () => {
    let n = 0;
    plant(Journal.prototype, 'deferred', (deferred) => {
      return function (this: Journal, ...parked) {
        if (++n % 4 !== 0) deferred.apply(this, parked);
      };
    });
    expect(await firstWrong(60)).toMatch(/before its time/);
  });

  it('would be found out if its time were written down wrongly', { timeout: 120_000 }, async () => {
    plant(Journal.prototype, 'deferred', (deferred) => {
      return function (this: Journal, queue, seq, flags, dueMs, token) {
        deferred.call(this, queue, seq, flags, dueMs - 600, token);
      };
    });
    expect(await firstWrong(60)).toMatch(/before its time/);
  });

  it('would be found out if what was asked for stayed parked', { timeout: 120_000 }, async () => {
    plant(QueueContents.prototype as QueueContents<never>, 'takeDeferred', () => {
      return function (this: QueueContents<never>, seq) {
        return this.deferred!.tokenOf(seq)!;
      };
    });
    expect(await firstWrong(60)).toMatch(/held by two|accepted|attempts/);
  });

  it('would be found out if a lease that ran out were no attempt after a restart', { timeout: 120_000 }, async () => {
    let n = 0;
    plant(Journal.prototype, 'returned', (returned) => {
      return function (this: Journal, ...entry) {
        if (++n % 3 !== 0) returned.apply(this, entry);
      };
    });
    expect(await firstWrong(60)).toMatch(/attempts/);
  });
});
