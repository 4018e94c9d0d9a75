/**
 * The lock of a data directory: one process at a time. It is a file that names the process that holds it and when that process
 * began, so that the lock of a process that was killed is taken over, even if its number is in use again.
 *
 *     entrepot.lock:  "<pid> <start time or ->\n"
 *
 * Where there is a /proc, the start time is field 22 of /proc/<pid>/stat (clock ticks since boot) with the boot's own id;
 * elsewhere a process with the number is taken to be the holder. Two that find the same stale lock at once are kept apart
 * by a second file, which exists only while a lock is taken over.
 *
 * Refuses: to guard a directory that machines share over a network. Their process numbers mean nothing to each other.
 */
import { join } from 'node:path';
import type { FileSystem } from './files.ts';

export const LOCK_NAME = 'entrepot.lock';
const TAKEOVER_NAME = 'entrepot.lock.takeover';

/** Another process has the directory. */
export class DirectoryLocked extends Error {
  readonly pid: number;

  constructor(directory: string, pid: number) {
    super(`${directory} is in use by process ${pid}; stop it or choose another data directory`);
    this.name = 'DirectoryLocked';
    this.pid = pid;
  }
}

/** Directories this process holds: a second broker in it is as bad as one in another. */
const held = new Set<string>();

/** Locks the directory, which must exist, and returns what unlocks it. Throws DirectoryLocked. */
export async function lockDirectory(files: FileSystem, directory: string): Promise<() => Promise<void>> {
  const path = join(directory, LOCK_NAME);
  if (held.has(path)) throw new DirectoryLocked(directory, process.pid);
  held.add(path);
  try {
    await acquire(files, directory, path);
  } catch (error) {
    held.delete(path);
    throw error;
  }
  return async () => {
    if (held.delete(path)) await removeIfThere(files, path);
  };
}

/** The process that has the directory now; 0 if none has, as far as this machine can tell. */
export function lockHolder(files: FileSystem, directory: string): Promise<number> {
  return holderOf(files, join(directory, LOCK_NAME));
}

async function acquire(files: FileSystem, directory: string, path: string): Promise<void> {
  const text = `${process.pid} ${await startOf(files, process.pid)}\n`;
  if (await files.createExclusive(path, text)) return;
  const holder = await holderOf(files, path);
  if (holder > 0) throw new DirectoryLocked(directory, holder);
  const takeover = join(directory, TAKEOVER_NAME);
  if (!(await files.createExclusive(takeover, text))) {
    const other = await holderOf(files, takeover);
    if (other > 0) throw new DirectoryLocked(directory, other);
    await clearTakeover(files, directory, takeover);
    if (!(await files.createExclusive(takeover, text))) {
      throw new DirectoryLocked(directory, await holderOf(files, takeover));
    }
  }
  try {
    // Now nobody else takes over: look again before the old one is thrown away.
    const again = await holderOf(files, path);
    if (again > 0) throw new DirectoryLocked(directory, again);
    await removeIfThere(files, path);
    if (!(await files.createExclusive(path, text))) throw new DirectoryLocked(directory, await holderOf(files, path));
  } finally {
    await removeIfThere(files, takeover);
  }
}

/**
 * Whoever was taking over was killed in the midst of it. The file is moved before it is thrown away: of several that find
 * it, one moves it, and one that comes too late sees that it has moved its successor's, and puts that back.
 */
async function clearTakeover(files: FileSystem, directory: string, takeover: string): Promise<void> {
  const aside = `${takeover}.${process.pid}`;
  try {
    await files.rename(takeover, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const holder = await holderOf(files, aside);
  if (holder > 0 && holder !== process.pid) {
    await files.rename(aside, takeover);
    throw new DirectoryLocked(directory, holder);
  }
  await removeIfThere(files, aside);
}

async function removeIfThere(files: FileSystem, path: string): Promise<void> {
  try {
    await files.remove(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** The process that holds the lock; 0 if it is gone. */
async function holderOf(files: FileSystem, path: string): Promise<number> {
  const text = await files.readText(path);
  const match = /^([0-9]+) (\S+)\n$/.exec(text ?? '');
  if (match === null) return 0; // cut off by a power failure: whoever wrote it is gone
  const pid = Number(match[1]);
  const start = await startOf(files, pid);
  if (start === '') return 0;
  if (match[2] !== '-' && start !== '-') return match[2] === start ? pid : 0;
  // This process does not hold it, so its number was another's before.
  return pid === process.pid ? 0 : pid;
}

/** When a process began; '-' if this system does not say, '' if there is no such process. */
async function startOf(files: FileSystem, pid: number): Promise<string> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return '';
  }
  const stat = await files.readText(`/proc/${pid}/stat`).catch(() => undefined);
  if (stat === undefined) return '-';
  // The command, in parentheses, may hold anything; the fields after it are numbered from 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A killed process whose parent has not yet asked for its end holds nothing any more.
  if (fields[0] === 'Z') return '';
  const boot = await files.readText('/proc/sys/kernel/random/boot_id').catch(() => undefined);
  return `${fields[19]}@${(boot ?? '-').trim()}`;
}
