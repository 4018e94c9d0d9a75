/**
 * Verifies and dumps a broker's data from outside: is it sound, and what is in it. Nothing is written, so it may be somebody's only
 * copy, and a running broker does not notice.
 */
import { basename, join, resolve } from 'node:path';
import { type FileSystem, nodeFiles } from '../../log/files/files.ts';
import { lockHolder } from '../../log/files/lock.ts';
import { dumpLog, type Verified, verifyLog } from '../../log/read/offline.ts';
import { BrokerError } from '../../message/errors.ts';
import { RecordReader } from './describe.ts';

/** The directory of the log of the broker's own state, beside those of the vhosts. */
export const STATE_LOG = 'state';

export interface StoredLog {
  /** Undefined: the broker's own state. */
  readonly vhost: string | undefined;
  readonly directory: string;
}

/** The logs below a data directory; a directory that is a log itself, or holds logs, is taken as it is. */
export async function logsIn(directory: string, files: FileSystem = nodeFiles): Promise<StoredLog[]> {
  const names = await listed(files, directory);
  const found: StoredLog[] = [];
  const isVhosts = basename(resolve(directory)) === 'vhosts';
  const vhosts = names.includes('vhosts') ? join(directory, 'vhosts') : directory;
  if (names.some(isSegment)) {
    const own = basename(resolve(directory)) === STATE_LOG && basename(resolve(directory, '..')) !== 'vhosts';
    found.push({ vhost: own ? undefined : vhostOf(directory), directory });
  } else {
    for (const name of vhosts !== directory || isVhosts ? (await listed(files, vhosts)).sort() : []) {
      const log = join(vhosts, name);
      const inside = await files.list(log).catch((): string[] => []);
      if (inside.some(isSegment)) found.push({ vhost: vhostOf(name), directory: log });
    }
    // It may be there before any vhost is: users have been taken over, and no broker has run yet.
    const state = join(directory, STATE_LOG);
    const hasState = !(isVhosts && vhosts === directory) && names.includes(STATE_LOG);
    if (hasState && (await files.list(state).catch((): string[] => [])).some(isSegment)) {
      found.push({ vhost: undefined, directory: state });
    }
  }
  if (found.length === 0) {
    throw new BrokerError(
      'not-found',
      `there is no log in ${directory}; give the directory that the broker was started with (--data)`,
    );
  }
  return found;
}

function isSegment(name: string): boolean {
  return name.endsWith('.log');
}

function vhostOf(path: string): string {
  const name = basename(resolve(path));
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

async function listed(files: FileSystem, directory: string): Promise<string[]> {
  try {
    return await files.list(directory);
  } catch (error) {
    const why = LIST_FAULTS[(error as NodeJS.ErrnoException).code ?? ''] ?? (error as Error).message;
    throw new BrokerError('not-found', `${directory} ${why}`);
  }
}

const LIST_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is a file; give the data directory',
  EACCES: 'may not be read by this user',
};

/** The broker that is running on a log or on the data directory it is in; 0 if none is. */
export async function runningOn(directory: string, files: FileSystem = nodeFiles): Promise<number> {
  for (const one of [directory, join(directory, '..'), join(directory, '..', '..')]) {
    const holder = await lockHolder(files, one).catch(() => 0);
    if (holder !== 0) return holder;
  }
  return 0;
}

export function verify(log: StoredLog, files: FileSystem = nodeFiles): Promise<Verified> {
  return verifyLog({ files, directory: log.directory });
}

/** Every record as one line of JSON; with `queue`, only those that are about this queue. */
export async function dump(
  log: StoredLog,
  queue: string | undefined,
  line: (text: string) => void,
  files: FileSystem = nodeFiles,
): Promise<void> {
  const reader = new RecordReader();
  await dumpLog({ files, directory: log.directory }, ({ segment, batch, type, seq, buffer, start, end }) => {
    const described = reader.describe(type, seq, buffer, start, end);
    if (described === undefined) return true;
    if (queue === undefined || described.queues?.includes(queue) === true) {
      const place = log.vhost === undefined ? { log: STATE_LOG } : { vhost: log.vhost };
      line(JSON.stringify({ ...place, segment, batch, ...described }, plain));
    }
    return true;
  });
}

/** 64-bit integers and bytes in arguments have no form of their own in JSON. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
