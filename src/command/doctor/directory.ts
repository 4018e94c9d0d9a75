/** Of the data directory and the disk below it: whose it is, how much room there is, how fast a sync is. */
import { constants, statSync } from 'node:fs';
import { access, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bytes, count, counted } from '../print/units.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';

const SYNCS = 16;
const SYNC_BYTES = 4_096;
const SYNC_SLOW_MS = 20;
/** The segment that is written and what is prepared ahead of the next one, of two logs: a vhost's, and the broker's own state. */
const FREE_BYTES_LEAST = 256 * 1024 * 1024;
/** A log's segments, with what is prepared, and some that are rewritten. */
const FILES_FREE_LEAST = 64;

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

export function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** False: it is there, and this user may not look into it, so what is in it cannot be told. */
export async function maySee(directory: string): Promise<boolean> {
  return access(directory, constants.R_OK | constants.X_OK).then(
    () => true,
    ({ code }: NodeJS.ErrnoException) => code !== 'EACCES',
  );
}

/** What `statfs` says of where data do not stay, or where files are not what a log takes them for. */
const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'lies in memory (tmpfs): a new start of this machine takes all of it'],
  [0x858458f6, 'lies in memory (ramfs): a new start of this machine takes all of it'],
  [0x794c7630, "lies in a container's own layer (overlayfs): it goes with the container; give it a volume"],
  [0x6969, 'lies on another machine (NFS): what a sync means there, and who holds its lock, is up to that one'],
  [0xff534d42, 'lies on another machine (CIFS): what a sync means there, and who holds its lock, is up to that one'],
]);

/** Undefined: of what it lies on nothing has to be said. */
export async function fileSystem(directory: string): Promise<Finding | undefined> {
  const { type } = await statfs(await placeOf(directory));
  const text = FILE_SYSTEMS.get(type);
  return text === undefined ? undefined : warning('file system', `${directory} ${text}`);
}

async function placeOf(directory: string): Promise<string> {
  return (await isThere(directory)) ? directory : await parentOf(directory);
}

/** @throws it is not there */
export function mayBeReadByAll(path: string): boolean {
  return (statSync(path).mode & 0o004) !== 0;
}

/** @param freeMin bytes; 0: no mark */
export async function room(directory: string, freeMin: number): Promise<Finding> {
  const about = 'disk';
  const { bavail, blocks, bsize, files, ffree } = await statfs(await placeOf(directory));
  const free = bavail * bsize;
  const said = `${bytes(free)} free of ${bytes(blocks * bsize)}`;
  if (free < Math.max(freeMin, 1))
    return wrong(
      about,
      free === 0 ? `${said}: publishers wait` : `${said}, less than disk.freeMin (${bytes(freeMin)}): publishers wait`,
    );
  // Some file systems have as many as they have room for, and say that they have none.
  if (files > 0 && ffree < FILES_FREE_LEAST)
    return wrong(about, `${said}, but only ${counted(ffree, 'file')} more can be made`);
  if (free >= freeMin + FREE_BYTES_LEAST) return ok(about, said);
  const needs = freeMin === 0 ? '' : ` beside the ${bytes(freeMin)} of disk.freeMin`;
  return warning(
    about,
    `${said}: it is short. A log takes up to ${bytes(FREE_BYTES_LEAST)} for its files${needs}, before anything waits`,
  );
}

const WRITE_FAULTS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: "this user's share of the disk is used up",
  EACCES: 'this user may not',
  EROFS: 'it is mounted read-only',
};

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
    const { code = '' } = error as NodeJS.ErrnoException;
    return wrong(about, `nothing can be written in ${directory}: ${WRITE_FAULTS[code] ?? code}`);
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
