/** A bounded number of random histories of messages that are to be taken once, and planted bugs, which must show. */
import { afterEach, describe, expect, it } from 'vitest';
import { DeduplicationWindow } from '../../../src/deduplication/window.ts';
import { Journal } from '../../../src/vhost/journal/journal.ts';
import { RecoveredWindow } from '../../../src/vhost/recovery/recovered-window.ts';
import { runOnce } from './once.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_ONCE'] ?? 80);

const whole = [Journal, DeduplicationWindow, RecoveredWindow].map(
  ({ prototype }) => [prototype, Object.getOwnPropertyDescriptors(prototype)] as const,
);

afterEach(() => {
  for (const [prototype, descriptors] of whole) Object.defineProperties(prototype, descriptors);
});

async function firstWrong(histories: number): Promise<string | undefined> {
  for (let seed = 1; seed <= histories; seed++) {
    const { failures } = await runOnce(seed);
    if (failures.length > 0) return failures[0];
  }
  return undefined;
}

describe('messages that are to be taken once', () => {
  it(`are, and none is refused that is not there, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    let repeats = 0;
    let lost = 0;
    let deaths = 0;
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runOnce(seed);
      repeats += report.repeats;
      lost += report.lost;
      deaths += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    expect(repeats).toBeGreaterThan(HISTORIES);
    expect(lost).toBeGreaterThan(HISTORIES / 4);
    expect(deaths).toBeGreaterThan(HISTORIES);
  });

  it('would be found out if an id were not written down', { timeout: 120_000 }, async () => {
    let n = 0;
    const { idAdmitted } = Journal.prototype;
    Journal.prototype.idAdmitted = function (this: Journal, owner, size, entry) {
      if (++n % 5 !== 0) idAdmitted.call(this, owner, size, entry);
    };
    expect(await firstWrong(60)).toMatch(/not known any more/);
  });

  it('would be found out if a checkpoint left ids out', { timeout: 120_000 }, async () => {
    DeduplicationWindow.prototype.kept = function* () {};
    expect(await firstWrong(60)).toMatch(/not known any more/);
  });

  it('would be found out if an id were safe before its message', { timeout: 120_000 }, async () => {
    // The next message's id is written with this one.
    const { idAdmitted } = Journal.prototype;
    const early = new WeakMap<Journal, string>();
    Journal.prototype.idAdmitted = function (this: Journal, owner, size, admitted) {
      idAdmitted.call(this, owner, size, admitted);
      const { bytes, start, end } = admitted;
      const id = bytes.toString('latin1', start, end);
      const next = `i${Number(id.slice(1)) + 1}`;
      if (early.get(this) === id) return;
      early.set(this, next);
      idAdmitted.call(this, owner, size, { ...admitted, bytes: Buffer.from(next), start: 0, end: next.length });
    };
    expect(await firstWrong(60)).toMatch(/should not be|duplicate is true|is lost/);
  });

  it('would be found out if an id outlived its message', { timeout: 120_000 }, async () => {
    RecoveredWindow.prototype.left = () => {};
    expect(await firstWrong(60)).toMatch(/should not be/);
  });

  it('would be found out if a publisher’s number were forgotten', { timeout: 120_000 }, async () => {
    RecoveredWindow.prototype.publishersAdmitted = () => {};
    expect(await firstWrong(60)).toMatch(/not known any more/);
  });
});
