/**
 * Large bodies on their way to a client. MQTT has one stream and a packet may not be interrupted, so what is to be
 * written while a body goes out waits behind it, in order:
 *
 *     output <-- body being read <-- packets <-- body <-- packets (written now)
 *                `current`           `waiting` . . . . . . `tail`
 *
 * A body is read range by range, and only while the output is not congested; it is never in memory as a whole.
 */
import { type BodyReader, Output, type OutputSink, Turn } from '../../../src/api/index.ts';

const RANGE_BYTES = 64 * 1024;

/** A backlog leaves when its turn comes, not when the event loop's turn ends. */
class NoTurn extends Turn {
  override add(): void {}
}
const NO_TURN = new NoTurn();

export class Streams {
  /** Where packets are written now. */
  tail: Output;
  /** Bodies that have not gone out whole. */
  bodies = 0;
  private current: BodyReader | null = null;
  private readonly waiting: (BodyReader | Output)[] = [];
  private pumping = false;
  private closed = false;
  private readonly output: Output;
  private readonly onDone: () => void;
  private readonly onError: () => void;

  /**
   * @param onDone nothing waits any more: packets may go to the output itself again
   * @param onError a body could not be read; the client's stream cannot be continued
   */
  constructor(output: Output, onDone: () => void, onError: () => void) {
    this.output = output;
    this.tail = output;
    this.onDone = onDone;
    this.onError = onError;
  }

  /** Bytes of packets that wait behind bodies. */
  get pendingBytes(): number {
    let bytes = 0;
    for (const item of this.waiting) if (item instanceof Output) bytes += item.pendingBytes;
    return bytes;
  }

  /** The head of a packet was written to `tail`; its body follows. */
  push(reader: BodyReader): void {
    this.bodies++;
    reader.onReady = () => this.pump();
    reader.onError = () => {
      if (!this.closed) this.onError();
    };
    if (this.current === null) this.current = reader;
    else this.waiting.push(reader);
    this.tail = this.backlog();
    this.waiting.push(this.tail);
  }

  /** Writes as much as the output takes now. */
  pump(): void {
    if (this.pumping || this.closed) return;
    this.pumping = true;
    const done = this.advance();
    this.pumping = false;
    if (done) {
      this.tail = this.output;
      this.onDone();
    }
  }

  /** Lets go of all bodies. */
  close(): void {
    this.closed = true;
    this.current?.close();
    this.current = null;
    for (const item of this.waiting) if (!(item instanceof Output)) item.close();
    this.waiting.length = 0;
  }

  private advance(): boolean {
    while (this.current !== null) {
      const reader = this.current;
      if (reader.remaining === 0) {
        reader.close();
        this.bodies--;
        this.next();
        continue;
      }
      if (this.output.congested || !reader.next(RANGE_BYTES)) return false;
      this.output.append(reader.buffer, reader.start, reader.end);
    }
    return true;
  }

  private next(): void {
    this.current = null;
    while (this.current === null) {
      const item = this.waiting.shift();
      if (item === undefined) return;
      if (item instanceof Output) item.flush();
      else this.current = item;
    }
  }

  private backlog(): Output {
    const output = this.output;
    const sink: OutputSink = {
      unsentBytes: 0,
      writeAll(buffers) {
        for (const buffer of buffers) output.append(buffer);
        return false; // the slab may still be looked at by a fan-out in progress: do not recycle it
      },
    };
    return new Output(sink, NO_TURN);
  }
}
