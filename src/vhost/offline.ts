/**
 * Looking at a stopped broker's data: is it sound, and what is in it. Nothing is written, so it may be somebody's only copy.
 */
import { basename, join } from 'node:path';
import { type FileSystem, nodeFiles } from '../log/files.ts';
import { dumpLog, type Verified, verifyLog } from '../log/offline.ts';
import { BrokerError } from '../message/errors.ts';
import { RecordReader } from './describe.ts';

export interface VhostLog {
  readonly vhost: string;
  readonly directory: string;
}

/** The logs below a data directory; a directory that is a log itself is taken as it is. */
export async function logsIn(directory: string, files: FileSystem = nodeFiles): Promise<VhostLog[]> {
  const names = await files.list(directory).catch(() => {
    throw new BrokerError('not-found', `${directory} is not a directory that can be read`);
  });
  const found: VhostLog[] = [];
  if (names.includes('vhosts')) {
    const vhosts = join(directory, 'vhosts');
    for (const name of (await files.list(vhosts)).sort()) {
      found.push({ vhost: decodeURIComponent(name), directory: join(vhosts, name) });
    }
  } else if (names.some((name) => name.endsWith('.log'))) {
    found.push({ vhost: decodeURIComponent(basename(directory)), directory });
  }
  if (found.length === 0) throw new BrokerError('not-found', `there is no log in ${directory}`);
  return found;
}

export function verify(log: VhostLog, files: FileSystem = nodeFiles): Promise<Verified> {
  return verifyLog({ files, directory: log.directory });
}

/** Every record as one line of JSON; with `queue`, only those that are about this queue. */
export async function dump(
  log: VhostLog,
  queue: string | undefined,
  line: (text: string) => void,
  files: FileSystem = nodeFiles,
): Promise<void> {
  const reader = new RecordReader();
  await dumpLog({ files, directory: log.directory }, ({ segment, batch, type, seq, buffer, start, end }) => {
    const described = reader.describe(type, seq, buffer, start, end);
    if (described === undefined) return true;
    if (queue === undefined || described.queues?.includes(queue) === true) {
      line(JSON.stringify({ vhost: log.vhost, segment, batch, ...described }, plain));
    }
    return true;
  });
}

/** 64-bit integers and bytes in arguments have no form of their own in JSON. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
