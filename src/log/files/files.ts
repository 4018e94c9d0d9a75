/**
 * The file-system port: the few calls the log needs, so that a test or a simulation can stand in for the disk, tear its
 * writes, forget what was not synced, and fill it up. `nodeFiles` is the real one, and the only place that uses node:fs.
 *
 * What is called for every flush takes a callback; what is called once in a while returns a promise.
 */
import fs from 'node:fs';
import { dirname, resolve } from 'node:path';

export type Done = (error: Error | undefined) => void;

export interface LogFile {
  /** For error texts; whoever renames the file sets it. */
  path: string;
  /** Writes all of `buffers`, one after the other, from `position` on; an error if not every byte could be written. */
  write(buffers: readonly Buffer[], position: number, done: Done): void;
  /**
   * `write` and `sync` of these bytes in one, where the system has a way to do that in one call: for the small flushes of a
   * quiet log, which the way to the disk's thread and back costs more than the disk.
   */
  writeSynced?(buffers: readonly Buffer[], position: number, done: Done): void;
  /** No `writeSynced` follows soon: what it needed may be given back. */
  writtenFull?(): void;
  /** Reads `bytes` bytes into `into[offset…]`; fewer only at the end of the file. */
  read(
    into: Buffer,
    offset: number,
    bytes: number,
    position: number,
    done: (error: Error | undefined, bytesRead: number) => void,
  ): void;
  /** Calls back once everything written before is on the disk, so that it outlives a power failure. */
  sync(done: Done): void;
  sizeBytes(): Promise<number>;
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}

export interface FileSystem {
  /** `create`: makes a new, empty file and fails if there is one. */
  open(path: string, how: 'read' | 'update' | 'create'): Promise<LogFile>;
  /** Names in a directory, in no particular order. */
  list(directory: string): Promise<string[]>;
  /** Makes the directory and those above it, if need be, to outlive a power failure. */
  makeDirectory(directory: string): Promise<void>;
  /** Makes created, renamed and removed names outlive a power failure. */
  syncDirectory(directory: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Removes a directory with all that is in it, if there is one, to outlive a power failure. Its files are closed by now. */
  removeDirectory(directory: string): Promise<void>;
  /** Makes `path` with this content, never to be seen without it; false if it exists already. */
  createExclusive(path: string, text: string): Promise<boolean>;
  /** The text of a small file; undefined if there is none. */
  readText(path: string): Promise<string | undefined>;
  /** Bytes that may still be written on the disk of this directory. Left out where there is no such bound. */
  freeBytes?(directory: string): Promise<number>;
}

class NodeFile implements LogFile {
  path: string;
  private readonly fd: number;
  /** The same file, opened so that a write returns when it is on the disk; -1 while there is none. */
  private syncedFd = -1;

  constructor(path: string, fd: number) {
    this.path = path;
    this.fd = fd;
  }

  write(buffers: readonly Buffer[], position: number, done: Done): void {
    this.writeTo(this.fd, buffers, position, done);
  }

  writeSynced(buffers: readonly Buffer[], position: number, done: Done): void {
    if (this.syncedFd >= 0) {
      this.writeTo(this.syncedFd, buffers, position, done);
      return;
    }
    this.openSynced((fd) => {
      this.syncedFd = fd;
      if (fd >= 0) this.writeTo(fd, buffers, position, done);
      // Descriptors may be short; there is the longer way.
      else this.write(buffers, position, (error) => (error !== undefined ? done(error) : this.sync(done)));
    });
  }

  /** Opens the same file once more; -1 if that cannot be done. */
  private openSynced(done: (fd: number) => void): void {
    fs.open(this.path, fs.constants.O_WRONLY | fs.constants.O_DSYNC, (error, fd) => {
      if (error !== null) {
        done(-1);
        return;
      }
      fs.fstat(fd, { bigint: true }, (failed, opened) => {
        fs.fstat(this.fd, { bigint: true }, (failedToo, own) => {
          const same = failed === null && failedToo === null && opened.ino === own.ino && opened.dev === own.dev;
          if (!same) fs.close(fd, () => {});
          done(same ? fd : -1);
        });
      });
    });
  }

  writtenFull(): void {
    const fd = this.syncedFd;
    this.syncedFd = -1;
    if (fd >= 0) fs.close(fd, () => {});
  }

