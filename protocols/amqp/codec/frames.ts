/**
 * Cuts a byte stream into frames. It knows nothing of what is in them, copies only what a chunk leaves unfinished, and
 * can be stopped between two frames: then it keeps the rest of the chunk until it may go on.
 *
 *     0      1         3                7                 7+size   8+size
 *     +------+---------+----------------+-----------------+--------+
 *     | type | channel |      size      |  payload …      |  0xCE  |
 *     +------+---------+----------------+-----------------+--------+
 *       u8      u16           u32          size bytes         u8            big-endian [AMQP 0-9-1 §4.2.3]
 *
 *                 push                      stop()
 *     [between] -------> [walking] -------------------> [stopped] --go()--> [walking]
 *         ^                  |  chunk used up, rest kept      ^
 *         +------------------+                                +-- push: the chunk is kept as well
 *
 * It refuses frames that are larger than agreed, or that do not end in 0xCE: `frameError`, after which it is finished.
 */
import { FRAME_END, FRAME_OVERHEAD_BYTES } from './constants.ts';
import { frameText } from './erlang-text.ts';

export interface FrameSink {
  /**
   * One whole frame; its payload is `buffer[start, end)`, valid until the call returns. False: not now. The sink has
   * called `stop()` and gets this same frame again after `go()`.
   */
  frame(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean;
  /** The stream cannot be understood any more. */
  frameError(reason: string): void;
}

const NOTHING = Buffer.alloc(0);
/** Some clients count the frame's own octets wrongly; RabbitMQ lets that pass, so they never noticed. */
const FRAME_FUDGE_BYTES = FRAME_OVERHEAD_BYTES;

export class FrameParser {
  /** The largest payload that has been agreed. Set anew when it has. */
  payloadBytesMax: number;
  stopped = false;
  private finished = false;
  private walking = false;
  /** What could not be handed on: part of a frame, or while stopped anything. */
  private kept = NOTHING;
  private keptBytes = 0;
  private readonly sink: FrameSink;

  constructor(sink: FrameSink, frameBytesMax: number) {
    this.sink = sink;
    this.payloadBytesMax = frameBytesMax - FRAME_OVERHEAD_BYTES;
  }

  /** Bytes that wait for their frame's end or for `go`. */
  get waitingBytes(): number {
    return this.keptBytes;
  }

  /** Hands on every frame that `chunk` completes. */
  push(chunk: Buffer): void {
    if (this.finished) return;
    let at = 0;
    if (this.keptBytes > 0) {
      if (this.stopped || this.walking) {
        this.keep(chunk, 0, chunk.length);
        return;
      }
      at = this.completeKept(chunk);
      if (this.finished) return;
      if (this.keptBytes > 0) {
        // Still not whole, or stopped on the very frame that was completed.
        this.keep(chunk, at, chunk.length);
        return;
      }
    }
    at = this.walk(chunk, at, chunk.length);
    if (at < chunk.length) this.keep(chunk, at, chunk.length);
  }

  /** No frame is handed on until `go`. May be called from within `frame`. */
  stop(): void {
    this.stopped = true;
  }

  /** Goes on with what was kept. */
  go(): void {
    this.stopped = false;
    if (this.walking || this.keptBytes === 0 || this.finished) return;
    const buffer = this.kept;
    const bytes = this.keptBytes;
    this.kept = NOTHING;
    this.keptBytes = 0;
    const at = this.walk(buffer, 0, bytes);
    if (at < bytes) this.keep(buffer, at, bytes);
  }

  /** Hands on nothing more, and lets go of what was kept. */
  finish(): void {
    this.finished = true;
    this.kept = NOTHING;
    this.keptBytes = 0;
  }

  /** Returns where it came to: before the first frame that is incomplete or was not taken. */
  private walk(buffer: Buffer, from: number, end: number): number {
    let at = from;
    this.walking = true;
    while (!this.stopped && end - at >= FRAME_OVERHEAD_BYTES) {
      const size = frameSize(buffer, at);
      if (size > this.payloadBytesMax + FRAME_FUDGE_BYTES) {
        this.tooLarge(buffer, at, size);
        break;
      }
      const last = at + 7 + size;
      if (last >= end) break;
      if (buffer[last] !== FRAME_END) {
        // [§4.2.3]
        this.fail(`${frameText(buffer[at]!, buffer, at + 7, last)}: {invalid_frame_end_marker,${buffer[last]}}`);
        break;
      }
      if (!this.sink.frame(buffer[at]!, frameChannel(buffer, at), buffer, at + 7, last)) break;
      at = last + 1;
    }
    // A frame that was begun is judged as soon as its size is known, so that nobody has to buffer a giant.
    if (!this.stopped && !this.finished && end - at === 7) {
      const size = frameSize(buffer, at);
      if (size > this.payloadBytesMax + FRAME_FUDGE_BYTES) this.tooLarge(buffer, at, size);
    }
    this.walking = false;
    return this.finished ? end : at;
  }

  /** Adds to the kept part until its frame is whole and hands that on; returns how much of `chunk` that took. */
  private completeKept(chunk: Buffer): number {
    let at = 0;
    if (this.keptBytes < 7) {
      at = Math.min(7 - this.keptBytes, chunk.length);
      this.keep(chunk, 0, at);
      if (this.keptBytes < 7) return at;
    }
    const size = frameSize(this.kept, 0);
    if (size <= this.payloadBytesMax + FRAME_FUDGE_BYTES) {
      const more = Math.min(size + FRAME_OVERHEAD_BYTES - this.keptBytes, chunk.length - at);
      this.keep(chunk, at, at + more);
      at += more;
      if (this.keptBytes < size + FRAME_OVERHEAD_BYTES) return at;
    }
    const frame = this.kept;
    const bytes = this.keptBytes;
    this.kept = NOTHING;
    this.keptBytes = 0;
    const taken = this.walk(frame, 0, bytes);
    if (taken < bytes) this.keep(frame, taken, bytes);
    return at;
  }

  private keep(source: Buffer, start: number, end: number): void {
    const bytes = end - start;
    if (bytes <= 0 || this.finished) return;
    const needed = this.keptBytes + bytes;
    if (needed > this.kept.length) {
      // Room for the whole frame when its size is known, but never more than twice what has really come.
      let room = needed;
      const head = this.keptBytes >= 7 ? this.kept : this.keptBytes === 0 && bytes >= 7 ? source : undefined;
      if (head !== undefined) {
        const whole = frameSize(head, head === source ? start : 0) + FRAME_OVERHEAD_BYTES;
        room = Math.max(needed, Math.min(whole, needed * 2));
      }
      const grown = Buffer.allocUnsafe(room);
      this.kept.copy(grown, 0, 0, this.keptBytes);
      this.kept = grown;
    }
    source.copy(this.kept, this.keptBytes, start, end);
    this.keptBytes = needed;
  }

  private tooLarge(buffer: Buffer, at: number, size: number): void {
    this.fail(`${frameText(buffer[at]!, buffer, at, at)}: {frame_too_large,${size},${this.payloadBytesMax}}`);
  }

  private fail(reason: string): void {
    this.finish();
    this.sink.frameError(reason);
  }
}

function frameSize(buffer: Buffer, at: number): number {
  return ((buffer[at + 3]! << 24) | (buffer[at + 4]! << 16) | (buffer[at + 5]! << 8) | buffer[at + 6]!) >>> 0;
}

function frameChannel(buffer: Buffer, at: number): number {
  return (buffer[at + 1]! << 8) | buffer[at + 2]!;
}
