/** Runs test files in a copy of the project, until the first failure or the time limit; what hangs is killed, with its children. */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Told } from './telling.ts';

export interface Outcome {
  /** The test that failed first, or what else went wrong; null when nothing did. */
  readonly noticedBy: string | null;
  /** The file it happened in; null when nothing did. */
  readonly file: string | null;
  /** The files that ended with nothing to be noticed, in their order. */
  readonly passed: readonly string[];
  /** How long each test file took, and its longest test, in ms. */
  readonly took: Record<string, number>;
  readonly longest: Record<string, number>;
}

export interface RunOptions {
  /** Stops with the first failure. A test that fails is tried once more before. Default false. */
  readonly bail?: boolean;
  /** How long a file may take before the run counts as hung, in ms, from the moment it begins; 0 (default): any time. */
  readonly limitMs?: (test: string) => number;
  /** How long a test and a hook may take that say nothing else, in ms; 0 (default): as the project's settings say. */
  readonly testMs?: number;
  readonly environment?: Record<string, string>;
}

/** What vitest may take to start, in ms. */
const START_MS = 60_000;
/** After a failure the run may end by itself, so that tests stop what they have started; then it is killed. */
const ENDING_MS = 2_000;

/** Vitest in a process of its own, in `copy`, on `tests` in their order. They are paths from the root, or beginnings of such. */
export function runTests(
  copy: string,
  config: string,
  tests: readonly string[],
  { limitMs, bail = false, testMs = 0, environment = {} }: RunOptions,
): Promise<Outcome> {
  const scratch = join(copy, '.scratch');
  rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
  mkdirSync(scratch);
  const flags = ['--config', config];
  if (bail) flags.push('--bail=1', '--retry=1');
  if (testMs > 0) flags.push(`--testTimeout=${testMs}`, `--hookTimeout=${testMs}`);
  const vitest = join(copy, 'node_modules', 'vitest', 'vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', ...flags, ...tests], {
    cwd: copy,
    env: { ...process.env, TMPDIR: scratch, MUTATE_ORDER: JSON.stringify(tests), ...environment },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    detached: true,
  });
  const kill = () => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // Gone already.
    }
  };
  return new Promise((resolve, reject) => {
    const took: Record<string, number> = {};
    const longest: Record<string, number> = {};
    const passed: string[] = [];
    const failed = new Set<string>();
    let current: string | null = null;
    let noticed: { what: string; file: string | null } | null = null;
    let timer: NodeJS.Timeout | undefined;
    const within = (ms: number, late: () => void) => {
      clearTimeout(timer);
      timer = setTimeout(late, ms);
    };
    const notice = (what: string, file: string | null) => {
      noticed ??= { what, file };
      if (file !== null) failed.add(file);
      if (bail) within(ENDING_MS, kill);
    };
    const hangs = () => {
      notice('timeout', current);
      kill();
    };
    if (limitMs !== undefined) within(START_MS, hangs);
    process.once('exit', kill);
    child.on('message', (told: Told) => {
      if (told.tell === 'problem') {
        notice(told.what, current);
        return;
      }
      const file = told.file.slice(copy.length + 1);
      if (told.tell === 'begins') {
        current = file;
        if (limitMs !== undefined && noticed === null) within(limitMs(file), hangs);
      } else if (told.tell === 'failed') {
        notice(told.what, file);
      } else {
        took[file] = told.took;
        longest[file] = told.longest;
        if (!failed.has(file)) passed.push(file);
      }
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      process.off('exit', kill);
      // Whatever the tests have started and a fault has kept from stopping.
      kill();
      if (code !== 0 && noticed === null) notice(`the run failed (${code ?? signal})`, current);
      const file = noticed?.file ?? null;
      const noticedBy = noticed === null ? null : file === null ? noticed.what : `${file}: ${noticed.what}`;
      resolve({ noticedBy, file, passed: passed.filter((test) => test !== file), took, longest });
    });
  });
}
