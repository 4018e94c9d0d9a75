/**
 * The way out of a connection, one frame after the other.
 *
 *               a MESSAGE with a large body
 *     between ────────────────────────────────▶ within a body
 *     frames  ◀────────────────────────────────  (pieces, as the socket takes them)
 *                       its last byte, NUL LF
 *
 * Within a body nothing else may be written: consumers see the connection as congested, receipts wait, heart-beats are
 * not needed. Everyone else's connections flow on.
 */
import {
  type Backpressure,
  type BodyReader,
  copyBytes,
  type Output,
  WRITE_BUFFER_BYTES,
} from '../../../src/api/index.ts';
import type { Receipts } from '../publish/receipt-ids.ts';
import type { StompStats } from '../stats.ts';

const RECEIPT_OPENING = Buffer.from('RECEIPT\nreceipt-id:');
const LF = 0x0a;
const NUL = 0;

export class Outlet implements Backpressure {
  readonly output: Output;
  /** Bytes were written since the heart-beat last looked. */
  wrote = false;
  /** Called when a body has been written to its end: consumers may be woken. */
  onBodyEnd: () => void = () => {};
  /** Called when a body cannot be read back: the frame cannot be finished, nor another one begun. */
  onBodyLost: () => void = () => {};
  private reader: BodyReader | null = null;
  private receiptsWaiting = 0;
  private afterBody: (() => void) | null = null;
  private readonly receipts: Receipts;
  private readonly stats: StompStats;

  constructor(output: Output, receipts: Receipts, stats: StompStats) {
    this.output = output;
    this.receipts = receipts;
    this.stats = stats;
  }

  get congested(): boolean {
    return this.reader !== null || this.output.congested;
  }

  get withinBody(): boolean {
    return this.reader !== null;
  }

  /** Writes the receipt that is next in line, or has it wait for the end of a body. */
  receipt(): void {
    if (this.reader !== null) {
      this.receiptsWaiting++;
      return;
    }
    const receipts = this.receipts;
    receipts.shift();
    const { start, end } = receipts;
    const output = this.output;
    let at = output.reserve(RECEIPT_OPENING.length + end - start + 4);
    const target = output.buffer;
    at = copyBytes(RECEIPT_OPENING, 0, RECEIPT_OPENING.length, target, at);
    at = copyBytes(receipts.buffer, start, end, target, at);
    target[at++] = LF;
    target[at++] = LF;
    target[at++] = NUL;
    target[at++] = LF;
    this.wrote = true;
    this.stats.receiptsOut++;
  }

  /** The frame's headers are written; its body follows from there, then NUL. */
  writeBody(reader: BodyReader): void {
    this.reader = reader;
    reader.onReady = () => this.pump();
    reader.onError = () => {
      this.stats.bodiesUnreadable++;
      this.onBodyLost();
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
    for (; this.receiptsWaiting > 0; this.receiptsWaiting--) this.receipt();
    this.onBodyEnd();
    const then = this.afterBody;
    this.afterBody = null;
    if (then !== null) then();
  }

  /** Calls back once between frames: now, or at the end of the body. */
  betweenFrames(then: () => void): void {
    if (this.reader === null) then();
    else this.afterBody = then;
  }

  heartbeat(): void {
    if (this.reader !== null) return;
    const at = this.output.reserve(1);
    this.output.buffer[at] = LF;
  }

  close(): void {
    this.reader?.close();
    this.reader = null;
    this.afterBody = null;
    this.receiptsWaiting = 0;
  }
}
