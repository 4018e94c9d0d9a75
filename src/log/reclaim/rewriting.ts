/** What all rewritings of a segment share: how its old file is read, and the header of the new one. */
import type { Segment, SegmentBlock } from '../blocks/segment.ts';
import type { LogFile } from '../files/files.ts';
import { readSegmentHeader, SEGMENT_HEADER_BYTES, writeSegmentHeader } from '../format/segment.ts';
import type { SegmentFiles } from '../write/segment-files.ts';

/** What is written is synced at least so often, so that the last sync does not take long. */
export const SYNC_BYTES = 4 * 1024 * 1024;

/** Where records are in the new file: those of one block, or of several that follow one another. */
export interface MovedBlock {
  /** The first of them becomes this one. */
  readonly blocks: readonly SegmentBlock[];
  readonly position: number;
  readonly end: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly records: number;
  readonly sequencedBytes: number;
  readonly grouped: boolean;
  readonly directoryBytes: number;
}

export interface CopiedSegment {
  /** Where the new file ends. */
  readonly end: number;
  readonly moved: readonly MovedBlock[];
}

export interface CopierOptions {
  readonly logId: Buffer;
  readonly segmentFiles: SegmentFiles;
  /** Waits until so many bytes may be read and written; rejects when the copying is to end. */
  afford(bytes: number): Promise<void>;
}

/** Writes a segment again. */
export interface Copier {
  /**
   * Writes the header and the live records to `file`; undefined if this segment had better stay as it is. Not all of it is on
   * the disk then.
   */
  copy(segment: Segment, live: LiveRecords, file: LogFile): Promise<CopiedSegment | undefined>;
}

/** See `LiveIn`. */
export interface LiveRecords {
  isLive(seq: number): boolean;
  groupOf(seq: number): number;
}

/** Reads a part of a segment's file; fewer bytes only at its end. */
export function readPart(files: SegmentFiles, segment: Segment, position: number, into: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    files.read(segment, position, into, into.length, (error, n) => {
      if (error !== undefined) reject(error);
      else resolve(n);
    });
  });
}

/** The same header, one generation on. */
export async function nextHeader(
  { segmentFiles, logId }: CopierOptions,
  segment: Segment,
  version: number,
): Promise<Buffer> {
  const buffer = Buffer.alloc(SEGMENT_HEADER_BYTES);
  // Also opens the file: what is read while the names change is read from the old one.
  const n = await readPart(segmentFiles, segment, 0, buffer);
  const known = readSegmentHeader(buffer, n);
  const { number, blockBytes, generation, firstBatch } = segment;
  writeSegmentHeader(buffer, {
    previous: 0,
    firstSeq: 0,
    checkpoint: 0,
    beganAtMs: 0,
    firstBatch,
    ...known,
    version,
    logId,
    number,
    blockBytes,
    generation: generation + 1,
  });
  return buffer;
}
