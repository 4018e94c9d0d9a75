/**
 * The reach of test files: which functions each calls, and how long it takes. Learnt by running all tests once, in a copy of
 * the project whose outermost functions each say that they were called. Processes and threads that a test starts are heard,
 * too.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { copyProject, writeConfig } from './copy.ts';
import { outline } from './faults.ts';
import { runTests } from './trial.ts';

export interface Reach {
  /** `file#function` to the test files that reach it. */
  readonly tests: Record<string, string[]>;
  /** How long each test file takes, and its longest test, in ms. */
  readonly took: Record<string, number>;
  readonly longest: Record<string, number>;
}

const SETUP = `import { afterAll, expect } from 'vitest';
process.env.MUTATE_TEST = expect.getState().testPath;
afterAll(() => globalThis.__hitFlush());
`;

function withCalls(file: string, text: string): string {
  const inserts: { at: number; code: string }[] = [];
  for (const { start, end, name, expression } of outline(text).places) {
    const call = `globalThis.__hit?.(${JSON.stringify(`${file}#${name}`)})`;
    inserts.push({ at: expression ? start : start + 1, code: expression ? `(${call}, ` : `${call};` });
    if (expression) inserts.push({ at: end, code: ')' });
  }
  let result = text;
  for (const { at, code } of inserts.sort((a, b) => b.at - a.at))
    result = result.slice(0, at) + code + result.slice(at);
  return `${result}\n;globalThis.__hit?.(${JSON.stringify(`${file}#`)});\n`;
}

/** Runs the tests whose paths begin with one of `only` in a copy under `work` and adds what it learns to `known`. */
export async function learnReach(
  root: string,
  work: string,
  files: readonly string[],
  only: readonly string[],
  known: Reach,
): Promise<Reach> {
  const copy = join(work, 'reach');
  const heard = join(work, 'heard');
  rmSync(heard, { recursive: true, force: true });
  mkdirSync(heard, { recursive: true });
  copyProject(root, copy);
  for (const file of files) {
    const path = join(copy, file);
    writeFileSync(path, withCalls(file, readFileSync(path, 'utf8')));
  }
  writeFileSync(join(copy, 'mutate.setup.ts'), SETUP);
  const config = writeConfig(copy, 'reach', { setupFiles: ['./mutate.setup.ts'] });
  const { took, longest } = await runTests(copy, config, only, {
    environment: {
      MUTATE_REACH: heard,
      NODE_OPTIONS: `--import=${join(root, 'scripts', 'mutate', 'collect.mjs')}`,
    },
  });
  const tests = { ...known.tests };
  for (const name of readdirSync(heard)) {
    const test = relative(copy, decodeURIComponent(name));
    for (const reached of new Set(readFileSync(join(heard, name), 'utf8').split('\n'))) {
      if (reached === '') continue;
      const before = tests[reached] ?? [];
      if (!before.includes(test)) tests[reached] = [...before, test];
    }
  }
  return { tests, took: { ...known.took, ...took }, longest: { ...known.longest, ...longest } };
}

/** The test files that reach a function; those that reach its file, if nothing is known of the function. */
export function testsReaching({ tests }: Reach, file: string, where: string): string[] {
  const exact = tests[`${file}#${where}`];
  if (exact !== undefined) return exact;
  const found = new Set<string>();
  for (const [reached, by] of Object.entries(tests)) {
    if (reached.startsWith(`${file}#`)) for (const test of by) found.add(test);
  }
  return [...found];
}
