/**
 * The segments' files: made, written, read, prepared and given up. All of it goes on in the background of one flush at a
 * time; nothing here knows what a record is.
 *
 * A sync that must also write down new file sizes and block maps takes half as long again (see format.md, figures), so
 * files are filled with zeros ahead of the writing, in slices small enough that no flush waits long behind one, and the
 * file of a dead segment is used again. One spare file is kept; the log is then never short of space for settlements.
 *
 *     (none) ──create──▶ reserve.log ──rename──▶ NNNNNNNNNN.log ──dead──▶ reserve.log, or removed
 */
import { join } from 'node:path';
import type { Done, FileSystem, LogFile } from './files.ts';
import { type Segment, segmentName } from './segment.ts';

export const RESERVE_NAME = 'reserve.log';
/** How far ahead of the writing a file is kept prepared. */
const AHEAD_BYTES = 4 * 1024 * 1024;
const SLICE_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(SLICE_BYTES);

/** What one flush writes into one segment: buffers that lie one after the other from `position` on. */
export interface WriteJob {
  readonly segment: Segment;
  readonly position: number;
  readonly buffers: Buffer[];
  bytes: number;
}

/** An open file and how much of it, from the start, is allocated or about to be written. */
export interface SegmentFile {
  readonly handle: LogFile;
  preparedBytes: number;
}

export class SegmentFiles {
  private readonly files: FileSystem;
  private readonly directory: string;
  private readonly segmentBytes: number;
  private reserve: SegmentFile | undefined = undefined;
  /** The segment that is written, and how far. */
  private current: Segment | undefined = undefined;
  private writtenTo = 0;
  /** Work in the background: one slice or one file operation at a time. */
  private busy = false;
  private filling: SegmentFile | undefined = undefined;
  private afterFill: (() => void) | undefined = undefined;
  private whenIdle: (() => void) | undefined = undefined;
  private stopped = false;
  private readonly retired: Segment[] = [];

  constructor(files: FileSystem, directory: string, segmentBytes: number) {
    this.files = files;
    this.directory = directory;
    this.segmentBytes = segmentBytes;
  }

  /** Takes a spare file over that an earlier life left. */
  async adoptReserve(): Promise<void> {
    const handle = await this.files.open(join(this.directory, RESERVE_NAME), 'update');
    this.reserve = { handle, preparedBytes: await handle.sizeBytes() };
  }

  pathOf(number: number): string {
    return join(this.directory, segmentName(number));
  }

  /** Writes and syncs the jobs in order. `done` without an error means: all of it is on the disk. */
  flush(jobs: readonly WriteJob[], done: Done): void {
    let next = 0;
    const step = (error: Error | undefined): void => {
      if (error !== undefined) {
        done(error);
        return;
      }
      const job = jobs[next++];
      if (job !== undefined) this.write(job, step);
      else {
        done(undefined);
        this.work();
      }
    };
    step(undefined);
  }

  private write(job: WriteJob, done: Done): void {
    const { segment } = job;
    const file = segment.file;
    if (file === undefined) {
      this.begin(segment).then(
        () => this.write(job, done),
        (error: Error) => done(error),
      );
      return;
    }
    const end = job.position + job.bytes;
    if (end > file.preparedBytes) {
      if (this.filling === file) {
        // The zeros on their way could land on top of what is to be written now.
        this.afterFill = () => this.write(job, done);
        return;
      }
      file.preparedBytes = end; // before the write, so that no filling begins under it
    }
    file.handle.write(job.buffers, job.position, (error) => {
      if (error !== undefined) {
        done(error);
        return;
      }
      file.handle.sync((failed) => {
        if (failed !== undefined) {
          done(failed);
          return;
        }
        this.current = segment;
        this.writtenTo = end;
        done(undefined);
      });
    });
  }

  /** Makes the file of a new segment, and its name safe. */
  private async begin(segment: Segment): Promise<void> {
    const { reserve } = this;
    if (reserve !== undefined) {
      this.reserve = undefined;
      await this.files.rename(join(this.directory, RESERVE_NAME), segment.path);
      reserve.handle.path = segment.path;
      segment.file = reserve;
    } else {
      segment.file = { handle: await this.files.open(segment.path, 'create'), preparedBytes: 0 };
    }
    await this.files.syncDirectory(this.directory);
  }

