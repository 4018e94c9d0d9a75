/** Statistics of a log: counted anyway or once a flush, and put together when somebody asks. */
import type { Durability } from './options.ts';

export interface LogStatistics {
  readonly durability: Durability;
  /** Of an earlier life nothing is counted. */
  readonly appendedBytes: number;
  /** Appended and not written yet, or not synced where that is waited for. */
  readonly unsyncedBytes: number;
  readonly flushes: FlushTimes;
  readonly segments: number;
  /** Everything in the directory: segments, what is prepared, the reserve. */
  readonly diskBytes: number;
  /** Records that somebody refers to, as far as can be told without asking who. */
  readonly liveBytes: number;
  /** Blocks in memory. */
  readonly residentBytes: number;
  readonly checkpoints: number;
  readonly compactedSegments: number;
  readonly compactionWonBytes: number;
  /** Segments whose files were given back. */
  readonly removedSegments: number;
  /** The disk is full: publishers wait. */
  readonly full: boolean;
  readonly failed: boolean;
}

/** How long flushes took, from the first write to the end of the sync. */
export class FlushTimes {
  /** Upper bounds, ms. */
  static readonly boundsMs: readonly number[] = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500];
  /** By bound, and one more for what took longer. */
  readonly counts: number[] = new Array(FlushTimes.boundsMs.length + 1).fill(0);
  count = 0;
  sumMs = 0;

  add(ms: number): void {
    let i = 0;
    while (i < FlushTimes.boundsMs.length && ms > FlushTimes.boundsMs[i]!) i++;
    this.counts[i]!++;
    this.count++;
    this.sumMs += ms;
  }
}
