/**
 * Disk space ahead of need: files filled with zeros before they are written to (a sync that must also write down new
 * sizes and block maps takes half as long again, see format.md), files of dead segments kept for new ones, and a reserve
 * that makes sure that a full disk can be cleared up: what consumers settle must still be written down, or nothing is ever
 * freed.
 *
 *     dead segment ──▶ reserve.log, if it is missing ──▶ spare-N.log, a segment's worth ──▶ removed
 *     plenty ──a call says "no space", and no spare is left──▶ full: publishers wait; the reserve is cut shorter as writes need it
 *       ▲                                                       │
 *       └────── the reserve is whole again and there is room ahead ──┘   tried each second, and when a file is given up
 *
 * Refuses: to fail the log because the disk is full. A write that finds no room waits until there is some.
 */
import { join } from 'node:path';
import { type Clock, Timer } from '../../clock/clock.ts';
import { isNoSpace } from '../files/errors.ts';
import type { FileSystem } from '../files/files.ts';
import type { SegmentFile } from '../files/segment-file.ts';

export const RESERVE_NAME = 'reserve.log';
const SPARE_NAME = /^spare-[0-9]+\.log$/;
/** How far ahead of the writing a file is kept prepared. */
const AHEAD_BYTES = 4 * 1024 * 1024;
const SLICE_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(SLICE_BYTES);
const RETRY_MS = 1000;
/** Enough for the settlements of a million messages. */
const RESERVE_BYTES_MAX = 16 * 1024 * 1024;

export interface SpaceOptions {
  readonly files: FileSystem;
  readonly directory: string;
  readonly segmentBytes: number;
  readonly clock: Clock;
  onFull(): void;
  onSpace(): void;
  /** No descriptor is left to open a file with, which waits for one; or none does any more. */
  onScarce?(scarce: boolean): void;
}

export function isSpareName(name: string): boolean {
  return SPARE_NAME.test(name);
}

export class DiskSpace {
  full = false;
  /** The file that is being filled with zeros. */
  filling: SegmentFile | undefined = undefined;
  private readonly options: SpaceOptions;
  private readonly reserveBytes: number;
  /** What a spare is filled to if it is the only one. Half a segment is enough of a file: segments end early at checkpoints. */
  private readonly spareBytes: number;
  /** Spares together. Dead files come when they come: with room for one, every other was removed, and the next one filled with zeros. */
  private readonly sparesBytesMax: number;
  private readonly spares: SegmentFile[] = [];
  private nextSpare = 1;
  private reserve: SegmentFile | undefined = undefined;
  /** The file that is written, how far, and all that was written in this life. */
  private current: SegmentFile | undefined = undefined;
  private writtenTo = 0;
  private writtenBytes = 0;
  private afterFill: (() => void) | undefined = undefined;
  /** Writes that wait for room. */
  private stalled: (() => void) | undefined = undefined;
  /** A filling found no room: not again before the next second. The same for spares, which nobody needs. */
  private paused = false;
  private sparing = false;
  private stopped = false;
  private readonly retry = new Timer(() => this.again());
  private readonly sparesAgain = new Timer(() => {
    this.sparing = false;
    this.wake();
  });
  /** Called when there may be something to do in the background. */
  private readonly wake: () => void;

  constructor(options: SpaceOptions, wake: () => void) {
    this.options = options;
    this.reserveBytes = Math.min(options.segmentBytes, RESERVE_BYTES_MAX);
    this.spareBytes = options.segmentBytes / 2;
    this.sparesBytesMax = options.segmentBytes;
    this.wake = wake;
  }

  /** What is kept beside the segments: the reserve, and files for new ones. */
  get keptBytes(): number {
    return this.sparesBytes + (this.reserve?.preparedBytes ?? 0);
  }

  private get sparesBytes(): number {
    return this.spares.reduce((sum, file) => sum + file.preparedBytes, 0);
  }

  /** Takes over what an earlier life left. */
  async adopt(names: readonly string[]): Promise<void> {
    const { files, directory } = this.options;
    for (const name of names) {
      const handle = await files.open(join(directory, name), 'update');
      const file = { handle, preparedBytes: await handle.sizeBytes(), reading: 0 };
      if (name === RESERVE_NAME) {
        await this.cut(file, this.reserveBytes);
        this.reserve = file;
      } else {
        this.nextSpare = Math.max(this.nextSpare, Number(name.slice(6, -4)) + 1);
        if (await this.mayBeSpare(file)) this.spares.push(file);
        else await this.removeFile(file);
      }
    }
  }

