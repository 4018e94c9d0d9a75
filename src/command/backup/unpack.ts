/**
 * Archives of a broker's data written to the disk: unpacked as a data directory, or as the one file that they are. What is not whole has
 * another name (`….partial`), so that a copy is never half of one: it gets its own when all of it is on the disk.
 */
import { dirname, join, resolve } from 'node:path';
import { type FileSystem, type LogFile, syncFile, writeFile } from '../../log/files/files.ts';
import { TarError, TarReader, type TarSink } from '../../management/tar.ts';
import { MANIFEST, type Manifest } from '../../management/v1/routes/backup.ts';
import { CommandError, EXIT } from '../exit.ts';
import { bytes } from '../print/units.ts';

const PARTIAL = '.partial';
/** Of the list of what belongs to an archive. */
const MANIFEST_BYTES_MAX = 64 * 1024 * 1024;
/** `state/NNNN.log`, `vhosts/NAME/NNNN.log`: nothing leads out of the directory. */
const PATH = /^(state|vhosts\/(?!\.{1,2}\/)[^/\\\0]+)\/[0-9]{10}\.log$/;

/** Takes an archive, piece by piece. */
export interface Receiver {
  take(piece: Buffer): Promise<void>;
  /** All of it has come: it gets its name. @throws CommandError it is not whole */
  finish(): Promise<void>;
  /** Nothing is left of it. */
  discard(): Promise<void>;
}

/** The archive as a file. @throws CommandError there is one already */
export async function fileReceiver(files: FileSystem, path: string): Promise<Receiver> {
  await demandAbsent(files, path);
  const partial = path + PARTIAL;
  await files.makeDirectory(dirname(resolve(path)));
  await removeIfThere(files, partial);
  const file = await files.open(partial, 'create');
  let position = 0;
  return {
    async take(piece) {
      await writeFile(file, piece, position);
      position += piece.length;
    },
    async finish() {
      await syncFile(file);
      await file.close();
      await files.rename(partial, path);
      await files.syncDirectory(dirname(resolve(path)));
    },
    async discard() {
      await file.close().catch(() => {});
      await removeIfThere(files, partial);
    },
  };
}

/** The archive as the data directory that it is. @throws CommandError there is something already */
export async function directoryReceiver(files: FileSystem, path: string): Promise<Receiver> {
  await demandEmpty(files, path);
  const partial = path + PARTIAL;
  await files.removeDirectory(partial);
  await files.makeDirectory(partial);
  const unpacking = new Unpacking(files, partial);
  const reader = new TarReader(unpacking);
  return {
    take: (piece) => said(() => reader.take(piece)),
    async finish() {
      if (!reader.ended) throw notWhole();
      unpacking.demandWhole();
      await unpacking.syncDirectories();
      await files.removeDirectory(path);
      await files.rename(partial, path);
      await files.syncDirectory(dirname(resolve(path)));
    },
    async discard() {
      await unpacking.close();
      await files.removeDirectory(partial);
    },
  };
}

class Unpacking implements TarSink {
  private readonly files: FileSystem;
  private readonly directory: string;
  private readonly directories = new Set<string>();
  private readonly written = new Map<string, number>();
  private manifest: Buffer[] | undefined;
  private wanted: Manifest['files'] | undefined;
  private file: LogFile | undefined;
  private path = '';
  private position = 0;

  constructor(files: FileSystem, directory: string) {
    this.files = files;
    this.directory = directory;
  }

  async begin({ path, bytes: length }: { readonly path: string; readonly bytes: number }): Promise<void> {
    this.path = path;
    this.position = 0;
    if (path === MANIFEST && this.wanted === undefined) {
      if (length > MANIFEST_BYTES_MAX) throw new TarError(`${MANIFEST} is too long`);
      this.manifest = [];
      return;
    }
    if (this.wanted === undefined || !PATH.test(path) || this.written.has(path)) {
      throw new TarError(`this is no backup of a broker: there is a file '${path}' in it`);
    }
    const target = join(this.directory, ...path.split('/'));
    this.directories.add(dirname(target));
    await this.files.makeDirectory(dirname(target));
    this.file = await this.files.open(target, 'create');
  }

  async write(piece: Buffer): Promise<void> {
    if (this.manifest !== undefined) this.manifest.push(Buffer.from(piece));
    else await writeFile(this.file!, piece, this.position);
    this.position += piece.length;
  }

  async end(): Promise<void> {
    if (this.manifest !== undefined) {
      this.wanted = wantedIn(Buffer.concat(this.manifest).toString());
      this.manifest = undefined;
      return;
    }
    await syncFile(this.file!);
    await this.close();
    this.written.set(this.path, this.position);
  }

  /** @throws CommandError */
  demandWhole(): void {
    const wanted = this.wanted ?? [];
    const whole = wanted.every(({ path, bytes: length }) => this.written.get(path) === length);
    if (this.wanted === undefined || !whole || wanted.length !== this.written.size) throw notWhole();
  }

  async syncDirectories(): Promise<void> {
    for (const directory of this.directories) await this.files.syncDirectory(directory);
  }

  async close(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    await file?.close();
  }
}

function wantedIn(text: string): Manifest['files'] {
  try {
    const { files } = JSON.parse(text) as Manifest;
    if (files.every(({ path, bytes: length }) => typeof path === 'string' && Number.isSafeInteger(length)))
      return files;
  } catch {
    // said below
  }
  throw new TarError(`this is no backup of a broker: its ${MANIFEST} cannot be read`);
}

async function said(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof TarError) throw new CommandError(EXIT.failed, error.message);
    throw error;
  }
}

function notWhole(): CommandError {
  return new CommandError(EXIT.failed, 'the backup is not whole: something of it is missing');
}

/** What went wrong with a disk, in words. */
export function diskFault(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const why = DISK_FAULTS[code ?? ''];
  return why === undefined ? error : new CommandError(EXIT.failed, `${path}: ${why}; nothing is left of it`);
}

const DISK_FAULTS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  EFBIG: 'the file would be larger than may be here',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a directory',
  EIO: 'the disk fails',
};

/** @throws CommandError failed */
export async function demandRoom(files: FileSystem, path: string, needed: number): Promise<void> {
  const free = await files.freeBytes?.(dirname(resolve(path))).catch(() => undefined);
  if (free === undefined || free >= needed) return;
  throw new CommandError(EXIT.failed, `${path}: ${bytes(needed)} are needed, and ${bytes(free)} are free there`);
}

async function demandEmpty(files: FileSystem, path: string): Promise<void> {
  const names = await files.list(path).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') throw new CommandError(EXIT.usage, `${path} is a file`);
    throw error;
  });
  if (names.length > 0)
    throw new CommandError(EXIT.usage, `${path} is not empty: name a directory that is not there yet`);
}

async function demandAbsent(files: FileSystem, path: string): Promise<void> {
  const there = await files.open(path, 'read').then(
    async (file) => {
      await file.close();
      return true;
    },
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  );
  if (there) throw new CommandError(EXIT.usage, `${path} is there already`);
}

async function removeIfThere(files: FileSystem, path: string): Promise<void> {
  await files.remove(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
