/**
 * Sends large bodies of one channel in pieces, and holds back what the channel has to say after them: between the frames
 * of one content no other frame of the same channel may stand, those of other channels may. [§4.2.6]
 *
 *     [idle: the channel writes to the output] --send--> [busy: the channel writes to a Spill]
 *                 ^                                           | step, step, …
 *                 +----------- the last body is out, its spill appended
 *
 * It sends one frame a step at most; the connection decides who steps when (`connection.ts`, `pump`). Every frame but the
 * last is as large as was agreed, however the body lies on the disk: there are clients that reckon the number of frames
 * from the size in the header.
 */
import type { BodyReader } from '../../../src/api/index.ts';
import { FRAME_BODY, FRAME_END } from '../codec/constants.ts';
import { type FrameOut, head } from './content-frames.ts';

const SPILL_BYTES = 4096;

/** Frames that wait. Buffers never move, so that a place in one stays good. */
export class Spill implements FrameOut {
  buffer: Buffer = Buffer.alloc(0);
  private length = 0;
  /** Bytes in all. */
  bytes = 0;
  private readonly full: Buffer[] = [];

  reserve(n: number): number {
    if (this.length + n > this.buffer.length) {
      if (this.length > 0) this.full.push(this.buffer.subarray(0, this.length));
      this.buffer = Buffer.allocUnsafeSlow(Math.max(n, SPILL_BYTES));
      this.length = 0;
    }
    const at = this.length;
    this.length += n;
    this.bytes += n;
    return at;
  }

  append(source: Buffer, start = 0, end = source.length): void {
    const at = this.reserve(end - start);
    source.copy(this.buffer, at, start, end);
  }

  /** Moves everything to `out`. */
  pour(out: FrameOut): void {
    for (const buffer of this.full) out.append(buffer, 0, buffer.length);
    if (this.length > 0) out.append(this.buffer, 0, this.length);
    this.full.length = 0;
    this.length = 0;
    this.bytes = 0;
    this.buffer = Buffer.alloc(0);
  }
}

interface Waiting {
  readonly reader: BodyReader;
  /** What is said after this body. */
  readonly behind: Spill;
}

export interface OutboxOwner {
  /** A piece has become readable. */
  outboxReady(): void;
  /** Everything is out. */
  outboxIdle(): void;
  /** A body could not be read back, in the middle of its frames. */
  outboxFailed(error: Error): void;
}

export class Outbox {
  private readonly waiting: Waiting[] = [];
  /** The beginning of a frame whose rest lies elsewhere: `gathered` bytes of it. */
  private partial: Buffer | null = null;
  private gathered = 0;
  private readonly channel: number;
  private readonly output: FrameOut;
  private readonly payloadBytesMax: number;
  private readonly owner: OutboxOwner;

  constructor(channel: number, output: FrameOut, payloadBytesMax: number, owner: OutboxOwner) {
    this.channel = channel;
    this.output = output;
    this.payloadBytesMax = payloadBytesMax;
    this.owner = owner;
  }

  get busy(): boolean {
    return this.waiting.length > 0;
  }

  /** Where the channel writes now. */
  get out(): FrameOut {
    return this.waiting.length === 0 ? this.output : this.waiting[this.waiting.length - 1]!.behind;
  }

  /** Bytes that wait behind bodies. */
  get heldBytes(): number {
    let bytes = 0;
    for (const one of this.waiting) bytes += one.behind.bytes;
    return bytes;
  }

  /** Takes a body whose header frame has just been written to `out`. */
  send(reader: BodyReader): void {
    reader.onReady = () => this.owner.outboxReady();
    reader.onError = (error) => this.owner.outboxFailed(error);
    this.waiting.push({ reader, behind: new Spill() });
  }

  /** Reads one piece, and writes the frame that it completes. False: nothing can be done now. */
  step(): boolean {
    const first = this.waiting[0];
    if (first === undefined) return false;
    const reader = first.reader;
    if (reader.remaining > 0) {
      const whole = Math.min(this.payloadBytesMax, this.gathered + reader.remaining);
      if (!reader.next(whole - this.gathered)) {
        if (reader.remaining > 0) return false;
      } else if (this.gathered + reader.end - reader.start < whole) this.gather(reader);
      else this.write(reader, whole);
    }
    if (reader.remaining === 0) {
      reader.close();
      this.partial = null;
      this.waiting.shift();
      first.behind.pour(this.output);
      if (this.waiting.length === 0) this.owner.outboxIdle();
    }
    return true;
  }

  private gather(piece: BodyReader): void {
    this.partial ??= Buffer.allocUnsafeSlow(this.payloadBytesMax);
    this.gathered += piece.buffer.copy(this.partial, this.gathered, piece.start, piece.end);
  }

  /** Writes a frame of `bytes`: what has been gathered, and this last piece. */
  private write(piece: BodyReader, bytes: number): void {
    const out = this.output;
    const at = out.reserve(bytes + 8);
    const b = out.buffer;
    let to = head(b, at, FRAME_BODY, this.channel, bytes);
    if (this.gathered > 0) to += this.partial!.copy(b, to, 0, this.gathered);
    piece.buffer.copy(b, to, piece.start, piece.end);
    b[at + 7 + bytes] = FRAME_END;
    this.gathered = 0;
  }

  /** Gives up what is left. */
  close(): void {
    for (const one of this.waiting) one.reader.close();
    this.waiting.length = 0;
    this.partial = null;
    this.gathered = 0;
  }
}
