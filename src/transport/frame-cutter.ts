/**
 * Cuts a byte stream into frames that say in a head of fixed length how long they are. It copies only what a chunk leaves
 * unfinished.
 *
 *                 read                                     halted
 *     [between] -------> [walking: frame, frame, …] ---------------------> returns where it stopped: before the next frame
 *         ^                  |  bytes used up: the beginning of a frame is kept
 *         +------------------+
 *
 * A frame that lay in two chunks and is not taken is kept whole, and is the first of the next `read`. How much may be kept is
 * what `extent` lets pass.
 */
import { giveBack, takeBuffer } from '../message/buffer-pool.ts';

export interface CutterSink {
  /**
   * The length of the frame whose head begins at `at`, the head counted: called as soon as the head is there, so that nobody has
   * to buffer a giant. 0: it is refused, which the sink has told; the cutter is finished.
   */
  extent(buffer: Buffer, at: number): number;
  /** One whole frame, valid until `read` or `frameGone`. False: not now. The sink has set `halted`, and gets it again with the next `read`. */
  cut(buffer: Buffer, start: number, end: number): boolean;
  /** The memory of the last frame is about to be used for something else, though the chunk goes on. */
  frameGone(): void;
}

const NOTHING = Buffer.alloc(0);
/** So little comes cheapest out of what Node has at hand. */
const SMALL_BYTES = 4 * 1024;

export class FrameCutter {
  /** Set from outside, also from within `cut`: no further frame is handed on. */
  halted = false;
  private finished = false;
  /** The last frame was not taken. */
  private refused = false;
  /** A frame that is not whole, or one that was not taken. */
  private kept: Buffer = NOTHING;
  private keptBytes = 0;
  /** The length of the frame that is kept, once its head is there. */
  private keptExtent = 0;
  private readonly sink: CutterSink;
  private readonly headBytes: number;

  constructor(sink: CutterSink, headBytes: number) {
    this.sink = sink;
    this.headBytes = headBytes;
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
    while (!this.halted && end - at >= this.headBytes) {
      const extent = this.sink.extent(buffer, at);
      if (extent === 0) this.finish();
      if (this.finished) return end;
      if (extent > end - at) {
        this.keep(buffer, at, end, extent);
        return end;
      }
      if (!this.sink.cut(buffer, at, at + extent)) {
        this.refused = true;
        break;
      }
      at += extent;
      if (this.finished) return end;
    }
    if (at < end && !this.halted && !this.refused) {
      this.keep(buffer, at, end, 0);
      return end;
    }
    return at;
  }

  /** Hands on nothing more, and lets go of what was kept. */
  finish(): void {
    this.finished = true;
    this.letGo();
  }

  /** Adds to the kept part until its frame is whole and hands that on; returns how far that went in `buffer`. */
  private completeKept(buffer: Buffer, start: number, end: number): number {
    let at = start;
    if (this.keptExtent === 0) {
      at = Math.min(start + this.headBytes - this.keptBytes, end);
      this.keep(buffer, start, at, 0);
      if (this.keptBytes < this.headBytes) return at;
      this.keptExtent = this.sink.extent(this.kept, 0);
      if (this.keptExtent === 0) this.finish();
      if (this.finished) return end;
    }
    const more = Math.min(this.keptExtent - this.keptBytes, end - at);
    this.keep(buffer, at, at + more, this.keptExtent);
    at += more;
    if (this.keptBytes < this.keptExtent || this.halted) return at;
    // It may end the stream, which lets go of what is kept: not of this, which it is reading.
    const frame = this.kept;
    const extent = this.keptExtent;
    this.kept = NOTHING;
    this.keptBytes = this.keptExtent = 0;
    if (!this.sink.cut(frame, 0, extent) && !this.finished) {
      this.kept = frame;
      this.keptBytes = this.keptExtent = extent;
      return at;
    }
    // What the sink still has of it would be written over by what comes next.
    this.sink.frameGone();
    giveBack(frame);
    return at;
  }

  private letGo(): void {
    giveBack(this.kept);
    this.kept = NOTHING;
    this.keptBytes = 0;
    this.keptExtent = 0;
  }

  /** @param extent the frame's whole length, 0 if it is not known yet */
  private keep(source: Buffer, start: number, end: number, extent: number): void {
    this.keptExtent = extent;
    const bytes = end - start;
    if (bytes <= 0) return;
    const needed = this.keptBytes + bytes;
    if (needed > this.kept.length) {
      // Room for the whole frame, but never more than twice what has really come.
      const room = Math.max(needed, Math.min(extent, needed * 2));
      const grown = room <= SMALL_BYTES ? Buffer.allocUnsafe(room) : takeBuffer(room);
      this.kept.copy(grown, 0, 0, this.keptBytes);
      giveBack(this.kept);
      this.kept = grown;
    }
    source.copy(this.kept, this.keptBytes, start, end);
    this.keptBytes = needed;
  }
}
