// Runs before start, test, demo and check, under whatever Node the machine has (20 or newer): makes sure that
// node_modules is there and not older than the lock file, so that a fresh clone needs no step of its own.
// Plain JavaScript on purpose: Node 20 cannot run TypeScript. It installs, and does nothing else.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lock = join(root, 'package-lock.json');
// npm writes this file last, so it says when the installation was finished, not when it was begun.
const installed = join(root, 'node_modules', '.package-lock.json');

if (existsSync(lock) && (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs)) {
  process.stderr.write('Installing what the package lock names (once; npm ci) …\n');
  const done = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (done.status !== 0) {
    process.stderr.write('npm ci failed; the lines above say why.\n');
    process.exit(done.status ?? 1);
  }
}
