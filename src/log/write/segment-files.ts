/**
 * The files of the segments: made, written, read, replaced and given up. All of it goes on in the background of one flush at a
 * time; nothing here knows what a record is. Where the room comes from: `disk-space.ts`.
 *
 *     (none) ──first write──▶ NNNNNNNNNN.log ──dead──▶ given up to `DiskSpace`
 *                               ▲   │
 *            compacted, renamed └───┘
 */
import { join } from 'node:path';
import type { Segment } from '../blocks/segment.ts';
import { isNoDescriptor, isNoSpace } from '../files/errors.ts';
import type { Done, FileSystem } from '../files/files.ts';
import { readSegmentFile, type SegmentFile } from '../files/segment-file.ts';
import { segmentName } from '../format/segment.ts';
import { DescriptorWait } from './descriptor-wait.ts';
import { DiskSpace, type SpaceOptions } from './disk-space.ts';

/** Files of whole segments that stay open, those read last; a long backlog would take a descriptor a segment. */
const HANDLES_MAX = 32;

/** A flush of more than this is written first and synced afterwards: the kernel may begin with the one during the other. */
const WRITE_SYNCED_BYTES_MAX = 128 * 1024;

/** What one flush writes into one segment: buffers that lie one after the other from `position` on. */
export interface WriteJob {
  readonly segment: Segment;
  readonly position: number;
  readonly buffers: Buffer[];
  bytes: number;
}

export class SegmentFiles {
  readonly space: DiskSpace;
  private readonly files: FileSystem;
  private readonly directory: string;
  /** Written to since they were last synced. */
  private readonly unsynced = new Set<SegmentFile>();
  /** The one that was last written and synced in one. */
  private writtenSynced: SegmentFile | undefined = undefined;
  /** Work in the background: one slice or one file operation at a time. */
  private busy = false;
  private whenIdle: (() => void) | undefined = undefined;
  /** Nothing is done in the background any more. */
  private stopped = false;
  /** Nothing is read any more. */
  private closed = false;
  private readonly retired: Segment[] = [];
  /** Segments whose files are open, the one used last at the end. */
  private readonly open = new Set<Segment>();
  /** Of the segment written last: those before it are whole. */
  private writing = 0;
  private readonly descriptors: DescriptorWait;

  constructor(options: SpaceOptions) {
    this.descriptors = new DescriptorWait(options.clock, options.onScarce?.bind(options) ?? (() => {}));
    this.files = options.files;
    this.directory = options.directory;
    this.space = new DiskSpace(options, () => this.work());
  }

  pathOf(number: number): string {
    return join(this.directory, segmentName(number));
  }

  /** Something was written that may not outlive a power failure. */
  get hasUnsynced(): boolean {
    return this.unsynced.size > 0;
  }

  /**
   * Writes the jobs in order; with `sync`, when `done` is called without an error, all that was ever written is on the disk.
   * `written` is called before the last of the syncs: then all of it is with the kernel. Null: nobody waits for that.
   */
  flush(jobs: readonly WriteJob[], sync: boolean, done: Done, written: (() => void) | null): void {
    let next = 0;
    const step = (error: Error | undefined): void => {
      if (error !== undefined) {
        done(error);
        return;
      }
      const job = jobs[next++];
      if (job !== undefined) this.write(job, sync, step, next === jobs.length ? written : null);
      else if (sync && this.unsynced.size > 0) this.sync(step);
      else {
        done(undefined);
        this.work();
      }
    };
    step(undefined);
  }

  private write(job: WriteJob, sync: boolean, done: Done, written: (() => void) | null): void {
    const { segment } = job;
    const again = (): void => this.write(job, sync, done, written);
    const failed = (error: Error): void => {
      // Nothing of it counts as written, so writing it again is no second try of something that may have worked.
      if (isNoSpace(error)) this.space.makeRoom(job.bytes, again, () => done(error));
      else done(error);
    };
    if (segment.file === undefined || !segment.named) {
      this.begin(segment).then(again, (error: Error) => {
        // Only the name is missing: nothing was asked of the disk that could have half happened.
        if (isNoDescriptor(error)) this.descriptors.later(again);
        else failed(error);
      });
      return;
    }
    const { file } = segment;
    this.writing = segment.number;
    const end = job.position + job.bytes;
    if (!this.space.clear(file, end, again)) return;
    if (sync && written === null && this.unsynced.size === 0 && job.bytes <= WRITE_SYNCED_BYTES_MAX) {
      if (file.handle.writeSynced !== undefined) {
        if (this.writtenSynced !== file) this.writtenSynced?.handle.writtenFull?.();
        this.writtenSynced = file;
        file.handle.writeSynced(job.buffers, job.position, (error) => {
          if (error !== undefined) {
            failed(error);
            return;
          }
          this.space.written(file, end, job.bytes);
          done(undefined);
        });
        return;
      }
    }
    file.handle.write(job.buffers, job.position, (error) => {
      if (error !== undefined) {
        failed(error);
        return;
      }
      this.space.written(file, end, job.bytes);
      written?.();
      if (!sync && job.position === 0) {
        // A segment's header says where its batches begin: without it, what a power failure spared could pass for the start.
        file.handle.sync((failure) => done(failure));
        return;
      }
      this.unsynced.add(file);
      // Segment by segment, so that a later one is never on the disk without the one before.
      if (sync) this.sync(done);
      else done(undefined);
    });
  }