  /** Reads `bytes` from `position` on. `bytesRead` is less than asked for only where the file ends. */
  read(
    segment: Segment,
    position: number,
    into: Buffer,
    bytes: number,
    done: (error: Error | undefined, bytesRead: number) => void,
  ): void {
    segment.reading++;
    const finish = (error: Error | undefined, n: number): void => {
      segment.reading--;
      done(error, n);
    };
    const { file } = segment;
    if (file !== undefined) {
      file.handle.read(into, 0, bytes, position, finish);
      return;
    }
    this.files.open(segment.path, 'read').then(
      (opened) => {
        // Two loads may have opened it at once; the second handle is one too many.
        if (segment.file === undefined) segment.file = { handle: opened, preparedBytes: 0 };
        else opened.close().catch(() => {});
        segment.file.handle.read(into, 0, bytes, position, finish);
      },
      (error: Error) => finish(error, 0),
    );
  }

  /** Gives a segment's file up: kept as the spare one or removed. Nobody will ask for it again. */
  retire(segment: Segment): void {
    this.retired.push(segment);
    this.work();
  }

  /** Does the next piece of background work, if there is one. */
  private work(): void {
    if (this.busy) return;
    const dead = this.retired.findIndex((segment) => segment.reading === 0);
    if (dead >= 0) {
      const segment = this.retired.splice(dead, 1)[0]!;
      this.run(this.dispose(segment));
      return;
    }
    if (this.stopped) {
      const { whenIdle } = this;
      this.whenIdle = undefined;
      whenIdle?.();
      return;
    }
    const file = this.current?.file;
    if (file === undefined) return;
    if (file.preparedBytes < Math.min(this.segmentBytes, this.writtenTo + AHEAD_BYTES)) this.fill(file);
    else if (this.writtenTo * 2 >= this.segmentBytes) {
      const { reserve } = this;
      if (reserve === undefined) this.run(this.createReserve());
      else if (reserve.preparedBytes < this.segmentBytes) this.fill(reserve);
    }
  }

  private fill(file: SegmentFile): void {
    const bytes = Math.min(SLICE_BYTES, this.segmentBytes - file.preparedBytes);
    this.busy = true;
    this.filling = file;
    file.handle.write([ZEROS.subarray(0, bytes)], file.preparedBytes, (error) => {
      this.busy = false;
      this.filling = undefined;
      // Not prepared is only slower; a disk that is really full fails the flush, which is where it is dealt with.
      if (error === undefined) file.preparedBytes += bytes;
      const { afterFill } = this;
      this.afterFill = undefined;
      afterFill?.();
      if (error === undefined || this.stopped) this.work();
    });
  }

  private run(task: Promise<void>): void {
    this.busy = true;
    task
      .catch(() => {
        // Tidying that failed is tried again at the next start; it never endangers what is kept.
      })
      .then(() => {
        this.busy = false;
        this.work();
      });
  }

  private async createReserve(): Promise<void> {
    const handle = await this.files.open(join(this.directory, RESERVE_NAME), 'create');
    this.reserve = { handle, preparedBytes: 0 };
  }

  private async dispose(segment: Segment): Promise<void> {
    const { file } = segment;
    segment.file = undefined;
    if (this.reserve === undefined && file !== undefined && file.preparedBytes >= this.segmentBytes) {
      const path = join(this.directory, RESERVE_NAME);
      await this.files.rename(segment.path, path);
      file.handle.path = path;
      this.reserve = file;
      return;
    }
    await file?.handle.close();
    await this.files.remove(segment.path);
  }

  /** Waits for the background work to end, then closes every file. `usedBytes`: cut the last segment there. */
  async close(segments: readonly Segment[], usedBytes: number | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      this.stopped = true;
      this.whenIdle = resolve;
      this.work();
    });
    const last = segments[segments.length - 1];
    if (usedBytes !== undefined && last?.file !== undefined) await last.file.handle.truncate(usedBytes);
    for (const segment of [...segments, ...this.retired]) {
      await segment.file?.handle.close();
      segment.file = undefined;
    }
    await this.reserve?.handle.close();
    this.reserve = undefined;
  }
}
