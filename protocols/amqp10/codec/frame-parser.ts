/**
 * Frames of AMQP 1.0 from a byte stream. [§2.3]
 *
 *     0              4      5      6           8                 4 × doff         size
 *     +--------------+------+------+-----------+------------------+----------------+
 *     |     size     | doff | type |  channel  | extended header  |     body …     |
 *     +--------------+------+------+-----------+------------------+----------------+
 *           u32         u8     u8       u16       passed over       performative and payload, or nothing
 *
 * `size` counts the head. The channel of a SASL frame means nothing.
 */
import { type CutterSink, FrameCutter } from '../../../src/api/index.ts';

export const FRAME_HEAD_BYTES = 8;
export const AMQP_FRAME = 0;
export const SASL_FRAME = 1;
/** What every peer must take. [§2.7.1] */
export const FRAME_BYTES_LEAST = 512;

export interface FrameSink {
  /** A frame whose body is `buffer[start, end)`, empty in one that only says that the peer is there. As `CutterSink.cut`. */
  frame(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean;
  frameGone(): void;
  /** The stream cannot be understood any more. */
  frameError(reason: string): void;
}

export class FrameParser implements CutterSink {
  /** The largest frame that may come, its head counted. Set anew when it is agreed. */
  frameBytesMax: number;
  private readonly cutter: FrameCutter;
  private readonly sink: FrameSink;

  constructor(sink: FrameSink, frameBytesMax: number) {
    this.sink = sink;
    this.frameBytesMax = frameBytesMax;
    this.cutter = new FrameCutter(this, FRAME_HEAD_BYTES);
  }

  get heldBytes(): number {
    return this.cutter.heldBytes;
  }

  get halted(): boolean {
    return this.cutter.halted;
  }

  set halted(halted: boolean) {
    this.cutter.halted = halted;
  }

  /** As `FrameCutter.read`. */
  read(buffer: Buffer, start: number, end: number): number {
    return this.cutter.read(buffer, start, end);
  }

  finish(): void {
    this.cutter.finish();
  }

  extent(buffer: Buffer, at: number): number {
    const size = buffer.readUInt32BE(at);
    const bodyAt = buffer[at + 4]! * 4;
    if (size < FRAME_HEAD_BYTES || bodyAt < FRAME_HEAD_BYTES || bodyAt > size) {
      this.sink.frameError(`a frame of ${size} bytes whose body begins at byte ${bodyAt}`);
      return 0;
    }
    if (size > this.frameBytesMax) {
      this.sink.frameError(`a frame of ${size} bytes; the largest that may come has ${this.frameBytesMax}`);
      return 0;
    }
    return size;
  }

  cut(buffer: Buffer, start: number, end: number): boolean {
    const bodyAt = start + buffer[start + 4]! * 4;
    return this.sink.frame(buffer[start + 5]!, (buffer[start + 6]! << 8) | buffer[start + 7]!, buffer, bodyAt, end);
  }

  frameGone(): void {
    this.sink.frameGone();
  }
}
