/**
 * A store of records, as the layers above see the durable log and the transient store: records go in, are found again by
 * number, and are let go. Neither knows what a message is.
 */
import type { RecordRef } from './format/record.ts';

export { RECORD_BYTES_MAX, RecordRef, type RecordType } from './format/record.ts';

export interface RecordStore {
  /** The block being filled: read it again after every append. */
  readonly buffer: Buffer;
  /** The payload of a sequenced record that still fits into the block being filled. */
  readonly roomBytes: number;

  /**
   * Claims room for an unsequenced record (type 128 to 249) and returns where in `buffer` its payload begins. The caller
   * writes exactly `payloadBytes` there before anything else is appended. Durable log only.
   * Throws RangeError for a payload over RECORD_BYTES_MAX.
   */
  append(type: number, payloadBytes: number): number;

  /** The same for a record that can be found again (type 1 to 127). Numbers must go up from one append to the next. */
  appendSequenced(type: number, seq: number, payloadBytes: number): number;

  /** Finds a record in memory. False: it is not in memory, `load` it. What `ref` points at stays until the end of the turn. */
  locate(seq: number, ref: RecordRef): boolean;

  /**
   * Brings a record into memory, alone or with its block, and calls back: at once if it is there already, else later. `error`: there is no
   * such record, it cannot be read, or its checksum is wrong. Concurrent loads share reads. It stays
   * at least until the end of the turn in which `done` is called.
   * @param order what the caller will ask for next: some of that is read as well. The same object each time
   */
  load(seq: number, done: (error: Error | undefined) => void, order?: ReadOrder): void;

  /** Adds `n` references to a record. Only their sum is kept, for each block and segment: no state for a record. */
  addLive(seq: number, n: number): void;

  /**
   * Takes `n` references away. What has none left may be given up from the end of the turn on.
   */
  release(seq: number, n: number): void;

  close(done: () => void): void;
}

/** The order in which somebody reads records. */
export interface ReadOrder {
  /** Calls `visit` with up to `max` numbers, those that come after `after`, in order. */
  readAfter(after: number, max: number, visit: (seq: number) => void): void;
}
