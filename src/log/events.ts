/** Events and errors of a log: what it found at its start, what it could not use and why, and why it refuses. */

/** The directory cannot be used as it is; nothing in it was changed. */
export class LogRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LogRefused';
  }
}

export type LogEvent =
  /**
   * The last batches were not (wholly) written when the broker stopped, so nothing in them was ever confirmed. Rot in the
   * very last flush looks the same: see the downsides in format.md.
   */
  | {
      readonly kind: 'torn-tail';
      readonly segment: number;
      readonly offset: number;
      readonly batches: number;
      readonly bytes: number;
    }
  /** Batches that had been on disk are unreadable now. How many records they held, nobody knows. */
  | {
      readonly kind: 'rot';
      readonly segment: number;
      readonly offset: number;
      readonly batches: number;
      readonly bytes: number;
    }
  /** A segment's header is unreadable; its batches were used all the same. */
  | { readonly kind: 'header-rot'; readonly segment: number }
  /** What says where the messages of a rewritten segment lie is unreadable or wrong; it was found out again from the messages. */
  | { readonly kind: 'directory-rot'; readonly segment: number; readonly offset: number }
  /** A commit unit whose other half is missing: none of it was used. */
  | { readonly kind: 'incomplete-unit'; readonly segment: number; readonly bytes: number }
  /** The checkpoint that begins in `segment` cannot be used; replay began at another one that is whole. */
  | { readonly kind: 'checkpoint-damaged'; readonly segment: number; readonly instead: number }
  /** A file that is no part of the log any more: an empty, dead or never begun segment. */
  | { readonly kind: 'leftover'; readonly file: string }
  /** A file whose content is unreadable from the first batch on; kept under the new name. */
  | { readonly kind: 'set-aside'; readonly file: string; readonly as: string }
  /** The disk took long to write and sync what had been appended. `more`: so many others since the last time it was told. */
  | { readonly kind: 'slow-flush'; readonly ms: number; readonly more: number }
  | ({ readonly kind: 'recovered' } & RecoveryReport);

export interface RecoveryReport {
  /** No log was there before. */
  readonly fresh: boolean;
  /** The broker had been stopped in order: everything it wrote is here. */
  readonly clean: boolean;
  readonly segments: number;
  readonly batches: number;
  /** The owner's records that were replayed. */
  readonly records: number;
  readonly bytes: number;
  readonly droppedBatches: number;
  readonly droppedBytes: number;
  readonly rottenBatches: number;
  readonly rottenBytes: number;
}
