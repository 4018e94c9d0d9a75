/** The lock of a data directory: one process at a time, and a killed one's lock is taken over. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeFiles } from '../../../src/log/files/files.ts';
import { LOCK_NAME, lockDirectory } from '../../../src/log/files/lock.ts';

let directory: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'entrepot-lock-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

const PROGRAM = `
  const { nodeFiles } = await import('${new URL('../../../src/log/files/files.ts', import.meta.url)}');
  const { lockDirectory } = await import('${new URL('../../../src/log/files/lock.ts', import.meta.url)}');
  try {
    await lockDirectory(nodeFiles, process.argv[1]);
    console.log('locked');
    setInterval(() => {}, 1000);
  } catch (error) {
    console.log('refused: ' + error.message);
  }
`;

/** Another process that tries to lock the directory; resolves with what it said. */
function other(): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return new Promise((resolve) => {
    child.stdout!.once('data', (chunk: Buffer) => resolve({ child, said: chunk.toString().trim() }));
  });
}

function killed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

test('a second process is refused, told who has the directory, and gets it when that one is killed', async () => {
  const first = await other();
  expect(first.said).toBe('locked');
  await expect(lockDirectory(nodeFiles, directory)).rejects.toThrow(
    `${directory} is in use by process ${first.child.pid}`,
  );
  expect((await other()).said).toBe(
    `refused: ${directory} is in use by process ${first.child.pid}; stop it or choose another data directory`,
  );
  await killed(first.child);
  const unlock = await lockDirectory(nodeFiles, directory);
  expect((await other()).said).toContain(`in use by process ${process.pid}`);
  await unlock();
  expect((await other()).said).toBe('locked');
});

test('a number that another process has now does not keep the lock of a dead one alive', async () => {
  // This process' own number and another start time: what a container's process 1 finds after a kill.
  await writeFile(join(directory, LOCK_NAME), `${process.pid} 1@another-boot\n`);
  await (await lockDirectory(nodeFiles, directory))();
  // And a living process that is not the one that took the lock.
  const bystander = await other();
  await writeFile(join(directory, LOCK_NAME), `${bystander.child.pid} 1@another-boot\n`);
  await (await lockDirectory(nodeFiles, directory))();
});

test('the same process cannot lock a directory twice', async () => {
  const unlock = await lockDirectory(nodeFiles, directory);
  await expect(lockDirectory(nodeFiles, directory)).rejects.toThrow(`in use by process ${process.pid}`);
  await unlock();
  await unlock(); // harmless
  await (await lockDirectory(nodeFiles, directory))();
});

test('of many that find a stale lock at once, exactly one gets it', async () => {
  await writeFile(join(directory, LOCK_NAME), '999999999 1@gone\n');
  await writeFile(join(directory, `${LOCK_NAME}.takeover`), '999999998 1@gone\n');
  const all = await Promise.all([other(), other(), other(), other()]);
  expect(all.filter(({ said }) => said === 'locked').length).toBe(1);
  for (const { said } of all) if (said !== 'locked') expect(said).toContain('in use by process');
});

test("a lock file cut off by a power failure is nobody's", async () => {
  await writeFile(join(directory, LOCK_NAME), '12');
  const unlock = await lockDirectory(nodeFiles, directory);
  expect(await readFile(join(directory, LOCK_NAME), 'latin1')).toMatch(new RegExp(`^${process.pid} `));
  await unlock();
});
