/** What the system knows of a broker: the memory it has, and the files of it that are in the system's cache. */
import { execFile } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

const MIB = 1024 * 1024;
const QUIET_MS = 3000;
const REST_MAX_MS = 900_000;
const run = promisify(execFile);

/** Resident memory in MiB, as it is and as it was at most since the last call. */
export async function resident(pid: number): Promise<{ now: number; most: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  const mib = (name: string): number =>
    Math.round((Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024) / MIB);
  // The kernel takes the present one for the most from here on.
  await writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => {});
  return { now: mib('VmRSS'), most: mib('VmHWM') };
}

async function filesOf(directory: string): Promise<{ path: string; size: number; mtimeMs: number }[]> {
  const files: { path: string; size: number; mtimeMs: number }[] = [];
  for (const name of (await readdir(directory, { recursive: true })).sort()) {
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() === true) files.push({ path, size: found.size, mtimeMs: found.mtimeMs });
  }
  return files;
}

/** The system keeps nothing of these files in memory (GNU `dd` does that, file by file, so that others on the machine keep theirs). */
export async function forgetFiles(directory: string): Promise<void> {
  const files = (await filesOf(directory)).filter(({ size }) => size > 0);
  await run('sync', ['-f', directory]);
  const drop = 'for f do dd if="$f" iflag=nocache count=0 status=none; done';
  // In slices: there may be a hundred thousand.
  for (let at = 0; at < files.length; at += 1000) {
    // A file may have gone meanwhile.
    await run('sh', ['-c', drop, 'sh', ...files.slice(at, at + 1000).map(({ path }) => path)]).catch(() => {});
  }
}

/** Bytes of files. */
export async function bytesOf(directory: string): Promise<number> {
  let bytes = 0;
  for (const { size } of await filesOf(directory)) bytes += size;
  return bytes;
}

/** Waits until nothing has happened to the broker's files by itself for three seconds; returns the seconds. */
export async function atRest(directory: string): Promise<number> {
  const begun = performance.now();
  let before = '';
  for (let changed = begun; performance.now() - changed < QUIET_MS && performance.now() - begun < REST_MAX_MS; ) {
    const now = (await filesOf(directory)).map(({ path, size, mtimeMs }) => `${path} ${mtimeMs} ${size}`).join();
    if (now !== before) changed = performance.now();
    before = now;
    await wait(250);
  }
  return (performance.now() - begun) / 1000;
}
