/**
 * `node scripts/simulate.ts [--seeds N] [--seed S] [--threads N] [--sabotage NAME]`: random histories of the broker's core
 * beside a model, on a disk that tears, forgets and fails (`test/simulation/history/history.ts`). 1000 unless said, on a
 * thread for each core, with seeds that follow on from S (default: 1). Exits 1 if anything was wrong, and says with which
 * seeds.
 *
 * `--seed S` alone runs that one history again and tells every step. `--sabotage` plants a bug, which should be found.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { runHistory } from '../test/simulation/history/history.ts';
import { runHistories } from '../test/simulation/run.ts';
import { type Sabotage, type SabotageName, sabotages } from '../test/simulation/sabotage.ts';

const PROGRESS_MS = 2_000;
/** So many failing seeds are told in full. */
const TOLD_MAX = 10;

function usage(problem: string): never {
  console.error(`${problem}\nusage: simulate [--seeds N] [--seed S] [--threads N] [--sabotage NAME]`);
  process.exit(2);
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) usage(`--${name} takes a whole number above 0, not "${text}"`);
  return value;
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    sabotage: { type: 'string' },
  },
});
if (values.sabotage !== undefined && !(values.sabotage in sabotages)) {
  usage(`--sabotage takes one of ${Object.keys(sabotages).join(', ')}, not "${values.sabotage}"`);
}
const sabotage = values.sabotage as SabotageName | undefined;
const firstSeed = whole('seed', values.seed ?? '1');

if (values.seed !== undefined && values.seeds === undefined) await replay(firstSeed);
else await runMany(whole('seeds', values.seeds ?? '1000'));

async function replay(seed: number): Promise<never> {
  const plant: Sabotage = sabotage === undefined ? {} : sabotages[sabotage];
  plant.install?.();
  const files = plant.files;
  const { failures } = await runHistory(seed, {
    trace: (line) => console.log(line),
    ...(files !== undefined && { sabotage: files }),
  });
  console.log(failures.length === 0 ? `seed ${seed}: all held` : `seed ${seed}: WRONG\n  ${failures.join('\n  ')}`);
  process.exit(failures.length === 0 ? 0 : 1);
}

async function runMany(histories: number): Promise<never> {
  const startedMs = performance.now();
  let done = 0;
  let wrong = 0;
  let shownMs = startedMs;
  const rate = (): string => `${Math.round((done * 1000) / (performance.now() - startedMs))} histories/s`;
  const report = await runHistories({
    firstSeed,
    histories,
    threads: whole('threads', values.threads),
    ...(sabotage !== undefined && { sabotage }),
    onHistory({ seed, failures }) {
      done++;
      if (failures.length > 0 && wrong++ < TOLD_MAX) {
        console.log(
          `seed ${seed}: WRONG\n  ${failures.slice(0, 3).join('\n  ')}\n  again: npm run simulate -- --seed ${seed}`,
        );
      }
      if (performance.now() - shownMs > PROGRESS_MS) {
        shownMs = performance.now();
        console.log(`${done} of ${histories}, ${wrong} wrong, ${rate()}`);
      }
      return true;
    },
  });
  console.log(`${done} histories, ${wrong} wrong, ${rate()}`);
  const told = (figures: object): string =>
    Object.entries(figures)
      .map(([kind, n]) => `${kind.replace(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`)} ${n}`)
      .join(', ');
  console.log(`what was done to the disk: ${told(report.faults)}`);
  console.log(`what the broker did: ${told(report.counts)}`);
  if (wrong > 0)
    console.log(
      `wrong: ${report.failed
        .slice(0, 100)
        .map(({ seed }) => seed)
        .join(' ')}`,
    );
  process.exit(wrong === 0 ? 0 : 1);
}
