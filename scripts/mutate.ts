/**
 * `npm run mutate -- [PATHS] [--sample N] [--seed S]`: plants small faults in the source, one at a time, and runs the tests
 * that reach them. What no test notices is listed: there a behaviour is not tested, or the fault cannot matter
 * (test/mutation-survivors.md keeps those that were looked at).
 *
 * PATHS are folders or files under src/ and protocols/, both unless said; N faults are drawn at random (100), by S (1).
 * Everything happens in a copy of the project under --work (a directory in the system's temporary one), where the results are
 * kept, too: the same command goes on where it was stopped. Never part of `npm test` or CI; one worker, minutes to hours.
 *
 *   --budget S    stop looking for a test after S seconds' worth of tests (60); 0: run every test that reaches the fault
 *   --minutes M   stop after M minutes; the same command goes on
 *   --learn PATH  only learn which functions the tests under PATH (`test/`, `conformance/`) reach. Done by itself when nothing is known
 *   --again       copy the project as it is now, and try what was not noticed before once more
 *   --list        print the faults drawn, plant nothing
 *
 * The faults are Stryker's (its instrumenter) and two of our own (mutate/faults.ts). Stryker's own runner is not used: with
 * coverage per test it runs all tests for a start whatever the folder (4.5 minutes), a whole run for each fault outside a
 * function, and sees nothing in the processes that tests start; and it cannot draw.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { copyProject, shareModules, writeConfig } from './mutate/copy.ts';
import { type Fault, faultsOf, planted, told } from './mutate/faults.ts';
import { learnReach, type Reach, testsFor } from './mutate/reach.ts';
import { runTests } from './mutate/trial.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Tests get this much longer than they took before, and so much on top, before a fault counts as an endless loop. */
const LIMIT_FACTOR = 6;
const LIMIT_EXTRA_MS = 25_000;
/** What the first run of tests for a fault may take; each run after it may take twice as long. */
const FIRST_RUN_MS = 2_500;

interface Result {
  readonly fault: Fault;
  /** The line as it stands, to find it again after changes. */
  readonly source: string;
  readonly change: string;
  readonly noticedBy: string | null;
  /** Test files that were run without noticing, and those that reach it altogether. */
  readonly ran: number;
  readonly reaching: number;
}

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
    budget: { type: 'string', default: '60' },
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
const budgetMs = whole('budget') * 1000;
const minutes = whole('minutes');
const endsAt = minutes === 0 ? Number.POSITIVE_INFINITY : performance.now() + minutes * 60_000;
const work = values.work;
const name = `${positionals.map((path) => path.replaceAll('/', '-')).join('+') || 'all'}-${sample}-${seed}`;
const copy = join(work, name);
/** Which file has a fault in it, and its text without. */
const plantedPath = join(work, `${name}.planted.json`);
const reachPath = join(work, 'reach.json');
mkdirSync(work, { recursive: true });

/** The sources below the given paths, from the root of the project. */
function sources(root: string, paths: readonly string[]): string[] {
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'src', 'protocols'], {
    cwd: ROOT,
  });
  return files
    .toString()
    .split('\n')
    .filter((file) => file.endsWith('.ts') && existsSync(join(root, file)))
    .filter((file) => paths.length === 0 || paths.some((path) => file === path || file.startsWith(`${path}/`)))
    .sort();
}

