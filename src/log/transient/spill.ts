/**
 * Spill files: transient messages that memory has no room for, in a row of files, of which the last is written to. What is
 * kept in them are ranges of bytes, each of which somebody holds a *place* of; a file goes when the last of its places is
 * given back, the one that is being written to as well. Nothing is synced, and nothing in a file says what it holds, since
 * only this process reads it: the files are removed at the next start, whatever ended this one.
 *
 *     (none) ──first write──▶ written to ──full, or ended──▶ only read ──last place freed──▶ removed
 *                                 └────────────last place freed────────────────────────────▶ removed
 *
 * Refuses: nothing by itself. `hasRoom` says whether the bound allows so many bytes more, for whoever asks before it writes.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { FileSystem, LogFile } from '../files/files.ts';

const NAME = /^transient(-[0-9]+)?\.spill$/;

/** Whether a file of that name is one of a transient store: it need not outlive anything. */
export function isSpillName(name: string): boolean {
  return NAME.test(name);
}
/** Every file holds a descriptor: with a larger bound they are larger, rather than more. */
const FILES_MAX = 32;
const FILE_BYTES_MIN = 64 * 1024 * 1024;

export interface SpillOptions {
  readonly files: FileSystem;
  readonly directory: string;
  /** All files together; more is refused by `hasRoom`. */
  readonly bytesMax: number;
  /** A file is ended at this size; default 64 MiB, or a 32nd of `bytesMax`. */
  readonly fileBytes?: number;
}

/** One range of one file. It is read as a whole, and checked. */
export interface SpillPlace {
  readonly file: SpillFile;
  readonly position: number;
  readonly bytes: number;
  readonly checksum: number;
}

export class SpillFile {
  readonly path: string;
  handle: LogFile | undefined = undefined;
  /** Up to where it is written, or about to be. */
  sizeBytes = 0;
  /** Bytes of places that are held. */
  usedBytes = 0;
  /** Calls under way. */
  pending = 0;
  /** No more is written to it. */
  ended = false;

  constructor(path: string) {
    this.path = path;
  }
}

export class Spill {
  /** What the files take up. */
  diskBytes = 0;
  readonly bytesMax: number;
  private readonly files: FileSystem;
  private readonly directory: string;
  private readonly fileBytes: number;
  private readonly live = new Set<SpillFile>();
  private current: SpillFile | undefined = undefined;
  private opening: Promise<SpillFile> | undefined = undefined;
  private next = 1;
  private removing = 0;
  private closing: (() => void) | undefined = undefined;

  private constructor(options: SpillOptions) {
    this.files = options.files;
    this.directory = options.directory;
    this.bytesMax = options.bytesMax;
    this.fileBytes = options.fileBytes ?? Math.max(FILE_BYTES_MIN, Math.ceil(options.bytesMax / FILES_MAX));
  }

  /** Makes the directory, and removes what an earlier life left. */
  static async open(options: SpillOptions): Promise<Spill> {
    const { files, directory } = options;
    await files.makeDirectory(directory);
    for (const name of await files.list(directory)) {
      if (isSpillName(name)) await files.remove(join(directory, name));
    }
    return new Spill(options);
  }

  get fileCount(): number {
    return this.live.size;
  }

  /** Whether the bound allows for so many bytes more. */
  hasRoom(bytes: number): boolean {
    return this.diskBytes + bytes <= this.bytesMax;
  }

  /** Writes `bytes`, which must not change before `done`, and hands out their place. */
  write(bytes: Buffer, done: (error: Error | undefined, place?: SpillPlace) => void): void {
    const { current } = this;
    if (current !== undefined && (current.sizeBytes === 0 || current.sizeBytes + bytes.length <= this.fileBytes)) {
      this.writeTo(current, bytes, done);
      return;
    }
    if (current !== undefined) this.end(current);
    this.opening ??= this.begin();
    this.opening.then(
      () => this.write(bytes, done),
      (error: Error) => done(error),
    );
  }

  private async begin(): Promise<SpillFile> {
    const file = new SpillFile(join(this.directory, `transient-${this.next++}.spill`));
    try {
      file.handle = await this.files.open(file.path, 'create');
    } finally {
      this.opening = undefined;
    }
    this.live.add(file);
    this.current = file;
    return file;
  }

  private writeTo(file: SpillFile, bytes: Buffer, done: (error: Error | undefined, place?: SpillPlace) => void): void {
    const position = file.sizeBytes;
    const place = { file, position, bytes: bytes.length, checksum: crc32(bytes) };
    file.sizeBytes += place.bytes;
    file.usedBytes += place.bytes;
    this.diskBytes += place.bytes;
    file.pending++;
    file.handle!.write([bytes], position, (error) => {
      file.pending--;
      if (error === undefined) {
        done(undefined, place);
        this.settle(file);
        return;
      }
      if (file.sizeBytes === position + place.bytes) {
        file.sizeBytes = position;
        this.diskBytes -= place.bytes;
      }
      this.free(place);
      done(error);
    });
  }

  /** Reads the bytes of a place into the start of `into`; an error if they are not what was written. */
  read(place: SpillPlace, into: Buffer, done: (error: Error | undefined) => void): void {
    const { file, position, bytes, checksum } = place;
    file.pending++;
    file.handle!.read(into, 0, bytes, position, (error, bytesRead) => {
      file.pending--;
      const sound = error !== undefined || (bytesRead === bytes && crc32(into.subarray(0, bytes)) === checksum);
      done(sound ? error : new Error(`${file.path}: what was written at ${position} does not come back`));
      this.settle(file);
    });
  }

  /** Nobody needs these bytes any more. A read of them that is under way still gets them. */
  free(place: SpillPlace): void {
    place.file.usedBytes -= place.bytes;
    this.settle(place.file);
  }

  /** Nothing more is written to the file. */
  end(file: SpillFile): void {
    file.ended = true;
    if (this.current === file) this.current = undefined;
    this.settle(file);
  }

  /** Removes a file of which nobody holds anything. */
  private settle(file: SpillFile): void {
    if (file.usedBytes > 0 || file.pending > 0 || !this.live.has(file)) return;
    if (file.sizeBytes === 0 && !file.ended) return;
    this.live.delete(file);
    if (this.current === file) this.current = undefined;
    void this.remove(file);
  }

  private async remove(file: SpillFile): Promise<void> {
    this.removing++;
    try {
      await file.handle?.close();
      await this.files.remove(file.path);
    } catch {
      // What cannot be removed now is removed at the next start.
    }
    this.diskBytes -= file.sizeBytes;
    this.removing--;
    if (this.removing === 0) this.closing?.();
  }

  /** Removes all files. Not while a write or a read is under way. */
  async close(): Promise<void> {
    await this.opening?.catch(() => {});
    for (const file of this.live) void this.remove(file);
    this.live.clear();
    this.current = undefined;
    if (this.removing > 0) {
      await new Promise<void>((resolve) => {
        this.closing = resolve;
      });
    }
  }
}
