/** A bounded number of logs in which bits change by themselves. */
import { expect, it } from 'vitest';
import { runRot } from './rot.ts';

it('a bit that changes by itself is found, said, and spoils its own batch only, in 150 logs', {
  timeout: 120_000,
}, async () => {
  const outcomes = { whole: 0, reported: 0, refused: 0 };
  let lost = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const report = await runRot(seed);
    expect(report.failures, `seed ${seed}`).toEqual([]);
    outcomes[report.outcome]++;
    lost += report.lost;
  }
  // Each of them happens: else the bits do not hit what matters.
  expect(outcomes.whole).toBeGreaterThan(10);
  expect(outcomes.reported).toBeGreaterThan(10);
  expect(lost).toBeGreaterThan(10);
});
