/** A bounded number of random histories of schedules, and bugs planted in them, which must show in as many. */
import { afterEach, describe, expect, it } from 'vitest';
import { JournaledState } from '../../../src/vhost/journal/adapter-state.ts';
import { Delays } from '../../../src/vhost/timers/delays.ts';
import { runSchedules } from './schedules.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_SCHEDULES'] ?? 80);
/** One of so many is left out. */
const ONE_OF = 5;

const { put } = JournaledState.prototype;
const { publishHeld, drop } = Delays.prototype;

afterEach(() => {
  JournaledState.prototype.put = put;
  Object.assign(Delays.prototype, { publishHeld, drop });
});

async function firstWrong(histories: number): Promise<string | undefined> {
  for (let seed = 1; seed <= histories; seed++) {
    const { failures } = await runSchedules(seed);
    if (failures.length > 0) return failures[0];
  }
  return undefined;
}

describe('schedules', () => {
  it(`fire as often as they say, each time once, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    let certain = 0;
    let routed = 0;
    let lives = 0;
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runSchedules(seed);
      certain += report.certain;
      routed += report.routed;
      lives += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    expect(certain).toBeGreaterThan(HISTORIES * 5);
    expect(routed).toBeGreaterThan(certain * 2);
    expect(lives).toBeGreaterThan(HISTORIES);
  });

  it('would be found to fire twice, if what they did were not written down', { timeout: 120_000 }, async () => {
    let n = 0;
    JournaledState.prototype.put = function (this: JournaledState, key, value) {
      const again = this.get(key) !== undefined;
      if (!key.startsWith('schedule:') || !again || ++n % ONE_OF !== 0) put.call(this, key, value);
    };
    expect(await firstWrong(60)).toBeDefined();
  });

  it('would be found to lose a firing that is written down and not done', { timeout: 120_000 }, async () => {
    let n = 0;
    Delays.prototype.publishHeld = function (this: Delays, ...given) {
      if (++n % ONE_OF !== 0) publishHeld.apply(this, given);
    };
    expect(await firstWrong(60)).toBeDefined();
  });
});