  /** A file for a new segment, under its name; to be followed by a sync of the directory. */
  async take(path: string): Promise<SegmentFile> {
    const { files } = this.options;
    await this.trim();
    const file = this.spare((one, other) => one.preparedBytes > other.preparedBytes);
    if (file === undefined) return { handle: await files.open(path, 'create'), preparedBytes: 0, reading: 0 };
    this.spares.splice(this.spares.indexOf(file), 1);
    await files.rename(file.handle.path, path);
    file.handle.path = path;
    return file;
  }

  /** A segment that a checkpoint ended early gives back what it did not need. */
  private async trim(): Promise<void> {
    const file = this.current;
    if (file === undefined || file === this.filling || file.preparedBytes <= this.writtenTo + AHEAD_BYTES) return;
    // Whatever hinders it, nothing is lost but room.
    await this.cut(file, this.writtenTo).catch(() => false);
  }

  /** Gets a dead segment's file, or its path if it is not open. */
  async giveUp(file: SegmentFile | undefined, path: string): Promise<void> {
    const { files, directory } = this.options;
    if (file === undefined) await files.remove(path);
    else if (this.reserve === undefined && (await this.cut(file, this.reserveBytes))) {
      this.reserve = file;
      await this.rename(file, join(directory, RESERVE_NAME));
    } else if (!this.full && !this.sparing && (await this.mayBeSpare(file))) {
      await this.rename(file, join(directory, `spare-${this.nextSpare++}.log`));
      this.spares.push(file);
    } else await this.removeFile(file);
    if (this.full) this.again();
  }

  /**
   * Whether a file is worth keeping: cuts it to what there is room for, and gives up a shorter spare for it, one that is only being
   * filled, say.
   */
  private async mayBeSpare(file: SegmentFile): Promise<boolean> {
    if (file.preparedBytes * 2 < this.spareBytes) return false;
    const room = this.sparesBytesMax - this.sparesBytes;
    if (room >= Math.min(file.preparedBytes, this.spareBytes))
      return await this.cut(file, Math.min(file.preparedBytes, room));
    const shortest = this.spare((one, other) => one.preparedBytes < other.preparedBytes);
    if (shortest === undefined || shortest.preparedBytes >= file.preparedBytes) return false;
    this.spares.splice(this.spares.indexOf(shortest), 1);
    await this.removeFile(shortest);
    return await this.cut(file, Math.min(file.preparedBytes, room + shortest.preparedBytes));
  }

  /** The one before which none comes, of those that are not being filled. */
  private spare(before: (one: SegmentFile, other: SegmentFile) => boolean): SegmentFile | undefined {
    let first: SegmentFile | undefined;
    for (const spare of this.spares) {
      if (spare !== this.filling && (first === undefined || before(spare, first))) first = spare;
    }
    return first;
  }

  /** False if the file is shorter. */
  private async cut(file: SegmentFile, bytes: number): Promise<boolean> {
    if (file.preparedBytes > bytes) {
      await file.handle.truncate(bytes);
      file.preparedBytes = bytes;
    }
    return file.preparedBytes === bytes;
  }

  private async rename(file: SegmentFile, path: string): Promise<void> {
    await this.options.files.rename(file.handle.path, path);
    file.handle.path = path;
  }

  private async removeFile(file: SegmentFile): Promise<void> {
    await file.handle.close();
    await this.options.files.remove(file.handle.path);
  }

  /** Called before a write that goes up to `end`; false: it must wait, and `go` is called when it need not. */
  clear(file: SegmentFile, end: number, go: () => void): boolean {
    if (end <= file.preparedBytes) return true;
    if (this.filling === file) {
      // The zeros on their way could land on top of what is to be written now.
      this.afterFill = go;
      return false;
    }
    file.preparedBytes = end; // before the write, so that no filling begins under it
    return true;
  }

  written(file: SegmentFile, to: number, bytes: number): void {
    this.current = file;
    this.writtenTo = to;
    this.writtenBytes += bytes;
  }

  /**
   * A write found no room. Makes some, of spares or of the reserve, or waits for it; then calls `go`. Calls `fail` instead
   * when there is none and nothing is waited for any more.
   */
  makeRoom(bytes: number, go: () => void, fail: () => void): void {
    const none = (): void => {
      if (this.stopped) fail();
      else {
        this.stalled = go;
        this.becomeFull();
      }
    };
    this.room(bytes).then((made) => (made ? go() : none()), none);
  }

