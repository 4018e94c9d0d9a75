/** Of the data directory and the disk below it: whose it is, how much room there is, how fast a sync is. */
import { constants } from 'node:fs';
import { access, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bytes, count } from '../print/units.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';

const SYNCS = 16;
const SYNC_BYTES = 4_096;
const SYNC_SLOW_MS = 20;
/** A segment that is prepared ahead, and the one that is written. */
const FREE_BYTES_LEAST = 256 * 1024 * 1024;

/** Whether it is there, and this user's alone. */
export async function directoryIsOurs(directory: string): Promise<Finding> {
  const about = 'data directory';
  const found = await stat(directory).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    if (found.code !== 'ENOENT') return wrong(about, `${directory} cannot be looked at: ${found.code}`);
    return writable(about, await parentOf(directory), `${directory} is made at the first start`);
  }
  if (!found.isDirectory()) return wrong(about, `${directory} is no directory`);
  const mode = found.mode & 0o777;
  if ((mode & 0o022) !== 0) {
    return wrong(about, `others may write in ${directory} (mode ${mode.toString(8)}): chmod 700 ${directory}`);
  }
  if ((mode & 0o055) !== 0) {
    return warning(about, `others may look into ${directory} (mode ${mode.toString(8)}): chmod 700 ${directory}`);
  }
  return writable(about, directory, `${directory}, for its owner alone`);
}

async function writable(about: string, directory: string, said: string): Promise<Finding> {
  try {
    await access(directory, constants.W_OK | constants.X_OK);
    return ok(about, said);
  } catch {
    return wrong(about, `this user may not write in ${directory}`);
  }
}

/** The next one above that is there. */
async function parentOf(directory: string): Promise<string> {
  let at = dirname(directory);
  while (at !== dirname(at) && !(await isThere(at))) at = dirname(at);
  return at;
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** @param freeMin bytes; 0: no mark */
export async function room(directory: string, freeMin: number): Promise<Finding> {
  const about = 'disk';
  const place = (await isThere(directory)) ? directory : await parentOf(directory);
  const { bavail, blocks, bsize } = await statfs(place);
  const free = bavail * bsize;
  const said = `${bytes(free)} free of ${bytes(blocks * bsize)}`;
  if (freeMin > 0 && free < freeMin)
    return wrong(about, `${said}, less than disk.freeMin (${bytes(freeMin)}): publishers wait`);
  return free < freeMin + FREE_BYTES_LEAST ? warning(about, `${said}: it is short`) : ok(about, said);
}

/** How long the disk takes for what every confirm waits for. A small file is written there and removed. */
export async function syncSpeed(directory: string, nowMs: () => number): Promise<Finding | undefined> {
  const about = 'sync';
  if (!(await isThere(directory))) return undefined;
  const path = join(directory, `doctor.${process.pid}.tmp`);
  const took: number[] = [];
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      for (let i = 0; i < SYNCS; i++) {
        const began = nowMs();
        await file.write(Buffer.alloc(SYNC_BYTES), 0, SYNC_BYTES, i * SYNC_BYTES);
        await file.datasync();
        took.push(nowMs() - began);
      }
    } finally {
      await file.close();
      await rm(path, { force: true });
    }
  } catch (error) {
    return wrong(about, `nothing can be written in ${directory}: ${(error as NodeJS.ErrnoException).code}`);
  }
  took.sort((one, other) => one - other);
  const [median, most] = [took[SYNCS / 2]!, took.at(-1)!];
  const said = `${median.toFixed(1)} ms, at most ${most.toFixed(1)} ms: some ${count(1_000 / Math.max(median, 0.001))} confirms a second for one that waits for each`;
  return median > SYNC_SLOW_MS
    ? warning(about, `${said}; this disk is slow (durability.level: interval does not wait)`)
    : ok(about, said);
}

/** When the newest file below was written, in milliseconds of the epoch; undefined: there is none. */
export async function newestFile(directory: string): Promise<number | undefined> {
  let newest: number | undefined;
  const names = await readdir(directory, { recursive: true }).catch((): string[] => []);
  for (const name of names) {
    if (!name.endsWith('.log')) continue;
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found !== undefined) newest = Math.max(newest ?? 0, found.mtimeMs);
  }
  return newest;
}
