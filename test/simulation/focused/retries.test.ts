/** A bounded number of random histories of failed messages that wait, and bugs planted in their journal, which must show. */
import { afterEach, describe, expect, it } from 'vitest';
import { Journal } from '../../../src/vhost/journal/journal.ts';
import { runRetries } from './retries.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_RETRIES'] ?? 80);

const whole = Object.getOwnPropertyDescriptor(Journal.prototype, 'retry')!;

afterEach(() => {
  Object.defineProperty(Journal.prototype, 'retry', whole);
});

async function firstWrong(histories: number): Promise<string | undefined> {
  for (let seed = 1; seed <= histories; seed++) {
    const { failures } = await runRetries(seed);
    if (failures.length > 0) return failures[0];
  }
  return undefined;
}

describe('failed messages that wait', () => {
  it(`are tried again, in time, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    let retried = 0;
    let deaths = 0;
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runRetries(seed);
      retried += report.retried;
      deaths += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    expect(retried).toBeGreaterThan(HISTORIES);
    expect(deaths).toBeGreaterThan(HISTORIES);
  });

  it('would be found out if their waiting were forgotten', { timeout: 120_000 }, async () => {
    let n = 0;
    const retry = whole.value as Journal['retry'];
    Journal.prototype.retry = function (this: Journal, queue, seq, word, dueMs) {
      if (++n % 5 !== 0) retry.call(this, queue, seq, word, dueMs);
    };
    expect(await firstWrong(60)).toMatch(/before its time|attempts/);
  });

  it('would be found out if their time were written down wrongly', { timeout: 120_000 }, async () => {
    const retry = whole.value as Journal['retry'];
    Journal.prototype.retry = function (this: Journal, queue, seq, word, dueMs) {
      retry.call(this, queue, seq, word, dueMs - 90);
    };
    expect(await firstWrong(60)).toMatch(/before its time/);
  });
});
