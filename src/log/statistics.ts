/** Statistics of a log: counted anyway or once a flush, and put together when somebody asks. */
import type { Histogram } from '../metrics/histogram.ts';
import type { Durability } from './options.ts';

export interface LogStatistics {
  readonly durability: Durability;
  /** Of an earlier life nothing is counted. */
  readonly appendedBytes: number;
  /** Appended and not written yet, or not synced where that is waited for. */
  readonly unsyncedBytes: number;
  /** How long flushes took, ms: from the first write to the end of the sync. */
  readonly flushes: Histogram;
  readonly segments: number;
  /** Everything in the directory: segments, what is prepared, the reserve. */
  readonly diskBytes: number;
  /** Records that somebody refers to, as far as can be told without asking who. */
  readonly liveBytes: number;
  /** Blocks in memory. */
  readonly residentBytes: number;
  readonly checkpoints: number;
  readonly compactedSegments: number;
  /** Those of them whose messages were brought together by queue. */
  readonly groupedSegments: number;
  readonly compactionWonBytes: number;
  /** Segments whose files were given back. */
  readonly removedSegments: number;
  /** The disk is full: publishers wait. */
  readonly full: boolean;
  readonly failed: boolean;
}
