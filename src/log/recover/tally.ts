/** Counts what a recovery read and what it could not use, and reports the latter as it is found. */
import type { LogEvent, RecoveryReport } from '../events.ts';

export class RecoveryTally {
  /** The last record says that the log was closed in order, and nothing after it or missing says otherwise. */
  clean = false;
  batches = 0;
  /** The owner's records. */
  records = 0;
  bytes = 0;
  droppedBatches = 0;
  droppedBytes = 0;
  rottenBatches = 0;
  rottenBytes = 0;
  private readonly report: (event: LogEvent) => void;

  constructor(report: (event: LogEvent) => void) {
    this.report = report;
  }

  /** Something is missing or unreadable. */
  get damaged(): boolean {
    return this.rottenBatches > 0 || this.droppedBatches > 0;
  }

  /** Batches that had been on disk and are not readable. */
  lost(segment: number, offset: number, batches: number, bytes: number): void {
    this.clean = false;
    this.rottenBatches += batches;
    this.rottenBytes += bytes;
    this.report({ kind: 'rot', segment, offset, batches, bytes });
  }

  /** Batches of a flush that did not finish. */
  dropped(segment: number, offset: number, batches: number, bytes: number): void {
    this.clean = false;
    this.droppedBatches += batches;
    this.droppedBytes += bytes;
    this.report({ kind: 'torn-tail', segment, offset, batches, bytes });
  }

  /** A part of a commit unit whose other part is missing. */
  incompleteUnit(segment: number, bytes: number): void {
    this.droppedBytes += bytes;
    this.report({ kind: 'incomplete-unit', segment, bytes });
  }

  /** A segment's header is unreadable, its batches are not. */
  headerRot(segment: number): void {
    this.report({ kind: 'header-rot', segment });
    this.clean = false;
  }

  /** @param fresh no log was there before */
  summary(fresh: boolean, segments: number): RecoveryReport {
    return {
      fresh,
      clean: this.clean,
      segments,
      batches: this.batches,
      records: this.records,
      bytes: this.bytes,
      droppedBatches: this.droppedBatches,
      droppedBytes: this.droppedBytes,
      rottenBatches: this.rottenBatches,
      rottenBytes: this.rottenBytes,
    };
  }
}