/** A number from 0 up to 1, one after the other, the same for a seed (mulberry32). */
function random(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function draw(root: string, paths: readonly string[]): Promise<Fault[]> {
  const all: Fault[] = [];
  for (const file of sources(root, paths)) all.push(...(await faultsOf(root, file)));
  const next = random(seed);
  const taken = Math.min(sample, all.length);
  for (let at = 0; at < taken; at++) {
    const other = at + Math.floor(next() * (all.length - at));
    [all[at], all[other]] = [all[other]!, all[at]!];
  }
  console.log(
    `${all.length} faults can be planted in ${sources(root, paths).length} files; ${taken} drawn by seed ${seed}`,
  );
  return all.slice(0, taken);
}

function lineOf(root: string, { file, line }: Fault): string {
  return readFileSync(join(root, file), 'utf8').split('\n')[line - 1]!.trim();
}

const identity = (fault: Fault, source: string): string =>
  JSON.stringify([fault.file, fault.where, source, fault.kind, fault.column - fault.start, fault.replacement]);

/** Takes the fault out again that is planted now, or was when an earlier run was stopped. */
function restore(): void {
  if (!existsSync(plantedPath)) return;
  const [path, before] = JSON.parse(readFileSync(plantedPath, 'utf8')) as [string, string];
  writeFileSync(path, before);
  rmSync(plantedPath);
}

/** Cuts the tests into runs: short ones first, each run about twice the one before. */
function runsOf(tests: readonly string[], reach: Reach): string[][] {
  const runs: string[][] = [];
  let room = FIRST_RUN_MS;
  let used = 0;
  let run: string[] = [];
  for (const test of tests) {
    const took = reach.took[test] ?? 1000;
    if (run.length > 0 && used + took > room) {
      runs.push(run);
      room *= 2;
      used = 0;
      run = [];
    }
    run.push(test);
    used += took;
  }
  if (run.length > 0) runs.push(run);
  return runs;
}

/** Test files that are known to pass where no fault is planted, and those that do not. */
const sound = new Set<string>();
const unsound = new Set<string>();

/** A run that told nothing speaks of the fault only if the same tests run where there is none. */
let runs = false;
async function provesToRun(
  path: string,
  before: string,
  fault: Fault,
  tests: readonly string[],
  config: string,
  limitMs: number,
): Promise<void> {
  if (runs) return;
  writeFileSync(path, before);
  const { noticedBy } = await runTests(copy, config, tests, { bail: true, limitMs });
  writeFileSync(path, planted(before, fault));
  if (noticedBy === 'the run failed') throw new Error(`no test can be run in ${copy}: remove it, and begin anew`);
  runs = true;
}

async function tryFault(fault: Fault, reach: Reach, config: string): Promise<Result> {
  const path = join(copy, fault.file);
  const before = readFileSync(path, 'utf8');
  const source = lineOf(copy, fault);
  const change = told(before, fault);
  const reaching = testsFor(reach, fault.file, fault.where).filter((test) => existsSync(join(copy, test)));
  let spent = 0;
  const affordable = reaching.filter((test) => {
    const took = reach.took[test] ?? 1000;
    if (budgetMs > 0 && spent + took > budgetMs) return false;
    spent += took;
    return true;
  });
  let ran = 0;
  let noticedBy: string | null = null;
  writeFileSync(plantedPath, JSON.stringify([path, before]));
  writeFileSync(path, planted(before, fault));
  try {
    for (const run of runsOf(affordable, reach)) {
      let left = run.filter((test) => !unsound.has(test));
      while (left.length > 0) {
        const usual = left.reduce((sum, test) => sum + (reach.took[test] ?? 1000), 0);
        const limitMs = usual * LIMIT_FACTOR + LIMIT_EXTRA_MS;
        const outcome = await runTests(copy, config, left, { bail: true, limitMs });
        ({ noticedBy } = outcome);
        const { file } = outcome;
        if (noticedBy === 'the run failed') await provesToRun(path, before, fault, left, config, limitMs);
        if (noticedBy === null || file === null || sound.has(file)) break;
        // It has failed; does it pass without the fault?
        writeFileSync(path, before);
        const without = await runTests(copy, config, [file], { bail: true, limitMs });
        writeFileSync(path, planted(before, fault));
        if (without.noticedBy === null) {
          sound.add(file);
          break;
        }
        console.log(`    ${file} fails without a fault, too, and is left out from now on`);
        unsound.add(file);
        noticedBy = null;
        left = left.filter((test) => test !== file);
      }
      if (noticedBy !== null) break;
      ran += left.length;
    }
    if (noticedBy === null) {
      const types = spawnSync(process.execPath, [join(copy, 'node_modules', 'typescript', 'bin', 'tsc'), '--noEmit'], {
        cwd: copy,
        encoding: 'utf8',
      });
      const said = types.stdout.split('\n').find((line) => line.startsWith(fault.file));
      if (said !== undefined) noticedBy = `type check: ${said}`;
    }
  } finally {
    restore();
  }
  return { fault, source, change, noticedBy, ran, reaching: reaching.length };
}

function readResults(path: string): Result[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Result);
}

