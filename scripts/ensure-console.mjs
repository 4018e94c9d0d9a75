// Runs before a start from a clone: builds the console where it is missing or older than its sources. Packages bring it built.
// Plain JavaScript on purpose: Node 20 cannot run TypeScript. A broker does not need a console, so what goes wrong is told and no more.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'console');
const built = join(root, 'dist', 'console', 'index.html');

function changedMs(path) {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => changedMs(join(path, name))));
}

const lock = join(root, 'package-lock.json');
if (!existsSync(built) || Math.max(changedMs(sources), changedMs(lock)) > statSync(built).mtimeMs) {
  const pinned = join(root, 'node_modules', 'node', 'bin', 'node');
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const arguments_ = [vite, 'build', 'console', '--logLevel', 'error'];
  const { status, stderr } = spawnSync(existsSync(pinned) ? pinned : process.execPath, arguments_, {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0)
    process.stderr.write(`The console could not be built; the broker starts without it.\n${stderr ?? ''}\n`);
}
