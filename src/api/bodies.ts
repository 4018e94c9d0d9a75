/**
 * Large bodies, received and read back piece by piece.
 */
import type { LargeBody } from '../message/message.ts';

/** A body that is being received in pieces. Nothing of it can be seen until it is published. */
export interface BodyWriter extends LargeBody {
  /** Appends a piece (copied). More than `length` in all is a programmer's error. */
  append(buffer: Buffer, start: number, end: number): void;
  /** Bytes still to come. */
  readonly missing: number;
  /** Gives it up; also what happens to writers left open when their session closes. */
  abort(): void;
}

/** Reads a large body back, range by range. It keeps the body alive until `close`, whatever becomes of the message. */
export interface BodyReader {
  readonly length: number;
  /** Bytes not yet read. */
  readonly remaining: number;
  /**
   * Makes the next range available as `buffer[start, end)`, at most `maxBytes`, valid until the next call or the end of
   * this call stack. False: it must be fetched first, `onReady` will be called, or `remaining` is 0.
   */
  next(maxBytes: number): boolean;
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
  onReady: () => void;
  /** The body could not be read back (the log reported why). The delivery cannot be finished. */
  onError: (error: Error) => void;
  close(): void;
}
