/**
 * `node bench/limit/floods.ts [--only TEXT] [--rounds N] [--ms N]`: what an ordinary client notices of a flood, beside what it must notice
 * anyway: the same client and the same flood at a bare server, which reads and throws away (`floor.ts`). Both share the machine's
 * processors with who floods. Broker and floor in turn; of several rounds the median. Milliseconds at the 99th percentile; alone is the broker's
 * client before the flood.
 *
 *     alone  floor   ours  x alone  x floor  case
 */
import { parseArgs } from 'node:util';
import { CASES } from '../../test/budget/cases/index.ts';
import { abused } from '../../test/budget/harness.ts';
import { startFloor } from './start.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '1' },
    ms: { type: 'string', default: '3000' },
  },
});
const OPTIONS = { measuredMs: Number(values.ms), idleMs: 1_500 };

const median = (of: readonly number[]): number => [...of].sort((a, b) => a - b)[of.length >> 1]!;

console.log(' alone  floor   ours  x alone  x floor  case');
for (const [index, { name, residentMaxBytes }] of CASES.entries()) {
  // A client that is refused and comes again is none that a server can leave standing which refuses nobody.
  if (residentMaxBytes === undefined || name.endsWith('one after another') || !name.includes(values.only)) continue;
  const seen: { alone: number[]; floor: number[]; ours: number[] } = { alone: [], floor: [], ours: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    seen.floor.push((await abused(index, { ...OPTIONS, start: startFloor })).p99Ms);
    const { idleP99Ms, p99Ms } = await abused(index, OPTIONS);
    seen.alone.push(idleP99Ms);
    seen.ours.push(p99Ms);
  }
  const [alone, floor, ours] = [median(seen.alone), median(seen.floor), median(seen.ours)];
  const figures = [alone.toFixed(1), floor.toFixed(1), ours.toFixed(1)].map((text) => text.padStart(6));
  console.log(
    `${figures.join(' ')} ${(ours / alone).toFixed(1).padStart(8)} ${(ours / floor).toFixed(1).padStart(8)}  ${name}`,
  );
}
