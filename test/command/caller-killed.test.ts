/** A broker ends with who called it for somebody: with `bin/entrepot.mjs` under an old Node, with npx. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { withTemporaryDirectory } from '../support/directory.ts';

/** As `bin/entrepot.mjs` does under an old Node. */
const CALLER = `
  const { spawn } = require('node:child_process');
  const [, ...args] = process.argv;
  spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
`;

it('stops in order when its caller is killed', { timeout: 30_000 }, async () => {
  await withTemporaryDirectory(async (data) => {
    const command = [resolve('bin/beside-its-caller.mjs'), resolve('src/main.ts'), 'start', '--data', data];
    const caller = spawn(process.execPath, ['-e', CALLER, ...command, '--listen', 'http://127.0.0.1:0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    // The pipe is the broker's too, and closes when both have ended.
    const over = once(caller.stdout!, 'close');
    caller.stdout!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (/^Ready in/m.test(said)) caller.kill('SIGKILL');
    });
    await over;
    expect(said).toMatch(/^Stopping \(SIGTERM\)[^\n]*\nStopped$/m);
  });
});

it.runIf(existsSync('/bin/sh'))(
  'stops when npx is told to, whose shell hands no signal on',
  { timeout: 30_000 },
  async () => {
    await withTemporaryDirectory(async (data) => {
      // As npx runs a command; with something behind it, so that the shell does not become it.
      const script = '"$0" src/main.ts start --data "$1" --listen http://127.0.0.1:0; true';
      const shell = spawn('/bin/sh', ['-c', script, process.execPath, data], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, npm_lifecycle_event: 'npx' },
      });
      let said = '';
      const over = once(shell.stdout!, 'close');
      shell.stdout!.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (/^Ready in/m.test(said)) shell.kill('SIGTERM');
      });
      await over;
      expect(said).toMatch(/^Stopping \(SIGTERM\)[^\n]*\nStopped$/m);
    });
  },
);

it('ends by itself where it is no broker', async () => {
  const args = ['-e', CALLER, resolve('bin/beside-its-caller.mjs'), resolve('src/main.ts'), 'queues', '--help'];
  const caller = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  caller.stdout!.resume();
  expect(await once(caller, 'close')).toEqual([0, null]);
});
