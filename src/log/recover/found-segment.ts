/** Segment files as a survey finds them, before anything is read in order. */
import type { LogEvent } from '../events.ts';
import type { FileSystem } from '../files/files.ts';
import type { SegmentHeader } from '../format/segment.ts';

export interface SurveyOptions {
  readonly files: FileSystem;
  readonly directory: string;
  report(event: LogEvent): void;
}

/** A file with a segment's name. */
export interface FoundSegment {
  readonly number: number;
  readonly path: string;
  readonly sizeBytes: number;
  readonly blockBytes: number;
  /** Undefined if it is unreadable. */
  readonly header: SegmentHeader | undefined;
}

/** A segment of the log, and the number of the first batch in it. */
export interface ChainLink {
  readonly found: FoundSegment;
  readonly firstBatch: number;
}

/** What the batches of one segment say. */
export interface SegmentScan {
  /** Sound ones. */
  readonly batches: number;
  /** Something that looks like a batch is there, sound or not. */
  readonly traces: boolean;
  readonly synced: number;
  /** Where replay may begin, according to the last of them that says so. */
  readonly checkpoint: number;
  readonly firstBatch: number;
  /** Compactions it went through. */
  readonly generation: number;
  readonly logId: Buffer | undefined;
}
