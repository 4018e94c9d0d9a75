/**
 * Joins a chunk with what was left of the one before, which ended within a frame.
 *
 *     chunk ──▶ [ rest + chunk ] ──parse──▶ frames … | rest, kept
 *
 * A frame that is not complete is parsed again from its first byte later on. So that a client that sends byte by byte
 * costs no more than what it sends, that is only tried again when the frame can be complete: the announced length has
 * come, or a NUL has, or what is kept has doubled or come to a bound.
 *
 * The joined bytes lie in a buffer that all connections of an adapter share; a connection itself keeps only its rest,
 * and none between frames.
 */
import { giveBack, takeBuffer } from '../../../src/api/index.ts';

const SHARED_BYTES = 192 * 1024;
/** A rest of up to this size stays allocated for the next one. */
const KEPT_BYTES_MAX = 1024;
const NUL = 0;
const EMPTY = Buffer.alloc(0);

/** The buffer in which rest and chunk are joined. One adapter, one thread: it is used by one connection at a time. */
export class JoinBuffer {
  private buffer: Buffer = EMPTY;

  /** Undefined if it is too small for so many bytes. */
  take(bytes: number): Buffer | undefined {
    if (bytes > SHARED_BYTES) return undefined;
    if (this.buffer.length === 0) this.buffer = Buffer.allocUnsafeSlow(SHARED_BYTES);
    return this.buffer;
  }
}

export class InputBuffer {
  /** After `add`: parse `buffer[start, end)`, then call one of `keep…`, `leave` or `used`. */
  buffer: Buffer = EMPTY;
  start = 0;
  end = 0;
  private rest: Buffer = EMPTY;
  private restLength = 0;
  /** Parsing is worthless before the rest has this length … */
  private retryAt = 0;
  /** … unless a NUL comes. */
  private retryAtNul = false;
  /** Where in `buffer` the bytes begin that came last, and how far their place in their chunk is from there. */
  private chunkAt = 0;
  private chunkShift = 0;
  private readonly join: JoinBuffer;

  constructor(join: JoinBuffer) {
    this.join = join;
  }

  /** Bytes that wait. */
  get waiting(): number {
    return this.restLength;
  }

  /** Takes `chunk[start, end)`, which may be empty: what was kept is to be tried again. False: there is nothing to parse yet. */
  add(chunk: Buffer, start: number, end: number): boolean {
    const before = this.restLength;
    if (before === 0) {
      this.buffer = chunk;
      this.start = start;
      this.end = end;
      this.chunkAt = start;
      this.chunkShift = 0;
      return start < end;
    }
    this.chunkAt = before;
    this.chunkShift = start - before;
    if (start === end) return this.parseRest();
    const length = before + end - start;
    if (length < this.retryAt && !(this.retryAtNul && hasNul(chunk, start, end))) {
      this.append(chunk, start, end);
      return false;
    }
    const joined = this.join.take(length);
    if (joined === undefined) {
      this.append(chunk, start, end);
      return this.parseRest();
    }
    this.rest.copy(joined, 0, 0, before);
    chunk.copy(joined, before, start, end);
    this.buffer = joined;
    this.start = 0;
    this.end = length;
    return true;
  }

  /** Everything was parsed. */
  used(): void {
    this.keep(this.end);
  }

  /**
   * The frames from `from` on wait. Returns where they begin in the chunk, for whoever keeps that; if the first of them began
   * before it, they are all kept here, and the end of the chunk is returned.
   */
  leave(from: number): number {
    const chunkEnd = this.end + this.chunkShift;
    if (from >= this.chunkAt) {
      this.used();
      return from + this.chunkShift;
    }
    this.retryAtNul = false;
    this.retryAt = 1;
    this.keep(from);
    return chunkEnd;
  }

  /** Keeps the beginning of a frame that will be complete at `frameBytes` bytes. */
  keepMeasured(from: number, frameBytes: number): void {
    this.retryAtNul = false;
    this.retryAt = frameBytes;
    this.keep(from);
  }

  /** Keeps the beginning of a frame that is not complete before a NUL comes, and too long past `bytesMax` bytes. */
  keepUnmeasured(from: number, bytesMax: number): void {
    const length = this.end - from;
    this.retryAtNul = true;
    this.retryAt = Math.min(2 * length, Math.max(length, bytesMax) + 1);
    this.keep(from);
  }

  /** Forgets everything. */
  clear(): void {
    // Its frames may still be read: the memory is not given back.
    this.rest = EMPTY;
    this.restLength = 0;
    this.buffer = EMPTY;
  }

  private parseRest(): boolean {
    this.buffer = this.rest;
    this.start = 0;
    this.end = this.restLength;
    return true;
  }

  /** Adds to the rest. */
  private append(chunk: Buffer, start: number, end: number): void {
    const length = this.restLength + end - start;
    if (length > this.rest.length) {
      const grown = takeBuffer(Math.max(length, Math.min(this.retryAt, 2 * length), 2 * this.rest.length));
      this.rest.copy(grown, 0, 0, this.restLength);
      giveBack(this.rest);
      this.rest = grown;
    }
    chunk.copy(this.rest, this.restLength, start, end);
    this.restLength = length;
  }

  private restIs(memory: Buffer): void {
    giveBack(this.rest);
    this.rest = memory;
  }

  private keep(from: number): void {
    const length = this.end - from;
    const source = this.buffer;
    if (source === EMPTY) return; // cleared in the middle of a chunk: the connection has ended
    this.buffer = EMPTY;
    this.restLength = length;
    if (length === 0) {
      if (this.rest.length > KEPT_BYTES_MAX) this.restIs(EMPTY);
    } else {
      const size = Math.max(length, KEPT_BYTES_MAX);
      const { rest } = this;
      if (rest.length >= length && rest.length <= 4 * size) {
        source.copy(rest, 0, from, from + length); // within one buffer, too
      } else {
        const moved = takeBuffer(size);
        source.copy(moved, 0, from, from + length);
        this.restIs(moved);
      }
    }
  }
}

function hasNul(buffer: Buffer, start: number, end: number): boolean {
  const at = buffer.indexOf(NUL, start);
  return at >= 0 && at < end;
}
