/** A bounded number of random histories of half messages, and planted bugs, which must show. */
import { describe, expect, it } from 'vitest';
import { HalfMessages } from '../../../src/vhost/half/half-messages.ts';
import { Journal } from '../../../src/vhost/journal/journal.ts';
import { Delays } from '../../../src/vhost/timers/delays.ts';
import { runHalves } from './halves.ts';
import { firstWrong, plant } from './planting.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_HALVES'] ?? 60);

describe('half messages', () => {
  it(`are seen when they are committed, once, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    const sum = { checks: 0, committed: 0, rolledBack: 0, givenUp: 0, deaths: 0 };
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runHalves(seed);
      for (const name of ['checks', 'committed', 'rolledBack', 'givenUp'] as const) sum[name] += report[name];
      sum.deaths += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    for (const [name, count] of Object.entries(sum)) expect(count, name).toBeGreaterThan(HISTORIES / 2);
  });

  it('would be found out if one were seen before its commit', { timeout: 120_000 }, async () => {
    let n = 0;
    plant(Delays.prototype, 'hold', (hold) => {
      return function (this: Delays, route, draft) {
        const seq = hold.call(this, route, draft);
        if (++n % 5 === 0) this.letGo(seq, 0);
        return seq;
      };
    });
    expect(await firstWrong(runHalves)).toMatch(/when only|never told/);
  });

  it('would be found out if a commit were not written down', { timeout: 120_000 }, async () => {
    let n = 0;
    plant(Journal.prototype, 'delayed', (delayed) => {
      return function (this: Journal, ...what) {
        if (++n % 3 !== 0) delayed.apply(this, what);
      };
    });
    expect(await firstWrong(runHalves)).toMatch(/is lost|wait for ever|was refused/);
  });

  it('would be found out if its end were forgotten', { timeout: 120_000 }, async () => {
    plant(Journal.prototype, 'statePut', (statePut) => {
      return function (this: Journal, key, value) {
        if (!key.startsWith('half-over:')) statePut.call(this, key, value);
      };
    });
    expect(await firstWrong(runHalves)).toMatch(/was refused/);
  });

  it('would be found out if it were asked for after its end', { timeout: 120_000 }, async () => {
    plant(Journal.prototype, 'stateDeleted', (stateDeleted) => {
      return function (this: Journal, key) {
        if (!key.startsWith('half:')) stateDeleted.call(this, key);
      };
    });
    expect(await firstWrong(runHalves)).toMatch(/though it has ended/);
  });

  it('would be found out if it were asked for too early', { timeout: 120_000 }, async () => {
    type Held = { nextMs: number };
    type Keeping = { keep(...what: [...names: string[], held: Held]): void };
    plant(HalfMessages.prototype as unknown as Keeping, 'keep', (keep) => {
      return function (this: Keeping, ...what) {
        (what.at(-1) as Held).nextMs -= 3_000;
        keep.apply(this, what);
      };
    });
    expect(await firstWrong(runHalves)).toMatch(/too early/);
  });
});