  private async room(bytes: number): Promise<boolean> {
    const spare = this.spares.findLast((candidate) => candidate !== this.filling);
    if (spare !== undefined) {
      this.spares.splice(this.spares.indexOf(spare), 1);
      await this.removeFile(spare);
      return true;
    }
    this.becomeFull();
    const { reserve } = this;
    if (reserve === undefined || reserve === this.filling || reserve.preparedBytes === 0) return false;
    const left = Math.max(0, reserve.preparedBytes - Math.max(SLICE_BYTES, 2 * bytes));
    reserve.preparedBytes = left;
    await reserve.handle.truncate(left);
    return true;
  }

  private becomeFull(): void {
    this.paused = true;
    if (!this.stopped) this.options.clock.schedule(this.retry, RETRY_MS);
    if (this.full) return;
    this.full = true;
    this.options.onFull();
  }

  /** Tries again what found no room. */
  private again(): void {
    this.paused = false;
    const { stalled } = this;
    this.stalled = undefined;
    stalled?.();
    if (this.full && !this.stopped) this.options.clock.schedule(this.retry, RETRY_MS);
    this.wake();
  }

  /** Does the next piece of preparation in the background; undefined if there is none. */
  work(): Promise<void> | undefined {
    const { current, reserve, spares } = this;
    const { segmentBytes } = this.options;
    if (this.stopped || this.paused || this.stalled !== undefined || current === undefined) return undefined;
    if (current.preparedBytes < Math.min(segmentBytes, this.writtenTo + AHEAD_BYTES))
      return this.fill(current, segmentBytes);
    // A log that has hardly been written to has nothing that could be freed.
    if (this.writtenBytes * 2 >= segmentBytes || reserve !== undefined) {
      if (reserve === undefined) return this.create(RESERVE_NAME);
      if (reserve.preparedBytes < this.reserveBytes) return this.fill(reserve, this.reserveBytes);
    }
    if (this.full) {
      this.full = false;
      this.options.clock.cancel(this.retry);
      this.options.onSpace();
    }
    if (this.writtenTo * 4 < segmentBytes || this.sparing) return undefined;
    if (spares.length === 0) return this.create(`spare-${this.nextSpare++}.log`);
    const short = spares.length === 1 && spares[0]!.preparedBytes < this.spareBytes;
    return short ? this.fill(spares[0]!, this.spareBytes) : undefined;
  }

  private async create(name: string): Promise<void> {
    const handle = await this.options.files.open(join(this.options.directory, name), 'create').catch((error: Error) => {
      if (isNoSpace(error) && name === RESERVE_NAME) this.becomeFull();
      else if (isNoSpace(error)) this.spareNone();
      throw error;
    });
    const file = { handle, preparedBytes: 0, reading: 0 };
    if (name === RESERVE_NAME) this.reserve = file;
    else this.spares.push(file);
  }

  private fill(file: SegmentFile, upTo: number): Promise<void> {
    const bytes = Math.min(SLICE_BYTES, upTo - file.preparedBytes);
    this.filling = file;
    return new Promise((resolve, reject) => {
      file.handle.write([ZEROS.subarray(0, bytes)], file.preparedBytes, (error) => {
        this.filling = undefined;
        if (error === undefined) file.preparedBytes += bytes;
        else if (isNoSpace(error)) this.noRoomAhead();
        const { afterFill } = this;
        this.afterFill = undefined;
        afterFill?.();
        // Not prepared for any other reason is only slower; a disk that fails also fails a flush, where it counts.
        if (error === undefined || isNoSpace(error)) resolve();
        else reject(error);
      });
    });
  }

  private noRoomAhead(): void {
    // What is kept for speed goes before anybody has to wait.
    if (this.spares.length === 0) this.becomeFull();
    else {
      this.spareNone();
      this.room(0).then(this.wake, this.wake);
    }
  }

  /** No new spares for a second. */
  private spareNone(): void {
    this.sparing = true;
    if (!this.stopped) this.options.clock.schedule(this.sparesAgain, RETRY_MS);
  }

  /** No write waits any longer: those that find no room, not even in the reserve, fail. */
  stopWaiting(): void {
    this.stopped = true;
    this.options.clock.cancel(this.retry);
    this.options.clock.cancel(this.sparesAgain);
    const { stalled } = this;
    this.stalled = undefined;
    stalled?.();
  }

  async close(): Promise<void> {
    this.stopped = true;
    this.options.clock.cancel(this.retry);
    this.options.clock.cancel(this.sparesAgain);
    for (const file of [this.reserve, ...this.spares]) await file?.handle.close();
    this.reserve = undefined;
    this.spares.length = 0;
  }
}
