/**
 * The sender of large bodies: writes them piece by piece, and keeps in order what is written behind them.
 *
 * Where nothing may stand between the pieces of one body (in the whole stream of a connection, or in one channel of it), there
 * is one `BodySender`. While a body is under way, `out` is a buffer behind it instead of the output: write there, at any time,
 * as if it were the output. A body may be followed by others.
 *
 * ```
 *     output ◀── body ◀── bytes behind it ◀── body ◀── bytes behind it (`out`)
 *
 *                   send(body)                      the last one is out, with what lies behind it
 *     out = output ─────────────▶ out = a buffer ─────────────────────────────────────────────────▶ out = output, bodiesSent
 * ```
 *
 * A body is never in memory as a whole: a piece is read when it can be written. `pump` goes on as long as the output is not
 * congested; where several senders share an output, `step` writes one piece, and `BodyPump` has them take turns.
 *
 * Without `framing` the pieces are the bytes of the body and nothing else, and what ends a body (a NUL, say) is written to
 * `out` right after `send`. With it each piece is a frame, and every frame but a body's last has the same payload, however the
 * body lies on the disk: there are clients that reckon the number of frames from the length.
 */
import type { BodyReader } from '../api/bodies.ts';
import { Turn } from '../clock/turn.ts';
import { giveBack, takeBuffer } from '../message/buffer-pool.ts';
import { Output, type OutputSink } from './output.ts';

/** What is read and written of a body at a time, where no frame is of another size. */
const PIECE_BYTES = 128 * 1024;

/** How each piece is wrapped. */
export interface BodyFraming {
  /** The payload of every frame but a body's last; from 1 on. */
  readonly payloadBytesMax: number;
  /** Bytes of a frame before its payload, and behind it. */
  readonly headBytes: number;
  readonly tailBytes: number;
  /** Writes the head of a frame with `payloadBytes` of payload to `buffer`, at `at`. */
  writeHead(buffer: Buffer, at: number, payloadBytes: number): void;
  writeTail(buffer: Buffer, at: number): void;
}

export interface BodySenderOwner {
  /** A piece has become readable that had to be fetched: call `pump`, or ask the `BodyPump` for a slice. */
  bodyReadable(): void;
  /** All bodies are out, with what lay behind them; `out` is the output again. Called from within `pump` or `step`. */
  bodiesSent(): void;
  /** A body could not be read back, in the middle of its bytes; the log has reported why. The stream cannot be continued. */
  bodyLost(error: Error): void;
}

/** A buffer behind a body leaves when the body is out, not when the event loop's turn ends. */
class NoTurn extends Turn {
  override add(): void {}
}
const NO_TURN = new NoTurn();

interface Sending {
  readonly reader: BodyReader;
  /** What is written behind this body. */
  readonly behind: Output;
}

export class BodySender {
  /** Where its owner writes now. */
  out: Output;
  private readonly sending: Sending[] = [];
  /** The beginning of a frame whose rest lies elsewhere on the disk: `gathered` bytes of payload. */
  private partial: Buffer | null = null;
  private gathered = 0;
  private pumping = false;
  private closed = false;
  private readonly output: Output;
  private readonly owner: BodySenderOwner;
  private readonly framing: BodyFraming | null;

  /** @param framing null, the default: the bytes go out as they are */
  constructor(output: Output, owner: BodySenderOwner, framing: BodyFraming | null = null) {
    this.output = output;
    this.out = output;
    this.owner = owner;
    this.framing = framing;
  }

  /** Bodies that have not gone out whole. */
  get bodies(): number {
    return this.sending.length;
  }

  get busy(): boolean {
    return this.sending.length > 0;
  }

  /** Bytes that wait behind bodies. */
  get pendingBytes(): number {
    let bytes = 0;
    for (const { behind } of this.sending) bytes += behind.pendingBytes;
    return bytes;
  }

