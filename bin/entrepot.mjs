#!/usr/bin/env node
// The `entrepot` command, whatever Node calls it. Plain JavaScript on purpose: Node 20 cannot read anything else here.
//
//   a clone:     installs what is missing and runs the source, with the Node that is pinned there if this one is too old
//   a package:   runs what was built; with the Node that is installed beside it (npm install node@24) if this one is too old
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
const source = join(root, 'src', 'main.ts');
const isClone = existsSync(source);
const main = isClone ? source : join(root, 'dist', 'src', 'main.js');

if (isClone) {
  await import('../scripts/ensure-installed.mjs');
  if (process.argv[2] === 'start') await import('../scripts/ensure-console.mjs');
}

const [major, minor] = process.versions.node.split('.').map(Number);
const other = [join(root, 'node_modules'), dirname(root)].map((at) => join(at, 'node', 'bin', 'node')).find(existsSync);
if (major > 22 || (major === 22 && minor >= 18)) {
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
} else if (other !== undefined) {
  // In a group of its own: a Ctrl-C would reach it beside being handed on, and told twice it stops at once.
  const child = spawn(other, [join(root, 'bin', 'beside-its-caller.mjs'), main, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`entrepot: ${other} cannot be run: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    process.exit(code ?? (signal === 'SIGKILL' ? 137 : 1));
  });
} else {
  process.stderr.write(
    `entrepot: needs Node 22.18 or newer; this is ${process.version} (${process.execPath})\n` +
      'entrepot: npm install node@24 beside it (with -g if it is so) brings one, and leaves this one as it is\n',
  );
  process.exit(1);
}