const sayFault = ({ fault, change }: Result): string =>
  `${fault.file}:${fault.line}:${fault.column} ${fault.kind}: ${change}`;

let reach: Reach = existsSync(reachPath)
  ? (JSON.parse(readFileSync(reachPath, 'utf8')) as Reach)
  : { tests: {}, took: {} };
if (values.learn !== undefined || !existsSync(reachPath)) {
  console.log('learning which tests reach what; this runs them all once …');
  reach = await learnReach(ROOT, work, sources(ROOT, []), values.learn ?? ['test/', 'conformance/'], reach);
  writeFileSync(reachPath, JSON.stringify(reach));
  console.log(`${Object.keys(reach.took).length} test files reach ${Object.keys(reach.tests).length} functions`);
  if (values.learn !== undefined) process.exit(0);
}

if (existsSync(copy)) shareModules(ROOT, copy);
const resultsPath = join(work, `${name}.jsonl`);
const drawnPath = join(work, `${name}.drawn.json`);
restore();
let results = readResults(resultsPath);

let todo: Fault[];
if (values.again) {
  copyProject(ROOT, copy);
  const missed = results.filter(({ noticedBy }) => noticedBy === null);
  const now: Fault[] = [];
  for (const file of new Set(missed.map(({ fault }) => fault.file))) {
    if (existsSync(join(copy, file))) now.push(...(await faultsOf(copy, file)));
  }
  todo = [];
  let gone = 0;
  for (const { fault, source } of missed) {
    const found = now.filter(
      (each) =>
        each.file === fault.file &&
        each.kind === fault.kind &&
        each.replacement === fault.replacement &&
        lineOf(copy, each) === source &&
        each.column === fault.column,
    );
    const closest = found.sort((a, b) => Math.abs(a.line - fault.line) - Math.abs(b.line - fault.line))[0];
    if (closest !== undefined) todo.push(closest);
    else gone++;
  }
  if (gone > 0) console.log(`${gone} of those that were not noticed are left out: their lines have changed`);
  results = results.filter(({ noticedBy }) => noticedBy !== null);
  writeFileSync(resultsPath, results.map((result) => `${JSON.stringify(result)}\n`).join(''));
  writeFileSync(drawnPath, JSON.stringify(todo));
} else if (existsSync(drawnPath)) {
  const done = new Set(results.map(({ fault, source }) => identity(fault, source)));
  todo = (JSON.parse(readFileSync(drawnPath, 'utf8')) as Fault[]).filter(
    (fault) => !done.has(identity(fault, lineOf(copy, fault))),
  );
} else {
  copyProject(ROOT, copy);
  todo = await draw(copy, positionals);
  writeFileSync(drawnPath, JSON.stringify(todo));
}
if (values.list) {
  for (const fault of todo) {
    const change = told(readFileSync(join(copy, fault.file), 'utf8'), fault);
    console.log(`${fault.file}:${fault.line}:${fault.column} ${fault.kind}: ${change}`);
  }
  process.exit(0);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    restore();
    process.exit(1);
  });
}
const config = writeConfig(copy, {});
const total = results.length + todo.length;
for (const fault of todo) {
  if (performance.now() > endsAt) break;
  const result = await tryFault(fault, reach, config);
  results.push(result);
  appendFileSync(resultsPath, `${JSON.stringify(result)}\n`);
  const noticed = results.filter(({ noticedBy }) => noticedBy !== null).length;
  const verdict = result.noticedBy ?? `NOT NOTICED by ${result.ran} of the ${result.reaching} test files that reach it`;
  console.log(`${results.length}/${total} (${noticed} noticed) ${sayFault(result)}\n    ${verdict}`);
}

const survivors = results.filter(({ noticedBy }) => noticedBy === null);
const share = results.length === 0 ? 0 : (results.length - survivors.length) / results.length;
console.log(
  `\n${results.length - survivors.length} of ${results.length} noticed (${share.toFixed(3)}); results in ${resultsPath}`,
);
for (const survivor of survivors) console.log(`  ${sayFault(survivor)}`);
