/**
 * Cuts a byte stream into frames. It knows nothing of what is in them, and copies only what a chunk leaves unfinished.
 *
 *     0      1         3                7                 7+size   8+size
 *     +------+---------+----------------+-----------------+--------+
 *     | type | channel |      size      |  payload …      |  0xCE  |
 *     +------+---------+----------------+-----------------+--------+
 *       u8      u16           u32          size bytes         u8            big-endian [AMQP 0-9-1 §4.2.3]
 *
 *                 read                                     halted
 *     [between] -------> [walking: frame, frame, …] ---------------------> returns where it stopped: before the next frame
 *         ^                  |  bytes used up: the beginning of a frame is kept
 *         +------------------+
 *
 * A frame that lay in two chunks and is not taken is kept whole, and is the first of the next `read`.
 * It refuses frames that are larger than agreed, or that do not end in 0xCE: `frameError`, after which it is finished.
 *
 * `FrameCutter` does the same for frames without an end mark. Not here: a message is three frames, and with its calls in between took 8 to
 * 13 % more of the processor's time.
 */
import { giveBack, takeBuffer } from '../../../src/api/index.ts';
import { FRAME_END, FRAME_OVERHEAD_BYTES } from './constants.ts';
import { frameText } from './erlang-text.ts';

export interface FrameSink {
  /**
   * One whole frame; its payload is `buffer[start, end)`, valid until `read` or `frameGone`. False: not now. The sink has set
   * `halted`, and gets this same frame again with the next `read`.
   */
  frame(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean;
  /** The memory of the last frame is about to be used for something else, though the chunk goes on. */
  frameGone(): void;
  /** The stream cannot be understood any more. */
  frameError(reason: string): void;
}

const NOTHING = Buffer.alloc(0);
/** So little comes cheapest out of what Node has at hand. */
const SMALL_BYTES = 4 * 1024;
/** Some clients count the frame's own octets wrongly; RabbitMQ lets that pass, so they never noticed. */
const FRAME_FUDGE_BYTES = FRAME_OVERHEAD_BYTES;

export class FrameParser {
  /** The largest payload that has been agreed. Set anew when it has. */
  payloadBytesMax: number;
  /** Set from outside, also from within `frame`: no further frame is handed on. */
  halted = false;
  private finished = false;
  /** The last frame was not taken. */
  private refused = false;
  /** A frame that is not whole, or one that was not taken. */
  private kept: Buffer = NOTHING;
  private keptBytes = 0;
  private readonly sink: FrameSink;

  constructor(sink: FrameSink, frameBytesMax: number) {
    this.sink = sink;
    this.payloadBytesMax = frameBytesMax - FRAME_OVERHEAD_BYTES;
  }

  /** Bytes kept of a frame. */
  get heldBytes(): number {
    return this.keptBytes;
  }

  /**
   * Hands on every frame that `buffer[start, end)` completes, as far as it is not halted.
   * @returns where it has stopped: `end`, unless it was halted
   */
  read(buffer: Buffer, start: number, end: number): number {
    if (this.finished) return end;
    let at = start;
    this.refused = false;
    if (this.keptBytes > 0) {
      at = this.completeKept(buffer, start, end);
      // Still not whole, or not taken.
      if (this.keptBytes > 0 || this.finished) return this.finished ? end : at;
    }
    at = this.walk(buffer, at, end);
    if (at < end && !this.halted && !this.refused) {
      this.keep(buffer, at, end);
      return end;
    }
    return at;
  }

  /** Hands on nothing more, and lets go of what was kept. */
  finish(): void {
    this.finished = true;
    giveBack(this.kept);
    this.kept = NOTHING;
    this.keptBytes = 0;
  }

  /** Returns where it came to: before the first frame that is incomplete or was not taken. */
  private walk(buffer: Buffer, from: number, end: number): number {
    let at = from;
    while (!this.halted && end - at >= FRAME_OVERHEAD_BYTES) {
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
      if (!this.sink.frame(buffer[at]!, frameChannel(buffer, at), buffer, at + 7, last)) {
        this.refused = true;
        break;
      }
      at = last + 1;
    }
    // A frame that was begun is judged as soon as its size is known, so that nobody has to buffer a giant.
    if (!this.halted && !this.finished && end - at === 7) {
      const size = frameSize(buffer, at);
      if (size > this.payloadBytesMax + FRAME_FUDGE_BYTES) this.tooLarge(buffer, at, size);
    }
    return this.finished ? end : at;
  }

  /** Adds to the kept part until its frame is whole and hands that on; returns how far that went in `buffer`. */
  private completeKept(buffer: Buffer, start: number, end: number): number {
    let at = start;
    if (this.keptBytes < 7) {
      at = Math.min(start + 7 - this.keptBytes, end);
      this.keep(buffer, start, at);
      if (this.keptBytes < 7) return at;
    }
    const size = frameSize(this.kept, 0);
    if (size <= this.payloadBytesMax + FRAME_FUDGE_BYTES) {
      const more = Math.min(size + FRAME_OVERHEAD_BYTES - this.keptBytes, end - at);
      this.keep(buffer, at, at + more);
      at += more;
      if (this.keptBytes < size + FRAME_OVERHEAD_BYTES) return at;
    }
    const frame = this.kept;
    const bytes = this.keptBytes;
    this.kept = NOTHING;
    this.keptBytes = 0;
    const taken = this.walk(frame, 0, bytes);
    if (taken < bytes) this.keep(frame, taken, bytes);
    // What the sink still has of it (the properties of a message whose body follows) would be written over by what comes next.
    this.sink.frameGone();
    giveBack(frame);
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
      const grown = room <= SMALL_BYTES ? Buffer.allocUnsafe(room) : takeBuffer(room);
      this.kept.copy(grown, 0, 0, this.keptBytes);
      giveBack(this.kept);
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
