/** Options and statistics of a transient store. */
import type { Clock } from '../../clock/clock.ts';
import type { Turn } from '../../clock/turn.ts';
import type { FileSystem } from '../files/files.ts';
import type { LiveAmong } from './spill-compaction.ts';

export interface TransientOptions {
  readonly files: FileSystem;
  /** Where the spill files go; null: nothing is ever spilled. */
  readonly directory: string | null;
  readonly turn: Turn;
  readonly clock: Clock;
  /** Which records somebody needs; without it files are not rewritten, and go only when nothing in them lives. */
  readonly liveAmong?: LiveAmong;
  /** Default 1 MiB. */
  readonly blockBytes?: number;
  /** Blocks beyond this many bytes are spilled; default 64 MiB. */
  readonly residentBytesMax?: number;
  /** The store is full when blocks in memory take more than this; default three times `residentBytesMax`. */
  readonly fullBytes?: number;
  /** All spill files together; default 16 GiB. */
  readonly spillBytesMax?: number;
  /** See `SpillOptions.fileBytes`. */
  readonly spillFileBytes?: number;
  /** Something could not be spilled, or read back. Called each time; nothing is lost by a failed write. */
  onSpillFailed?(error: Error): void;
  /** The bound on the spill files was reached, or there is room again. */
  onSpillFull?(full: boolean): void;
}

/** What a transient store takes up, in bytes. */
export interface TransientStatistics {
  /** Blocks in memory. */
  readonly residentBytes: number;
  /** The spill files, and what of them somebody needs, estimated. */
  readonly spillBytes: number;
  readonly spillLiveBytes: number;
  readonly spillBytesMax: number;
  /** Files rewritten so far. */
  readonly compactedFiles: number;
  readonly full: boolean;
}
