/**
 * `node bench/abuse.ts [--only TEXT] [--size N] [--memory]`: what an ordinary client notices while another abuses the broker, case
 * by case (`test/budget/cases/index.ts`): how old a message is when it has been delivered and confirmed, and how long SIGTERM takes
 * in the middle of it; and how old 99 of 100 were just before, when nobody abused anything, which says how quiet the machine is.
 * Then how many times as old they were in the abuse, and the most that was in memory, in MiB. `--size 10` does ten times as much as
 * the test; `--memory` only the cases that have a bound on memory.
 *
 *     p50   p99  most  stop  idle p99  p99 ÷ idle  peak  messages  case
 */
import { parseArgs } from 'node:util';
import { CASES } from '../test/budget/cases/index.ts';
import { abused } from '../test/budget/harness.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    size: { type: 'string', default: '1' },
    memory: { type: 'boolean', default: false },
  },
});
for (const [index, { name, residentMaxBytes, measuredMs }] of CASES.entries()) {
  if (!name.includes(values.only) || (values.memory && residentMaxBytes === undefined)) continue;
  const options = { size: Number(values.size), ...(values.memory && measuredMs !== undefined && { measuredMs }) };
  const { p50Ms, p99Ms, mostMs, stopMs, messages, idleP99Ms, residentPeakBytes } = await abused(index, options);
  const figures = [p50Ms, p99Ms, mostMs, stopMs].map((ms) => ms.toFixed(0).padStart(6)).join(' ');
  const times = `${idleP99Ms.toFixed(1).padStart(6)} ${(p99Ms / idleP99Ms).toFixed(1).padStart(6)}`;
  const peak = (residentPeakBytes / 1024 ** 2).toFixed(0).padStart(5);
  console.log(`${figures} ${times} ${peak}  ${String(messages).padStart(4)}  ${name}`);
}
