/** Runs test files in a copy of the project, until the first failure or the time limit; what hangs is killed, with its children. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export interface Outcome {
  /** The test that failed first, `timeout` when time was up, null when nothing was noticed. */
  readonly noticedBy: string | null;
  /** The file of that test; null when it is not known. */
  readonly file: string | null;
  /** How long each test file took, in ms. */
  readonly took: Record<string, number>;
}

export interface RunOptions {
  readonly limitMs?: number;
  readonly bail?: boolean;
  readonly environment?: Record<string, string>;
}

interface Told {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** Files that were not begun after the first failure count as failed, too: they say nothing. */
function firstFailure(results: Told['testResults'], copy: string): { file: string; what: string } | undefined {
  for (const { name, assertionResults } of results) {
    const failed = assertionResults.find((test) => test.status === 'failed');
    if (failed !== undefined) return { file: name.slice(copy.length + 1), what: failed.fullName };
  }
  const broken = results.find(({ status, message }) => status === 'failed' && message !== '');
  if (broken === undefined) return undefined;
  return { file: broken.name.slice(copy.length + 1), what: broken.message.split('\n')[0]! };
}

/** Vitest in a process of its own, in `copy`, on the test files that `filters` name. */
export function runTests(
  copy: string,
  config: string,
  filters: readonly string[],
  { limitMs = 0, bail = false, environment = {} }: RunOptions,
): Promise<Outcome> {
  const told = join(copy, 'mutate.told.json');
  const scratch = join(copy, '.scratch');
  rmSync(told, { force: true });
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch);
  const flags = ['--config', config, '--reporter=json', `--outputFile=${told}`];
  if (bail) flags.push('--bail=1', '--retry=1', '--testTimeout=12000', '--hookTimeout=12000');
  const vitest = join(copy, 'node_modules', 'vitest', 'vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', ...flags, ...filters], {
    cwd: copy,
    env: { ...process.env, TMPDIR: scratch, ...environment },
    stdio: 'ignore',
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
    let late = false;
    const stop = () => {
      late = true;
      kill();
    };
    const limit = limitMs === 0 ? undefined : setTimeout(stop, limitMs);
    process.once('exit', kill);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(limit);
      process.off('exit', kill);
      // Whatever the tests have started and a fault has kept from stopping.
      kill();
      const took: Record<string, number> = {};
      let file: string | null = null;
      let noticedBy: string | null = late ? 'timeout' : code === 0 ? null : 'the run failed';
      if (existsSync(told)) {
        const { testResults } = JSON.parse(readFileSync(told, 'utf8')) as Told;
        for (const { name, startTime, endTime } of testResults) took[name.slice(copy.length + 1)] = endTime - startTime;
        const failure = noticedBy === null || late ? undefined : firstFailure(testResults, copy);
        if (failure !== undefined) {
          file = failure.file;
          noticedBy = `${file}: ${failure.what}`;
        }
      }
      resolve({ noticedBy, file, took });
    });
  });
}
