/** A bounded number of random histories of dead letters that find no room, and bugs planted in their way, which must show. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PendingDeadLetters } from '../../../src/vhost/dead-letters/pending-dead-letters.ts';
import { Journal } from '../../../src/vhost/journal/journal.ts';
import { runCrowd } from './crowding.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_CROWDS'] ?? 80);
/** One of so many is left out. */
const ONE_OF = 5;

afterEach(() => {
  vi.restoreAllMocks();
});

async function firstWrong(histories: number): Promise<string | undefined> {
  for (let seed = 1; seed <= histories; seed++) {
    const { failures } = await runCrowd(seed);
    if (failures.length > 0) return failures[0];
  }
  return undefined;
}

describe('dead letters that find no room', () => {
  it(`arrive once, when there is some, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    let letters = 0;
    let crowded = 0;
    let deaths = 0;
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runCrowd(seed);
      letters += report.letters;
      if (report.waitedMax > 3) crowded++;
      deaths += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    expect(letters).toBeGreaterThan(HISTORIES * 10);
    expect(crowded).toBeGreaterThan(HISTORIES / 2);
    expect(deaths).toBeGreaterThan(HISTORIES);
  });

  it('would be found out if their death were not written down', { timeout: 120_000 }, async () => {
    const { dying } = Journal.prototype;
    let n = 0;
    vi.spyOn(Journal.prototype, 'dying').mockImplementation(function (this: Journal, ...death) {
      if (++n % ONE_OF !== 0) dying.apply(this, death);
    });
    expect(await firstWrong(60)).toMatch(/though it was rejected|is lost/);
  });

  it('would be found out if they were forgotten where they wait', { timeout: 120_000 }, async () => {
    const { add } = PendingDeadLetters.prototype;
    let n = 0;
    vi.spyOn(PendingDeadLetters.prototype, 'add').mockImplementation(function (this: PendingDeadLetters, letter) {
      if (++n % ONE_OF !== 0) add.call(this, letter);
    });
    expect(await firstWrong(60)).toMatch(/is lost/);
  });
});
