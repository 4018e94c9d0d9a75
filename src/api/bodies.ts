/**
 * Large bodies, received and read back piece by piece.
 */
import type { LargeBody } from '../message/message.ts';
import type { Pinnable } from '../message/pinned-memory.ts';

/**
 * A body that is being received in pieces, and goes into the log as it comes. Nothing of it can be seen until it is published:
 * set it as `Draft.large` once `missing` is 0. Made with `Session.openBody`.
 */
export interface BodyWriter extends LargeBody {
  /** Appends `buffer[start, end)`, copied. @throws Error more than `length` bytes in all, which is a fault of the adapter's */
  append(buffer: Buffer, start: number, end: number): void;
  /** Bytes still to come. */
  readonly missing: number;
  /** Gives it up. Nothing happens once it is published; a writer that is open when its session closes is given up too. */
  abort(): void;
}

/**
 * Reads a large body back, range by range; a `BodySender` does that for most adapters. It keeps the body alive until `close`,
 * whatever becomes of the message. Made with `Session.readBody`.
 */
export interface BodyReader {
  /** Bytes in all. */
  readonly length: number;
  /** Bytes not yet read. */
  readonly remaining: number;
  /**
   * Makes the next range available as `buffer[start, end)`, valid until the next call or the end of this call stack.
   * @param maxBytes 1 or more; the range may be shorter
   * @returns false if `remaining` is 0, or the range must be fetched first: then `onReady` is called once it can be read
   */
  next(maxBytes: number): boolean;
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
  /** What the range lies in, for who needs it for longer. Null: it can only be copied. */
  readonly memory: Pinnable | null;
  /** Whether the next `bytes` can be read now, in one range or several. */
  inMemory(bytes: number): boolean;
  /** Set it before `next`. Default: nothing. */
  onReady: () => void;
  /** The body could not be read back (the log has reported why), so the delivery cannot be finished. Default: nothing. */
  onError: (error: Error) => void;
  /** Neither callback follows. A second call does nothing. */
  close(): void;
}
