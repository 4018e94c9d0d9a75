/**
 * `npm run mutate -- [PATHS] [--sample N] [--seed S]`: plants small faults in the source, one at a time, and runs the tests
 * that reach them. What no test notices is listed: there a behaviour is not tested, or the fault cannot matter
 * (test/mutation-survivors.md keeps those that were looked at).
 *
 * PATHS are folders or files under src/ and protocols/, both unless said; N faults are drawn at random (100), by S (1).
 * Everything happens in a copy of the project under --work (a directory in the system's temporary one), where the results are
 * kept, too: the same command goes on where it was stopped. Never part of `npm test` or CI; one worker, minutes to hours.
 *
 *   --budget S    no more than S seconds' worth of tests for a fault (120); 0: every test that reaches it. The same command with
 *                 a larger one goes on with what was not noticed
 *   --minutes M   stop after M minutes; the same command goes on
 *   --learn PATH  only learn which functions the tests under PATH (`test/`, `conformance/`) reach. Done by itself when nothing is known
 *   --again       copy the project as it is now, and try what was not noticed before once more
 *   --list        print the faults drawn, plant nothing
 *
 * Each fault in turn is tried with the tests that are most likely to notice it, a few seconds' worth. The type check looks at
 * those that are left, all at once; what it lets pass is tried with as many tests as the budget allows.
 *
 * The faults are Stryker's (its instrumenter) and two of our own (mutate/faults.ts). Stryker's own runner is not used: with
 * coverage per test it runs all tests for a start whatever the folder (4.5 minutes), a whole run for each fault outside a
 * function, and sees nothing in the processes that tests start; and it cannot draw.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { copyProject, shareModules, writeConfig } from './mutate/copy.ts';
import { draw, findAgain, lineOf, sources } from './mutate/draw.ts';
import { type Fault, told } from './mutate/faults.ts';
import { orderedTests, tookMs } from './mutate/order.ts';
import { Planting } from './mutate/planting.ts';
import { learnReach, type Reach } from './mutate/reach.ts';
import { byTypes, type Result, Results } from './mutate/results.ts';
import { Trier } from './mutate/trier.ts';
import { typeErrors } from './mutate/types.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Tests for a fault before those of all others have had their turn, in seconds' worth of them. */
const FIRST_BUDGET = 6;

function usage(problem: string): never {
  console.error(
    `${problem}\nusage: mutate [PATHS] [--sample N] [--seed S] [--budget S] [--minutes M] [--again] [--list]`,
  );
  process.exit(2);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    budget: { type: 'string', default: '120' },
    minutes: { type: 'string', default: '0' },
    work: { type: 'string', default: join(tmpdir(), 'entrepot-mutate') },
    learn: { type: 'string', multiple: true },
    again: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

function whole(name: 'sample' | 'seed' | 'budget' | 'minutes'): number {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 0) usage(`--${name} takes a whole number, not "${values[name]}"`);
  return value;
}

const sample = whole('sample');
const seed = whole('seed');
const budget = whole('budget') === 0 ? Number.POSITIVE_INFINITY : whole('budget');
const minutes = whole('minutes');
const endsAt = minutes === 0 ? Number.POSITIVE_INFINITY : performance.now() + minutes * 60_000;
const { work } = values;
const name = `${positionals.map((path) => path.replaceAll('/', '-')).join('+') || 'all'}-${sample}-${seed}`;
const copy = join(work, name);
const drawnPath = join(work, `${name}.drawn.json`);
const resultsPath = join(work, `${name}.jsonl`);
const reachPath = join(work, 'reach.json');
mkdirSync(work, { recursive: true });

async function knownReach(): Promise<Reach> {
  const none = { tests: {}, took: {}, longest: {} };
  const known = existsSync(reachPath)
    ? { ...none, ...(JSON.parse(readFileSync(reachPath, 'utf8')) as Partial<Reach>) }
    : none;
  if (values.learn === undefined && existsSync(reachPath)) return known;
  console.log('learning which tests reach what; this runs them all once …');
  const learnt = await learnReach(
    ROOT,
    work,
    sources(ROOT, ROOT, []),
    values.learn ?? ['test/', 'conformance/'],
    known,
  );
  writeFileSync(reachPath, JSON.stringify(learnt));
  console.log(`${Object.keys(learnt.took).length} test files reach ${Object.keys(learnt.tests).length} functions`);
  return learnt;
}

