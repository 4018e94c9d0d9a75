/**
 * Flushes: what was appended is written, and synced when the schedule says so, one flush at a time. Each has a number, its
 * *mark*; what is appended while one is under way joins the next.
 */
import type { Clock } from '../../clock/clock.ts';
import { Histogram } from '../../metrics/histogram.ts';
import type { SegmentBlock } from '../blocks/segment.ts';
import type { References } from '../reclaim/references.ts';
import { alsoReplicated, type LogReplica, replicaParts } from '../replica.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { SyncSchedule } from './sync-schedule.ts';
import { writeJobs } from './write-jobs.ts';

/** A flush that takes so long is told of, once in TELL_SLOW_MS; all of them are in the histogram. */
export const SLOW_MS = 1_000;
export const TELL_SLOW_MS = 60_000;

export interface FlusherOptions {
  /** It took long. @param more others that did since this was last called */
  slow(ms: number, more: number): void;
  readonly segmentFiles: SegmentFiles;
  readonly schedule: SyncSchedule;
  readonly references: References;
  readonly clock: Clock;
  readonly replica: LogReplica | undefined;
  /** The number of the last batch that is on the disk; 0 if there is none. */
  readonly syncedBatch: number;
  /** See `LogOptions.onWritten`. */
  written(mark: number): void;
  /** Whether anybody waits for `written`. */
  writtenAwaited(): boolean;
  /** A flush has ended well. `synced`: it is on the disk, with all before it; `bytes`: what it wrote. */
  flushed(mark: number, synced: boolean, bytes: number): void;
  /** A write or a sync failed. */
  failed(error: Error): void;
}

export class Flusher {
  /** The mark of the next flush. */
  nextMark = 1;
  /** The mark of the last flush that ended well, whatever the durability. */
  syncedMark = 0;
  /** The last batch known to be on the disk. */
  syncedBatch: number;
  /** A flush is under way. */
  running = false;
  /** Appended bytes that flushes have taken, and that they have brought to their end. */
  takenBytes = 0;
  syncedBytes = 0;
  /** Where the last flush ended that brought anything: its segment, and the bytes of the file up to there. */
  flushedSegment = 0;
  flushedBytes = 0;
  readonly times = new Histogram();
  private slowUntold = 0;
  private tellAgainMs = 0;
  private readonly options: FlusherOptions;
  private mark = 0;
  private lastBatch = 0;
  private syncs = false;
  private beganMs = 0;
  private inFlight: SegmentBlock[] = [];
  private readonly ended = (error: Error | undefined): void => this.end(error);
  private readonly written = (): void => this.options.written(this.mark);

  constructor(options: FlusherOptions) {
    this.options = options;
    this.syncedBatch = options.syncedBatch;
  }

  /** An empty list for the blocks that the next flush takes. */
  takeSpareList(): SegmentBlock[] {
    this.inFlight.length = 0;
    return this.inFlight;
  }

  /**
   * Begins a flush; none must be under way.
   * @param dirty blocks with closed batches, in order; it is the flusher's from here on
   * @param lastBatch the number of the last of these batches
   * @param appendedBytes all that was appended in this life up to there
   * @param afterwards called when the flush has ended, after `flushed` or `failed`
   */
  start(
    dirty: SegmentBlock[],
    lastBatch: number,
    appendedBytes: number,
    afterwards?: (error: Error | undefined) => void,
  ): void {
    const { segmentFiles, schedule, clock, replica } = this.options;
    const parts = replica === undefined ? [] : replicaParts(dirty);
    const jobs = writeJobs(dirty);
    this.syncs = schedule.flushing();
    this.inFlight = dirty;
    this.running = true;
    this.beganMs = clock.monotonicMs();
    this.mark = this.nextMark++;
    this.lastBatch = lastBatch;
    this.takenBytes = appendedBytes;
    const done =
      afterwards === undefined
        ? this.ended
        : (error: Error | undefined): void => {
            this.end(error);
            afterwards(error);
          };
    if (replica !== undefined && parts.length > 0) {
      // Who waits for less than a sync waits for the replica all the same: `written` comes with the end.
      segmentFiles.flush(jobs, this.syncs, alsoReplicated(replica, parts, done), null);
      return;
    }
    segmentFiles.flush(jobs, this.syncs, done, this.syncs && !this.options.writtenAwaited() ? null : this.written);
  }

  private tellSlow(endMs: number): void {
    if (endMs < this.tellAgainMs) {
      this.slowUntold++;
      return;
    }
    this.options.slow(Math.round(endMs - this.beganMs), this.slowUntold);
    this.slowUntold = 0;
    this.tellAgainMs = endMs + TELL_SLOW_MS;
  }

  private end(error: Error | undefined): void {
    this.running = false;
    if (error !== undefined) {
      this.options.failed(error);
      return;
    }
    const endMs = this.options.clock.monotonicMs();
    this.times.add(endMs - this.beganMs);
    if (endMs - this.beganMs >= SLOW_MS) this.tellSlow(endMs);
    const { references } = this.options;
    for (const block of this.inFlight) {
      block.flushedTo = block.takenTo;
      references.blockFlushed(block);
    }
    const last = this.inFlight.at(-1);
    if (last !== undefined) {
      this.flushedSegment = last.segment.number;
      this.flushedBytes = last.position + last.flushedTo;
    }
    this.inFlight.length = 0;
    const bytes = this.takenBytes - this.syncedBytes;
    this.syncedBytes = this.takenBytes;
    this.syncedMark = this.mark;
    if (this.syncs) this.syncedBatch = this.lastBatch;
    this.options.flushed(this.mark, this.syncs, bytes);
  }
}
