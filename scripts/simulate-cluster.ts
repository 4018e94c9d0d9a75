/**
 * `node scripts/simulate-cluster.ts [--seeds N] [--seed S]`: random histories of a small cluster, on an engine that loses and delays and on
 * disks that tear and forget (`test/cluster/simulation/history.ts`). 1000 unless said, with seeds that follow on from S (default: 1). Exits 1 if
 * anything was wrong, and says with which seeds. `--seed S` alone runs that one again and tells every step.
 */
import { parseArgs } from 'node:util';
import { runCluster } from '../test/cluster/simulation/history.ts';

const { values } = parseArgs({ options: { seeds: { type: 'string' }, seed: { type: 'string' } } });
const first = Number(values.seed ?? 1);
const alone = values.seed !== undefined && values.seeds === undefined;
const histories = alone ? 1 : Number(values.seeds ?? 1000);
if (!Number.isInteger(first) || !Number.isInteger(histories)) {
  console.error('usage: simulate-cluster [--seeds N] [--seed S]');
  process.exit(2);
}

const counts: Record<string, number> = {};
const wrong: number[] = [];
const startedMs = performance.now();
for (let seed = first; seed < first + histories; seed++) {
  const report = await runCluster(seed, alone ? { trace: (line) => console.log(line) } : {});
  for (const [what, n] of Object.entries(report.counts)) counts[what] = (counts[what] ?? 0) + n;
  if (report.failures.length === 0) continue;
  wrong.push(seed);
  console.log(`seed ${seed}: WRONG\n  ${report.failures.slice(0, 3).join('\n  ')}`);
}
const rate = Math.round((histories * 1000) / (performance.now() - startedMs));
console.log(`${histories} histories, ${wrong.length} wrong, ${rate} histories/s`);
console.log(
  Object.entries(counts)
    .map(([what, n]) => `${what} ${n}`)
    .join(', '),
);
if (wrong.length > 0) console.log(`wrong: ${wrong.slice(0, 100).join(' ')}`);
process.exit(wrong.length === 0 ? 0 : 1);
