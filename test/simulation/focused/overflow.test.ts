/** A bounded number of random histories of windows that forget the oldest, and planted bugs, which must show. */
import { describe, expect, it } from 'vitest';
import { DeduplicationWindow } from '../../../src/deduplication/window.ts';
import { Journal } from '../../../src/vhost/journal/journal.ts';
import { RecoveredWindow } from '../../../src/vhost/recovery/recovered-window.ts';
import { runOverflow } from './overflow.ts';
import { firstWrong, plant } from './planting.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_OVERFLOWS'] ?? 80);
type Recovered = { trim(size: number): void; inOrder(): readonly object[] };
type Window = { makeRoom(bytes: number): void };

describe('windows that know few ids', () => {
  it(`know the latest, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    const sum = { repeats: 0, again: 0, lost: 0, deaths: 0 };
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runOverflow(seed);
      for (const name of ['repeats', 'again', 'lost'] as const) sum[name] += report[name];
      sum.deaths += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    for (const [name, count] of Object.entries(sum)) expect(count, name).toBeGreaterThan(HISTORIES / 2);
  });

  it('would be found out if a death turned the order of ids round', { timeout: 120_000 }, async () => {
    plant(RecoveredWindow.prototype as unknown as Recovered, 'inOrder', (inOrder) => {
      return function (this: Recovered) {
        return [...inOrder.call(this)].reverse();
      };
    });
    expect(await firstWrong(runOverflow)).toMatch(/not known any more|made room|duplicate is|out of order/);
  });

  it('would be found out if recovery kept too few', { timeout: 120_000 }, async () => {
    plant(RecoveredWindow.prototype as unknown as Recovered, 'trim', (trim) => {
      return function (this: Recovered, size: number) {
        trim.call(this, size - 2);
      };
    });
    expect(await firstWrong(runOverflow)).toMatch(/not known any more/);
  });

  it('would be found out if a recovered window had no bound', { timeout: 120_000 }, async () => {
    plant(DeduplicationWindow.prototype, 'restore', (restore) => {
      return function (this: DeduplicationWindow, ...recovered) {
        const { settings } = this;
        this.settings = { ...settings, size: 1_000 };
        restore.apply(this, recovered);
        this.settings = settings;
      };
    });
    expect(await firstWrong(runOverflow)).toMatch(/made room|knows \d+ ids/);
  });

  it('would be found out if the newest made room', { timeout: 120_000 }, async () => {
    plant(DeduplicationWindow.prototype as unknown as Window, 'makeRoom', (makeRoom) => {
      return function (this: Window, bytes: number) {
        const { ring } = this as unknown as { ring: { at(i: number): number; count: number; span: number } };
        const { at } = ring;
        ring.at = (i) => at.call(ring, i === 0 ? ring.span - 1 : i);
        makeRoom.call(this, bytes);
        ring.at = at;
      };
    });
    expect(await firstWrong(runOverflow)).toMatch(/duplicate is|not known any more/);
  });

  it('would be found out if some ids were not written down', { timeout: 120_000 }, async () => {
    let n = 0;
    plant(Journal.prototype, 'idAdmitted', (idAdmitted) => {
      return function (this: Journal, ...admitted) {
        if (++n % 5 !== 0) idAdmitted.apply(this, admitted);
      };
    });
    expect(await firstWrong(runOverflow)).toMatch(/not known any more|made room/);
  });
});
