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

/** Reads from a segment's file, which stays open until the read is back. */
export function readSegmentFile(
  file: SegmentFile,
  into: Buffer,
  bytes: number,
  position: number,
  done: (error: Error | undefined, bytesRead: number) => void,
): void {
  file.reading++;
  file.handle.read(into, 0, bytes, position, (error, n) => {
    file.reading--;
    done(error, n);
    if (file.reading === 0) file.idle?.();
  });
}