  /** Syncs what was written, oldest first. */
  private sync(done: Done): void {
    const [file] = this.unsynced;
    if (file === undefined) {
      done(undefined);
      return;
    }
    this.unsynced.delete(file);
    file.handle.sync((error) => {
      if (error !== undefined) done(error);
      else this.sync(done);
    });
  }

  /** The segment's file is used now: of those that are open and whole, the ones used least recently are closed. */
  private used(segment: Segment): void {
    this.open.delete(segment);
    this.open.add(segment);
    if (this.open.size <= HANDLES_MAX) return;
    for (const other of this.open) {
      const { file } = other;
      if (file === undefined) this.open.delete(other);
      else if (this.mayClose(other, file)) {
        other.file = undefined;
        this.open.delete(other);
        this.closeHandle(file);
      }
      if (this.open.size <= HANDLES_MAX) return;
    }
  }

  private mayClose(segment: Segment, file: SegmentFile): boolean {
    if (!segment.sealed || segment.compacting || segment.number >= this.writing) return false;
    return segment.reading === 0 && file.reading === 0 && this.space.filling !== file;
  }

  private closeHandle(file: SegmentFile): void {
    const close = (): void => {
      file.handle.close().catch(() => {}); // all that was written to it is with the kernel
    };
    // At a durability that never syncs it may wait for one; it gets it now, since nobody can ask for it later.
    if (this.unsynced.delete(file)) file.handle.sync(close);
    else close();
  }

  /** Makes the file of a new segment, and its name safe. */
  private async begin(segment: Segment): Promise<void> {
    segment.file ??= await this.space.take(segment.path);
    this.used(segment);
    await this.files.syncDirectory(this.directory);
    segment.named = true;
    this.descriptors.found();
  }

  /** Reads `bytes` from `position` on. `bytesRead` is less than asked for only where the file ends. */
  read(
    segment: Segment,
    position: number,
    into: Buffer,
    bytes: number,
    done: (error: Error | undefined, bytesRead: number) => void,
  ): void {
    if (this.closed) {
      queueMicrotask(() => done(new Error('the log is closed'), 0));
      return;
    }
    segment.reading++;
    const finish = (error: Error | undefined, n: number): void => {
      segment.reading--;
      if (segment.file !== undefined) this.used(segment);
      done(error, n);
      if (this.retired.length > 0) this.work();
    };
    if (segment.file !== undefined) {
      readSegmentFile(segment.file, into, bytes, position, finish);
      return;
    }
    const open = (): Promise<void> =>
      this.files.open(segment.path, 'read').then(
        (opened) => {
          this.descriptors.found();
          if (this.closed) {
            opened.close().catch(() => {});
            finish(new Error('the log is closed'), 0);
            return;
          }
          // Two loads may have opened it at once; the second handle is one too many.
          if (segment.file === undefined) segment.file = { handle: opened, preparedBytes: 0, reading: 0 };
          else opened.close().catch(() => {});
          readSegmentFile(segment.file, into, bytes, position, finish);
        },
        (error: Error) => {
          if (isNoDescriptor(error) && !this.stopped) this.descriptors.later(() => void open());
          else finish(error, 0);
        },
      );
    void open();
  }

  /** The segment has a new file under its name; reads from the one before finish. */
  replace(segment: Segment, file: SegmentFile): void {
    const before = segment.file;
    segment.file = file;
    if (before === undefined) return;
    this.unsynced.delete(before);
    const close = (): void => {
      before.handle.close().catch(() => {}); // it has no name any more, and nothing is lost with it
    };
    if (before.reading === 0) close();
    else before.idle = close;
  }

  /** Gives a segment's file up. Nobody will ask for it again. */
  retire(segment: Segment): void {
    this.open.delete(segment);
    this.retired.push(segment);
    this.work();
  }

  /** Does the next piece of background work, if there is one. */
  private work(): void {
    if (this.busy) return;
    const dead = this.retired.findIndex((segment) => segment.reading === 0);
    if (dead >= 0) {
      const segment = this.retired.splice(dead, 1)[0]!;
      const { file } = segment;
      segment.file = undefined;
      if (file !== undefined) this.unsynced.delete(file);
      this.run(this.space.giveUp(file, segment.path));
      return;
    }
    if (this.stopped) {
      const { whenIdle } = this;
      this.whenIdle = undefined;
      whenIdle?.();
      return;
    }
    const task = this.space.work();
    if (task !== undefined) this.run(task);
  }

  private run(task: Promise<void>): void {
    this.busy = true;
    task.then(
      () => {
        this.busy = false;
        this.work();
      },
      () => {
        // Tidying that failed is tried again at the next start, preparing at the next flush; neither endangers what is kept.
        this.busy = false;
        if (this.stopped) this.work();
      },
    );
  }

  /** No write waits for room on a full disk any longer. */
  stopWaiting(): void {
    this.space.stopWaiting();
  }

  /** Waits for the background work to end, then closes every file. `usedBytes`: cut the last segment there. */
  async close(segments: readonly Segment[], usedBytes: number | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      this.stopped = true;
      this.descriptors.stop();
      this.whenIdle = resolve;
      this.work();
    });
    this.closed = true;
    const last = segments[segments.length - 1];
    if (usedBytes !== undefined && last?.file !== undefined) await last.file.handle.truncate(usedBytes);
    for (const segment of [...segments, ...this.retired]) {
      const { file } = segment;
      if (file === undefined) continue;
      // What is being read is read to its end: its descriptor may be another file's once it is closed.
      if (file.reading > 0) await new Promise<void>((resolve) => (file.idle = resolve));
      await file.handle.close();
      segment.file = undefined;
    }
    await this.space.close();
  }
}