  /** Sends a body whose head has just been written to `out`. Nothing of it is written before `pump` or `step`. */
  send(reader: BodyReader): void {
    if (this.closed) {
      reader.close();
      return;
    }
    reader.onReady = () => {
      if (!this.closed) this.owner.bodyReadable();
    };
    reader.onError = (error) => {
      if (!this.closed) this.owner.bodyLost(error);
    };
    this.out = this.bufferBehind();
    this.sending.push({ reader, behind: this.out });
  }

  /** Writes as much as can be read and the output takes now. */
  pump(): void {
    if (this.pumping) return; // a piece has become readable while it was asked for
    this.pumping = true;
    try {
      while (!this.output.congested && this.step());
    } finally {
      this.pumping = false;
    }
  }

  /** Reads one piece at most, and writes it, or the frame that it completes. False: nothing can be done now. */
  step(): boolean {
    const first = this.sending[0];
    if (first === undefined) return false;
    const { reader } = first;
    if (reader.remaining > 0) {
      if (!(this.framing === null ? this.writeRaw(reader) : this.writeFramed(reader, this.framing))) return false;
    }
    if (reader.remaining === 0 && !this.isClosed()) this.bodySent(first);
    return true;
  }

  /** Gives up what is left. No call of the owner follows. */
  close(): void {
    this.closed = true;
    for (const { reader } of this.sending) reader.close();
    this.sending.length = 0;
    this.forgetPartial();
    this.gathered = 0;
  }

  private writeRaw(reader: BodyReader): boolean {
    if (!reader.next(PIECE_BYTES)) return false;
    this.output.appendBody(reader.buffer, reader.start, reader.end, reader.memory);
    return true;
  }

  private writeFramed(reader: BodyReader, framing: BodyFraming): boolean {
    const payloadBytes = Math.min(framing.payloadBytesMax, this.gathered + reader.remaining);
    if (this.gathered === 0 && reader.inMemory(payloadBytes)) {
      this.frameHead(framing, payloadBytes);
      this.writePieces(reader, payloadBytes);
      this.frameTail(framing);
      return true;
    }
    if (!reader.next(payloadBytes - this.gathered)) return false;
    const { buffer, start, end } = reader;
    if (this.gathered + end - start < payloadBytes) {
      this.partial ??= takeBuffer(framing.payloadBytesMax);
      this.gathered += buffer.copy(this.partial, this.gathered, start, end);
      return true;
    }
    this.frameHead(framing, payloadBytes);
    if (this.gathered > 0) this.output.append(this.partial!, 0, this.gathered);
    this.output.appendBody(buffer, start, end, reader.memory);
    this.frameTail(framing);
    this.gathered = 0;
    return true;
  }

  /** The next `bytes`, which are in memory. */
  private writePieces(reader: BodyReader, bytes: number): void {
    for (let left = bytes; left > 0 && reader.next(left); ) {
      const { buffer, start, end } = reader;
      this.output.appendBody(buffer, start, end, reader.memory);
      left -= end - start;
    }
  }

  private frameHead(framing: BodyFraming, payloadBytes: number): void {
    const at = this.output.reserve(framing.headBytes);
    framing.writeHead(this.output.buffer, at, payloadBytes);
  }

  private frameTail(framing: BodyFraming): void {
    const at = this.output.reserve(framing.tailBytes);
    framing.writeTail(this.output.buffer, at);
  }

  private forgetPartial(): void {
    if (this.partial !== null) giveBack(this.partial);
    this.partial = null;
  }

  private bodySent({ reader, behind }: Sending): void {
    reader.close();
    this.forgetPartial();
    this.sending.shift();
    behind.flush();
    if (this.sending.length > 0) return;
    this.out = this.output;
    this.owner.bodiesSent();
  }

  private bufferBehind(): Output {
    const { output } = this;
    const sink: OutputSink = {
      unsentBytes: 0,
      writeAll(buffers) {
        for (const buffer of buffers) output.append(buffer);
        return false; // a fan-out in progress may still copy from this memory: it is not to be used again
      },
    };
    return new Output(sink, NO_TURN);
  }

  /** A method, since a call in between may have changed it. */
  private isClosed(): boolean {
    return this.closed;
  }
}
