/** A bounded number of random histories of messages that have passports, and planted bugs, which must show. */
import { describe, expect, it } from 'vitest';
import { Journal } from '../../../src/vhost/journal/journal.ts';
import { PassportEvents } from '../../../src/vhost/passports/events.ts';
import { Passports } from '../../../src/vhost/passports/passports.ts';
import { RecoveredPassports } from '../../../src/vhost/recovery/recovered-passports.ts';
import { runPassports } from './passports.ts';
import { firstWrong, plant } from './planting.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_PASSPORTS'] ?? 60);

describe('passports', () => {
  it(`tell what has happened, of their own message, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    const sum = { entries: 0, continued: 0, deaths: 0 };
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runPassports(seed);
      for (const name of ['entries', 'continued'] as const) sum[name] += report[name];
      sum.deaths += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    for (const [name, count] of Object.entries(sum)) expect(count, name).toBeGreaterThan(HISTORIES);
  });

  it('would be found out if an entry were another message’s', { timeout: 120_000 }, async () => {
    let n = 0;
    plant(PassportEvents.prototype, 'add', (add) => {
      return function (this: PassportEvents, event) {
        add.call(this, ++n % 40 === 0 && event.seq > 1 ? { ...event, seq: event.seq - 1 } : event);
      };
    });
    expect(await firstWrong(runPassports)).toMatch(/another|of message|outcomes|before it came|after its end|twice/);
  });

  it('would be found out if entries were written some turns late', { timeout: 120_000 }, async () => {
    let n = 0;
    plant(Passports.prototype, 'flushSettled', (flush) => {
      return function (this: Passports) {
        if (++n % 5 !== 0) return;
        flush.call(this);
      };
    });
    expect(await firstWrong(runPassports)).toMatch(/outcomes|has no passport/);
  });

  it('would be found out if an entry were there without what it tells of', { timeout: 120_000 }, async () => {
    let n = 0;
    plant(Journal.prototype, 'settled', (settled) => {
      return function (this: Journal, ...entries) {
        if (++n % 7 !== 0) settled.apply(this, entries);
      };
    });
    expect(await firstWrong(runPassports)).toMatch(/after its end|outcomes|twice/);
  });

  it('would be found out if a checkpoint left some out', { timeout: 120_000 }, async () => {
    plant(Journal.prototype, 'passportEvents', (passportEvents) => {
      return function (this: Journal, events, part) {
        passportEvents.call(this, part === null ? events : events.slice(0, -1), part);
      };
    });
    expect(await firstWrong(runPassports)).toMatch(/outcomes|has no passport|before it came/);
  });

  it('would be found out if one that was cut short replaced what was known', { timeout: 120_000 }, async () => {
    plant(RecoveredPassports.prototype, 'take', (take) => {
      return function (this: RecoveredPassports, { events, part }) {
        if (part?.first === true) take.call(this, { events: [], part: { first: true, last: true } });
        take.call(this, { events, part: null });
      };
    });
    expect(await firstWrong(runPassports, 120)).toMatch(/outcomes|has no passport/);
  });

  it('would be found out if messages were followed only into queues that have notes', {
    timeout: 120_000,
  }, async () => {
    plant(Passports.prototype, 'follow', () => () => {});
    expect(await firstWrong(runPassports)).toMatch(/was not followed/);
  });
});
