/** How far a log has been read: each byte counts once, however often it is read again. */
import { join } from 'node:path';
import type { FileSystem, LogFile } from '../log/files/files.ts';
import { logsIn } from '../vhost/journal/offline.ts';

/** @param onRead called with all bytes that have been read by then */
export function watchedReads(files: FileSystem, onRead: (bytes: number) => void): FileSystem {
  const ends = new Map<string, number>();
  let sum = 0;
  const readTo = (path: string, end: number): void => {
    const before = ends.get(path) ?? 0;
    if (end <= before) return;
    ends.set(path, end);
    sum += end - before;
    onRead(sum);
  };
  return {
    ...files,
    async open(path, how) {
      const file = await files.open(path, how);
      const watched: LogFile = {
        path,
        read: (into, offset, bytes, position, done) =>
          file.read(into, offset, bytes, position, (error, n) => {
            if (error === undefined) readTo(path, position + n);
            done(error, n);
          }),
        write: (buffers, position, done) => file.write(buffers, position, done),
        sync: (done) => file.sync(done),
        sizeBytes: () => file.sizeBytes(),
        truncate: (bytes) => file.truncate(bytes),
        close: () => file.close(),
      };
      return watched;
    },
  };
}

/** Of all segments; undefined if that cannot be told. */
export async function bytesOfLogs(directory: string, files: FileSystem): Promise<number | undefined> {
  try {
    let sum = 0;
    for (const log of await logsIn(directory, files)) {
      for (const name of await files.list(log.directory)) {
        if (!/^[0-9]{10}\.log$/.test(name)) continue;
        const file = await files.open(join(log.directory, name), 'read');
        sum += await file.sizeBytes();
        await file.close();
      }
    }
    return sum;
  } catch {
    return undefined;
  }
}
