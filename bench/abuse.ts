/**
 * `node bench/abuse.ts [--only TEXT] [--size N] [--memory] [--rounds N]`: what an ordinary client notices while another abuses the broker,
 * case by case (`test/budget/cases/index.ts`): how old 99 of 100 of its messages are when they have been delivered and confirmed, alone
 * and beside the abuse, and how many times as old that is. Each case in two ways: the abuser takes processors like everybody else, and it
 * takes only what nobody else wants (`nice -n 19`), which leaves what the broker makes others wait. Then how long SIGTERM takes in the middle
 * of it, and the most that was in memory, in MiB. `--size 10` does ten times as much as the test; `--memory` only the cases that have a bound
 * on memory; of several rounds each figure is the median.
 *
 *     alone  beside   ratio │  alone  beside   ratio (yielding) │  stop  peak  case
 */
import { parseArgs } from 'node:util';
import { CASES } from '../test/budget/cases/index.ts';
import { abused, type Outcome } from '../test/budget/harness.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    size: { type: 'string', default: '1' },
    memory: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '1' },
  },
});
const IDLE_MS = 2_000;

function median(outcomes: readonly Outcome[], of: (outcome: Outcome) => number): number {
  return outcomes.map(of).sort((a, b) => a - b)[outcomes.length >> 1]!;
}

console.log(' alone  beside   ratio │  alone  beside   ratio (yielding) │  stop  peak  case');
const held = [0, 0];
let cases = 0;
for (const [index, { name, residentMaxBytes, measuredMs = 2_000 }] of CASES.entries()) {
  if (!name.includes(values.only) || (values.memory && residentMaxBytes === undefined)) continue;
  cases++;
  const columns: string[] = [];
  const all: Outcome[] = [];
  for (const [way, yielding] of [false, true].entries()) {
    const outcomes: Outcome[] = [];
    for (let round = 0; round < Number(values.rounds); round++)
      outcomes.push(await abused(index, { size: Number(values.size), measuredMs, idleMs: IDLE_MS, yielding }));
    all.push(...outcomes);
    const alone = median(outcomes, ({ idleP99Ms }) => idleP99Ms);
    const beside = median(outcomes, ({ p99Ms }) => p99Ms);
    const ratio = median(outcomes, ({ p99Ms, idleP99Ms }) => p99Ms / idleP99Ms);
    if (ratio <= 3) held[way]!++;
    columns.push(`${alone.toFixed(1).padStart(6)} ${beside.toFixed(1).padStart(7)} ${ratio.toFixed(1).padStart(7)}`);
  }
  const stop = median(all, ({ stopMs }) => stopMs).toFixed(0);
  const peak = (Math.max(...all.map(({ residentPeakBytes }) => residentPeakBytes)) / 1024 ** 2).toFixed(0);
  console.log(`${columns.join(' │ ')}            │ ${stop.padStart(5)} ${peak.padStart(5)}  ${name}`);
}
console.log(`within 3 ×: ${held[0]} of ${cases}; with an abuser that yields ${held[1]}`);
