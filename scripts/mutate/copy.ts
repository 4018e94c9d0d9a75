/** A copy of the project in a temporary directory, where faults are planted: the tree that people work in is never touched. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Copies what git knows or would add. `node_modules` is shared. */
export function copyProject(root: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const file of files.toString().split('\0')) {
    if (file === '') continue;
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(root, file), join(to, file), { force: true });
  }
  shareModules(root, to);
}

/**
 * Links what is in `node_modules` of the project into the copy, which may have been made from another tree. Each entry has a
 * link of its own: a test that installs in the copy must not empty the project's folder.
 */
export function shareModules(root: string, to: string): void {
  const modules = join(to, 'node_modules');
  rmSync(modules, { recursive: true, force: true });
  mkdirSync(modules);
  for (const name of readdirSync(join(root, 'node_modules'))) {
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
}

/** Test files run in the order in which they are asked for, not in the order that vitest would take. */
const IN_ORDER = `class InOrder extends BaseSequencer {
  async sort(files) {
    const order = JSON.parse(process.env.MUTATE_ORDER ?? '[]').map((test) => join(import.meta.dirname, test));
    return files.sort((a, b) => order.indexOf(a.moduleId) - order.indexOf(b.moduleId));
  }
}`;

/** The tests' settings, with what a run of this tool needs on top. Returns its path. */
export function writeConfig(copy: string, name: string, extra: Record<string, unknown>): string {
  const path = join(copy, `mutate.${name}.config.ts`);
  const cache = { fsModuleCache: true, fsModuleCachePath: join(copy, '.cache') };
  const settings = { maxWorkers: 1, watch: false, reporters: ['./scripts/mutate/telling.ts'], ...cache, ...extra };
  writeFileSync(
    path,
    `// @ts-nocheck\nimport { join } from 'node:path';\nimport { mergeConfig } from 'vitest/config';\n` +
      `import { BaseSequencer } from 'vitest/node';\nimport base from './vitest.config.ts';\n${IN_ORDER}\n` +
      `export default mergeConfig(base, { test: { ...${JSON.stringify(settings)}, sequence: { sequencer: InOrder } } });\n`,
  );
  return path;
}
