/**
 * A bounded number of random histories (`npm run simulate` runs more), and the test of the test: each planted bug must be
 * found within as many.
 */
import { describe, expect, it } from 'vitest';
import { runHistory } from './history/history.ts';
import { runHistories } from './run.ts';
import { type SabotageName, sabotages } from './sabotage.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE'] ?? 1200);
/** A planted bug must show within so many. */
const PATIENCE = 400;
const FIRST_SEED = 1;

describe('the broker beside a model', () => {
  it(`is what the model says it can be, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    const { failed, faults, histories } = await runHistories({
      firstSeed: FIRST_SEED,
      histories: HISTORIES,
      threads: 2,
      onHistory: () => true,
    });
    const told = failed.map(({ seed, failures }) => `npm run simulate -- --seed ${seed}: ${failures[0]}`);
    expect(told.slice(0, 10)).toEqual([]);
    expect(histories).toBe(HISTORIES);
    // A simulation that injects nothing proves nothing.
    for (const [kind, n] of Object.entries(faults)) expect(n, kind).toBeGreaterThan(0);
  });

  it('does the same again with the same seed', { timeout: 60_000 }, async () => {
    for (const seed of [7, 21, 46]) {
      const runs: string[][] = [[], []];
      for (const lines of runs) await runHistory(seed, { trace: (line) => lines.push(line) });
      expect(runs[0]!.length).toBeGreaterThan(20);
      expect(runs[1]).toEqual(runs[0]);
    }
  });
});

describe('a planted bug is found', () => {
  it.each(Object.keys(sabotages) as SabotageName[])('%s', { timeout: 120_000 }, async (sabotage) => {
    const { failed } = await runHistories({
      firstSeed: FIRST_SEED,
      histories: PATIENCE,
      threads: 2,
      sabotage,
      onHistory: ({ failures }) => failures.length === 0,
    });
    expect(failed.length).toBeGreaterThan(0);
  });
});
