/**
 * Files that forget, when their process is killed, everything that was not synced, as a machine does that loses power. A
 * SIGKILL alone proves less, because the kernel still writes what the process gave it.
 *
 *     write ──▶ kept in this process ──sync──▶ the real file, synced        SIGKILL: what is kept here is gone
 *
 * Reads see both. Names (made, renamed, removed) change at once: what becomes of those is `test/simulation`'s. The spill file
 * of transient messages passes through: nothing in it is meant to outlive the process.
 */
import { basename } from 'node:path';
import type { Done, FileSystem, LogFile } from '../../src/log/files/files.ts';
import { isSpillName } from '../../src/log/transient/spill.ts';

interface Write {
  readonly position: number;
  readonly bytes: Buffer;
}

/** What a file would forget now, whoever has it open. */
interface Unsynced {
  writes: Write[];
}

export function forgetful(disk: FileSystem): FileSystem {
  const unsyncedOf = new Map<string, Unsynced>();

  const fileOf = (file: LogFile, unsynced: Unsynced): LogFile => {
    /** One after the other: a sync covers what was written before it, and goes to the real file in that order. */
    const apply = (writes: readonly Write[], done: Done): void => {
      let next = 0;
      const step = (error: Error | undefined): void => {
        const write = writes[next++];
        if (error !== undefined || write === undefined) done(error);
        else file.write([write.bytes], write.position, step);
      };
      step(undefined);
    };
    return {
      get path() {
        return file.path;
      },
      set path(path) {
        file.path = path;
      },
      write(buffers, position, done) {
        unsynced.writes.push({ position, bytes: Buffer.concat(buffers) });
        setImmediate(done, undefined);
      },
      read(into, offset, bytes, position, done) {
        const { writes } = unsynced;
        file.read(into, offset, bytes, position, (error, n) => {
          if (error !== undefined) {
            done(error, n);
            return;
          }
          let end = position + n;
          for (const write of writes) {
            const from = Math.max(position, write.position);
            const to = Math.min(position + bytes, write.position + write.bytes.length);
            if (from >= to) continue;
            if (from > end) into.fill(0, offset + end - position, offset + from - position);
            write.bytes.copy(into, offset + from - position, from - write.position, to - write.position);
            end = Math.max(end, to);
          }
          done(undefined, end - position);
        });
      },
      sync(done) {
        const covered = unsynced.writes.length;
        apply(unsynced.writes.slice(0, covered), (error) => {
          if (error !== undefined) {
            done(error);
            return;
          }
          file.sync((failed) => {
            // Only now: until then reads take them from here.
            unsynced.writes = unsynced.writes.slice(covered);
            done(failed);
          });
        });
      },
      async sizeBytes() {
        let size = await file.sizeBytes();
        for (const { position, bytes } of unsynced.writes) size = Math.max(size, position + bytes.length);
        return size;
      },
      async truncate(bytes) {
        unsynced.writes = unsynced.writes
          .filter((write) => write.position < bytes)
          .map(({ position, bytes: content }) => ({ position, bytes: content.subarray(0, bytes - position) }));
        await file.truncate(bytes);
      },
      close: () => file.close(),
    };
  };

  return {
    async open(path, how) {
      const file = await disk.open(path, how);
      if (isSpillName(basename(path))) return file;
      let unsynced = unsyncedOf.get(path);
      if (unsynced === undefined) {
        unsynced = { writes: [] };
        unsyncedOf.set(path, unsynced);
      }
      return fileOf(file, unsynced);
    },
    list: (directory) => disk.list(directory),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    async rename(from, to) {
      await disk.rename(from, to);
      const unsynced = unsyncedOf.get(from);
      unsyncedOf.delete(from);
      unsyncedOf.delete(to);
      if (unsynced !== undefined) unsyncedOf.set(to, unsynced);
    },
    async remove(path) {
      await disk.remove(path);
      unsyncedOf.delete(path);
    },
    async removeDirectory(directory) {
      await disk.removeDirectory(directory);
      for (const path of unsyncedOf.keys()) if (path.startsWith(`${directory}/`)) unsyncedOf.delete(path);
    },
    createExclusive: (path, text) => disk.createExclusive(path, text),
    readText: (path) => disk.readText(path),
  };
}