/** The faults to be tried, as a run before this one has drawn them, or drawn now. */
async function faultsToTry(results: Results): Promise<Fault[]> {
  if (values.again) {
    copyProject(ROOT, copy);
    const { survivors } = results;
    const found = await findAgain(copy, survivors);
    const gone = survivors.length - found.length;
    if (gone > 0) console.log(`${gone} of those that were not noticed are left out: their lines have changed`);
    results.forgetSurvivors();
    writeFileSync(drawnPath, JSON.stringify(found));
    return found;
  }
  if (existsSync(drawnPath)) {
    shareModules(ROOT, copy);
    return JSON.parse(readFileSync(drawnPath, 'utf8')) as Fault[];
  }
  copyProject(ROOT, copy);
  const files = sources(ROOT, copy, positionals);
  const { drawn, of } = await draw(copy, files, sample, seed);
  console.log(`${of} faults can be planted in ${files.length} files; ${drawn.length} drawn by seed ${seed}`);
  writeFileSync(drawnPath, JSON.stringify(drawn));
  return drawn;
}

const textOf = (fault: Fault): string => told(readFileSync(join(copy, fault.file), 'utf8'), fault);

const sayFault = (fault: Fault, change: string): string =>
  `${fault.file}:${fault.line}:${fault.column} ${fault.kind}: ${change}`;

const reach = await knownReach();
if (values.learn !== undefined) process.exit(0);

const planting = new Planting(copy, join(work, `${name}.planted.json`));
planting.restore();
const results = new Results(resultsPath);
const faults = await faultsToTry(results);
if (values.list) {
  for (const fault of faults) console.log(sayFault(fault, textOf(fault)));
  process.exit(0);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    planting.restore();
    process.exit(1);
  });
}

function keep(fault: Fault, result: Omit<Result, 'fault' | 'source' | 'change'>): void {
  const change = textOf(fault);
  results.add({ ...result, fault, source: lineOf(copy, fault), change });
  const { noticedBy, ran, reaching, spentMs } = result;
  const verdict = noticedBy ?? `NOT NOTICED by ${ran.length} of the ${reaching} test files that reach it`;
  console.log(`${sayFault(fault, change)}\n    ${verdict} (${(spentMs / 1000).toFixed(1)} s)`);
}

const trier = new Trier(copy, planting, reach, writeConfig(copy, 'trial', { isolate: false }), `${copy}.sound.json`);

/** The tests to run for a fault within a number of seconds, without those that have run. */
function affordable(tests: readonly string[], ran: readonly string[], seconds: number): string[] {
  let spentMs = 0;
  return tests.filter((test) => {
    const took = tookMs(reach, test);
    // One that is longer than all the time there is gets its turn where nothing else is left to run.
    if (spentMs + took > seconds * 1000) return false;
    spentMs += took;
    return !ran.includes(test);
  });
}

async function tryWithin(fault: Fault, seconds: number): Promise<void> {
  const before = results.of(fault, lineOf(copy, fault));
  if (before !== undefined && before.noticedBy !== null) return;
  const reaching = orderedTests(reach, fault, results.all).filter((test) => existsSync(join(copy, test)));
  const ran = before?.ran ?? [];
  const tests = affordable(reaching, ran, seconds);
  if (before !== undefined && tests.length === 0) return;
  const startedMs = performance.now();
  const { noticedBy, passed } = await trier.try(fault, tests);
  const spentMs = Math.round(performance.now() - startedMs) + (before?.spentMs ?? 0);
  keep(fault, {
    noticedBy,
    ran: [...ran, ...passed],
    reaching: reaching.length,
    spentMs,
    typed: before?.typed ?? false,
  });
}

/** Asks of all that nothing has noticed so far. */
async function askTypes(): Promise<void> {
  const asked = results.survivors.filter(({ typed }) => typed !== true).map(({ fault }) => fault);
  if (asked.length === 0) return;
  console.log(`asking the type check of ${asked.length} …`);
  const said = await typeErrors(copy, planting, asked);
  for (const [at, fault] of asked.entries()) {
    const noticedBy = said[at] ?? null;
    const before = results.of(fault, lineOf(copy, fault))!;
    keep(fault, { ...before, noticedBy: noticedBy === null ? null : byTypes(noticedBy), typed: true });
  }
}

async function tryAll(seconds: number): Promise<void> {
  console.log(`with ${Number.isFinite(seconds) ? `${seconds} seconds' worth of tests` : 'all tests'} for each fault`);
  for (const [at, fault] of faults.entries()) {
    if (performance.now() > endsAt) break;
    if (seconds === budget || results.of(fault, lineOf(copy, fault)) === undefined) await tryWithin(fault, seconds);
    if ((at + 1) % 25 === 0) console.log(`== ${at + 1} of ${faults.length}: ${results.share()}`);
  }
}

if (budget > FIRST_BUDGET) await tryAll(FIRST_BUDGET);
if (performance.now() <= endsAt) await askTypes();
await tryAll(budget);

console.log(`\n${results.share()}; results in ${resultsPath}`);
for (const { fault, change } of results.survivors) console.log(`  ${sayFault(fault, change)}`);
