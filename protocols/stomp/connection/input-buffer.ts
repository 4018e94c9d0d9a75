/**
 * The bytes of one client that are not parsed yet: the rest of a chunk that ended within a frame, joined with the next one.
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
  /** After `add`: parse `buffer[start, end)`, then call one of `keep…`. */
  buffer: Buffer = EMPTY;
  start = 0;
  end = 0;
  private rest: Buffer = EMPTY;
  private restLength = 0;
  /** Parsing is worthless before the rest has this length … */
  private retryAt = 0;
  /** … unless a NUL comes. */
  private retryAtNul = false;
  private readonly join: JoinBuffer;

  constructor(join: JoinBuffer) {
    this.join = join;
  }

  /** Bytes that wait. */
  get waiting(): number {
    return this.restLength;
  }

  /** Takes a chunk. False: there is nothing to parse yet. */
  add(chunk: Buffer): boolean {
    const before = this.restLength;
    if (before === 0) {
      this.buffer = chunk;
      this.start = 0;
      this.end = chunk.length;
      return true;
    }
    const length = before + chunk.length;
    if (length < this.retryAt && !(this.retryAtNul && chunk.includes(NUL))) {
      this.append(chunk);
      return false;
    }
    const joined = this.join.take(length);
    if (joined === undefined) {
      this.append(chunk);
      return this.again();
    }
    this.rest.copy(joined, 0, 0, before);
    chunk.copy(joined, before);
    this.buffer = joined;
    this.start = 0;
    this.end = length;
    return true;
  }

  /** Keeps a chunk without looking at it: parsing is suspended. */
  append(chunk: Buffer): void {
    const length = this.restLength + chunk.length;
    if (length > this.rest.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, Math.min(this.retryAt, 2 * length), 2 * this.rest.length));
      this.rest.copy(grown, 0, 0, this.restLength);
      this.rest = grown;
    }
    chunk.copy(this.rest, this.restLength);
    this.restLength = length;
  }

  /** Sets what waits to be parsed (again). False if there is nothing. */
  again(): boolean {
    this.buffer = this.rest;
    this.start = 0;
    this.end = this.restLength;
    return this.restLength > 0;
  }

  /** Keeps `buffer[from, end)`, frames that wait for parsing to go on, or nothing. */
  keepFrames(from: number): void {
    this.retryAtNul = false;
    this.retryAt = 1;
    this.keep(from);
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

  private keep(from: number): void {
    const length = this.end - from;
    const source = this.buffer;
    if (source === EMPTY) return; // cleared in the middle of a chunk: the connection has ended
    this.buffer = EMPTY;
    this.restLength = length;
    if (length === 0) {
      if (this.rest.length > KEPT_BYTES_MAX) this.rest = EMPTY;
    } else {
      const size = Math.max(length, KEPT_BYTES_MAX);
      if (this.rest.length < length || this.rest.length > 4 * size) this.rest = Buffer.allocUnsafeSlow(size);
      source.copy(this.rest, 0, from, from + length); // within one buffer, too
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.rest = EMPTY;
    this.restLength = 0;
    this.buffer = EMPTY;
  }
}
