/**
 * `node bench/abuse.ts [--only TEXT] [--size N]`: what an ordinary client notices while another abuses the broker, case by
 * case (`test/budget/cases/index.ts`): how old a message is when it has been delivered and confirmed, and how long SIGTERM takes
 * in the middle of it; and how old 99 of 100 were just before, when nobody abused anything, which says how quiet the machine is.
 * `--size 10` does ten times as much as the test.
 */
import { parseArgs } from 'node:util';
import { CASES } from '../test/budget/cases/index.ts';
import { abused } from '../test/budget/harness.ts';

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, size: { type: 'string', default: '1' } },
});
for (const [index, { name }] of CASES.entries()) {
  if (!name.includes(values.only)) continue;
  const { p50Ms, p99Ms, mostMs, stopMs, messages, idleP99Ms } = await abused(index, { size: Number(values.size) });
  const figures = [p50Ms, p99Ms, mostMs, stopMs, idleP99Ms].map((ms) => ms.toFixed(0).padStart(6)).join(' ');
  console.log(`${figures}  ${String(messages).padStart(4)}  ${name}`);
}
