/** A bounded number of random histories of delayed messages, and bugs planted in their journal, which must show in as many. */
import { afterEach, describe, expect, it } from 'vitest';
import { Journal } from '../../../src/vhost/journal/journal.ts';
import { DelayedMessages } from '../../../src/vhost/timers/delayed-messages.ts';
import type { DueHeap } from '../../../src/vhost/timers/due-heap.ts';
import { runDelays } from './delays.ts';
import { firstWrong, plant } from './planting.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_DELAYS'] ?? 80);
/** One of so many records is left out. */
const ONE_OF = 5;

const whole = { ...Object.getOwnPropertyDescriptors(Journal.prototype) };

afterEach(() => {
  for (const name of ['delayed', 'delayedMany', 'delayOver'] as const)
    Object.defineProperty(Journal.prototype, name, whole[name]!);
});

async function wrongOf(histories: number, stopAtFirst: boolean): Promise<string[]> {
  const wrong: string[] = [];
  for (let seed = 1; seed <= histories; seed++) {
    const { failures } = await runDelays(seed);
    if (failures.length > 0) wrong.push(`seed ${seed}: ${failures[0]}`);
    if (stopAtFirst && wrong.length > 0) break;
  }
  return wrong;
}

describe('delayed messages', () => {
  it(`are routed once, in time, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    let certain = 0;
    let lives = 0;
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runDelays(seed);
      certain += report.certain;
      lives += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    expect(certain).toBeGreaterThan(HISTORIES * 10);
    expect(lives).toBeGreaterThan(HISTORIES);
  });

  it('would be found to come twice, if their end were not written down', { timeout: 120_000 }, async () => {
    const { delayOver } = Journal.prototype;
    let n = 0;
    Journal.prototype.delayOver = function (this: Journal, seqs) {
      if (++n % ONE_OF !== 0) delayOver.call(this, seqs);
    };
    expect((await wrongOf(60, true)).length).toBeGreaterThan(0);
  });

  it('would be found to be lost, if their delay were not written down', { timeout: 120_000 }, async () => {
    const { delayed } = Journal.prototype;
    let n = 0;
    Journal.prototype.delayed = function (this: Journal, seq, due, flags) {
      if (++n % ONE_OF !== 0) delayed.call(this, seq, due, flags);
    };
    expect((await wrongOf(60, true)).length).toBeGreaterThan(0);
  });

  it('would be found to be lost, if those of a transaction were not all written down', {
    timeout: 120_000,
  }, async () => {
    const { delayedMany } = Journal.prototype;
    Journal.prototype.delayedMany = function (this: Journal, messages) {
      delayedMany.call(this, messages.slice(0, -1));
    };
    expect((await wrongOf(60, true)).length).toBeGreaterThan(0);
  });

  it('would be found to come though they were dropped, if only the heap knew', { timeout: 120_000 }, async () => {
    plant(DelayedMessages.prototype, 'cancel', () => {
      return function (this: DelayedMessages, seq) {
        return (this as unknown as { parts: { heap: DueHeap } }).parts.heap.remove(seq) !== undefined;
      };
    });
    expect(await firstWrong(runDelays)).toMatch(/it had been dropped/);
  });
});
