// Runs before start, test, demo and check, under whatever Node the machine has (20 or newer): makes sure that
// node_modules holds what the lock file names, so that a fresh clone needs no step of its own, nor one whose lock has changed.
// Plain JavaScript on purpose: Node 20 cannot run TypeScript. It installs, says how long that has been going on, and does
// nothing else. Where the registry cannot be reached it gives up after seconds, not minutes.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lock = join(root, 'package-lock.json');
// npm writes this file last, so it says what was installed, not what was begun.
const installed = join(root, 'node_modules', '.package-lock.json');
const SAY_AGAIN_MS = 5_000;

/**
 * Whether every package of the lock is there in its version. Times of files would not tell: a checkout makes the lock newer
 * and changes nothing. Optional packages are for other machines, as often as not.
 */
function isInstalled() {
  try {
    const wanted = JSON.parse(readFileSync(lock, 'utf8')).packages;
    const there = JSON.parse(readFileSync(installed, 'utf8')).packages;
    return Object.entries(wanted).every(
      ([path, one]) => path === '' || one.optional === true || there[path]?.version === one.version,
    );
  } catch {
    return false;
  }
}

if (existsSync(lock) && !isInstalled()) {
  const began = Date.now();
  const say = (text) => process.stderr.write(`${text}\n`);
  say('Installing what the package lock names (once; npm ci) …');
  const again = setInterval(
    () => say(`  still installing, ${Math.round((Date.now() - began) / 1000)} s (npm asks the package registry) …`),
    SAY_AGAIN_MS,
  );
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'];
  // Of a registry that does not answer, npm's own patience is a minute and a half a package.
  const patience = [
    '--fetch-retries=1',
    '--fetch-retry-mintimeout=1000',
    '--fetch-retry-maxtimeout=2000',
    '--fetch-timeout=20000',
  ];
  const code = await new Promise((resolve) => {
    const npm = spawn('npm', [...args, ...patience], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      shell: process.platform === 'win32',
    });
    npm.on('error', (error) => {
      say(`npm cannot be run: ${error.message}`);
      resolve(1);
    });
    npm.on('exit', (status) => resolve(status ?? 1));
  });
  clearInterval(again);
  if (code !== 0) {
    say(`npm ci failed after ${Math.round((Date.now() - began) / 1000)} s; the lines above say why.`);
    say('The first start needs the package registry once (npm config get registry); later ones need no network.');
    process.exit(code);
  }
  say(`Installed in ${Math.round((Date.now() - began) / 1000)} s.`);
}
