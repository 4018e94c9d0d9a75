/** A segment's open file, as those who write, read and prepare it share it. */
import type { LogFile } from './files.ts';

/** An open file and how much of it, from the start, is allocated or about to be written. */
export interface SegmentFile {
  readonly handle: LogFile;
  preparedBytes: number;
  /** Reads under way: it is not closed before they are back. */
  reading: number;
  /** Called when none is under way any more. */
  idle?: () => void;
}
