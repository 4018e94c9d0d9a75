/**
 * The frames of one connection on their way out, one after the other.
 *
 *               a MESSAGE with a large body
 *     between ────────────────────────────────▶ within a body
 *     frames  ◀────────────────────────────────  (pieces, as the socket takes them)
 *                       its last byte, NUL LF
 *
 * Within a body nothing else may be written: consumers see the connection as congested, receipts wait, heart-beats are
 * not needed. Everyone else's connections flow on.
 */
import { type Backpressure, type BodyReader, type Output, WRITE_BUFFER_BYTES } from '../../../src/api/index.ts';
import type { StompStats } from '../stats.ts';

const LF = 0x0a;
const NUL = 0;

export interface FrameOutputHost {
  /** A large body has been written to its end: what waited for that may be written. */
  bodyEnded(): void;
  /** A large body cannot be read back: its frame cannot be finished, nor another one begun. */
  bodyLost(): void;
}

export class FrameOutput implements Backpressure {
  readonly output: Output;
  /** Bytes were written since the heart-beat last looked. */
  wrote = false;
  private reader: BodyReader | null = null;
  private readonly stats: StompStats;
  private readonly host: FrameOutputHost;

  constructor(output: Output, stats: StompStats, host: FrameOutputHost) {
    this.output = output;
    this.stats = stats;
    this.host = host;
  }

  get congested(): boolean {
    return this.reader !== null || this.output.congested;
  }

  get withinBody(): boolean {
    return this.reader !== null;
  }

  /** The frame's headers are written; its body follows from there, then NUL. */
  writeBody(reader: BodyReader): void {
    this.reader = reader;
    reader.onReady = () => this.pump();
    reader.onError = () => {
      this.stats.bodiesUnreadable++;
      this.host.bodyLost();
    };
    this.pump();
  }

  /** Writes as much of the body as may be written now. */
  pump(): void {
    const { reader, output } = this;
    if (reader === null) return;
    while (reader.remaining > 0) {
      if (output.congested) return; // goes on when drained
      if (!reader.next(WRITE_BUFFER_BYTES)) return; // goes on when ready
      output.append(reader.buffer, reader.start, reader.end);
      this.wrote = true;
    }
    this.reader = null;
    reader.close();
    const at = output.reserve(2);
    output.buffer[at] = NUL;
    output.buffer[at + 1] = LF;
    this.host.bodyEnded();
  }

  heartbeat(): void {
    if (this.reader !== null) return;
    const at = this.output.reserve(1);
    this.output.buffer[at] = LF;
  }

  close(): void {
    this.reader?.close();
    this.reader = null;
  }
}