  private writeTo(fd: number, buffers: readonly Buffer[], position: number, done: Done): void {
    fs.writev(fd, buffers, position, (error, written) => {
      if (error !== null) {
        done(error);
        return;
      }
      let rest = 0;
      for (const buffer of buffers) rest += buffer.length;
      if (written === rest) {
        done(undefined);
        return;
      }
      if (written === 0) {
        done(new Error(`${this.path}: nothing could be written at ${position}`));
        return;
      }
      // The kernel may take a part only: when the disk is nearly full, or when a signal came.
      const left: Buffer[] = [];
      let skip = written;
      for (const buffer of buffers) {
        if (skip >= buffer.length) skip -= buffer.length;
        else {
          left.push(buffer.subarray(skip));
          skip = 0;
        }
      }
      this.writeTo(fd, left, position + written, done);
    });
  }

  read(
    into: Buffer,
    offset: number,
    bytes: number,
    position: number,
    done: (error: Error | undefined, bytesRead: number) => void,
    before = 0,
  ): void {
    fs.read(this.fd, into, offset, bytes, position, (error, n) => {
      if (error !== null) {
        done(error, before);
        return;
      }
      if (n === 0 || n === bytes) {
        done(undefined, before + n);
        return;
      }
      this.read(into, offset + n, bytes - n, position + n, done, before + n);
    });
  }

  sync(done: Done): void {
    fs.fdatasync(this.fd, (error) => done(error ?? undefined));
  }

  sizeBytes(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.fd, (error, stat) => (error !== null ? reject(error) : resolve(stat.size)));
    });
  }

  truncate(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.fd, bytes, (error) => (error !== null ? reject(error) : resolve()));
    });
  }

  close(): Promise<void> {
    this.writtenFull();
    return new Promise((resolve, reject) => {
      fs.close(this.fd, (error) => (error ? reject(error) : resolve()));
    });
  }
}

const FLAGS = {
  read: fs.constants.O_RDONLY,
  update: fs.constants.O_RDWR,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
};

async function isDirectory(path: string): Promise<boolean> {
  const found = await fs.promises.stat(path).catch(() => undefined);
  return found?.isDirectory() === true;
}

/** The operating system's files. */
export const nodeFiles: FileSystem = {
  open(path, how) {
    return new Promise((opened, reject) => {
      // Messages are nobody's business but the broker's: the files are for its user alone.
      fs.open(path, FLAGS[how], 0o600, (error, fd) =>
        error !== null ? reject(error) : opened(new NodeFile(path, fd)),
      );
    });
  },
  list: (directory) => fs.promises.readdir(directory),
  // Not by mkdir's `recursive`: Node goes round for ever with it where the system says of a directory whose parent is there
  // that there is no such directory, as under /proc.
  async makeDirectory(directory) {
    const path = resolve(directory);
    const parent = dirname(path);
    try {
      await fs.promises.mkdir(path, 0o700);
    } catch (error) {
      if (await isDirectory(path)) return;
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || (await isDirectory(parent))) throw error;
      await nodeFiles.makeDirectory(parent);
      return nodeFiles.makeDirectory(path);
    }
    // A directory that a power failure forgets takes its files with it.
    await nodeFiles.syncDirectory(parent);
  },
  async syncDirectory(directory) {
    const handle = await fs.promises.open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  rename: (from, to) => fs.promises.rename(from, to),
  remove: (path) => fs.promises.unlink(path),
  async removeDirectory(directory) {
    const path = resolve(directory);
    if (!(await isDirectory(path))) return;
    await fs.promises.rm(path, { recursive: true, force: true });
    await nodeFiles.syncDirectory(dirname(path));
  },
  async createExclusive(path, text) {
    // Written first and named afterwards, so that nobody ever sees it without its text.
    const draft = `${path}.${process.pid}.draft`;
    await fs.promises.writeFile(draft, text, { mode: 0o600 });
    try {
      await fs.promises.link(draft, path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      await fs.promises.unlink(draft);
    }
  },
  async freeBytes(directory) {
    const { bavail, bsize } = await fs.promises.statfs(directory);
    return bavail * bsize;
  },
  async readText(path) {
    try {
      return await fs.promises.readFile(path, 'latin1');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  },
};

/** Reads through the port, as a promise; for recovery and cold reads. */
export function readFully(file: LogFile, into: Buffer, bytes: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    file.read(into, 0, bytes, position, (error, n) => (error !== undefined ? reject(error) : resolve(n)));
  });
}

/** Writes through the port, as a promise. */
export function writeFile(file: LogFile, bytes: Buffer, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    file.write([bytes], position, (error) => (error !== undefined ? reject(error) : resolve()));
  });
}

/** Syncs through the port, as a promise. */
export function syncFile(file: LogFile): Promise<void> {
  return new Promise((resolve, reject) => {
    file.sync((error) => (error !== undefined ? reject(error) : resolve()));
  });
}
