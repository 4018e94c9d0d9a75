/**
 * Turns the bytes of one client into frames and hands them on, one after the other, until they are used up or the next frame has
 * to wait.
 *
 *     chunk ──▶ buffer ──▶ parser ──▶ mustWait? ──no──▶ take
 *                 ▲                       │yes           │  the gate is closed meanwhile
 *                 └───────── kept ────────┴──────────────┘
 *
 * The body of a SEND that is too large to be gathered is fed to its `LargeSend` as it comes.
 */
import { INLINE_BODY_BYTES, textOf } from '../../../src/api/index.ts';
import type { Adapter } from '../adapter.ts';
import type { Frame } from '../codec/frame.ts';
import { RECEIPT } from '../codec/names.ts';
import { COMPLETE, INCOMPLETE_BODY, INCOMPLETE_HEAD, type ParseResult } from '../codec/parser.ts';
import { V1_0, type Version } from '../codec/version.ts';
import type { LargeSend } from '../publish/large-send.ts';
import { InputBuffer } from './input-buffer.ts';
import { HELD_BACK, type Parking } from './parking.ts';

/** What the input asks of its connection. The calls that get a frame may throw: `failed` is told. */
export interface FrameInputHost {
  /** Whether this frame has to wait; the gate is closed then. */
  mustWait(frame: Frame): boolean;
  /** Carries out a complete frame. */
  take(frame: Frame): void;
  /** Begins a SEND that has come as far as its body. */
  beginLarge(frame: Frame): LargeSend;
  /** The parser or another call threw this. `receiptId`: that of the frame, as it came, escaped; undefined if it has none. */
  failed(error: unknown, receiptId: string | undefined): void;
}

export class FrameInput {
  /** The version whose rules hold. */
  version: Version = V1_0;
  private large: LargeSend | null = null;
  private stopped = false;
  private readonly buffer: InputBuffer;
  private readonly adapter: Adapter;
  private readonly gate: Parking;
  private readonly host: FrameInputHost;

  constructor(adapter: Adapter, gate: Parking, host: FrameInputHost) {
    this.adapter = adapter;
    this.gate = gate;
    this.host = host;
    this.buffer = new InputBuffer(adapter.join);
  }

  /** Bytes that are kept because they are no whole frame, or wait. */
  get keptBytes(): number {
    return this.buffer.waiting;
  }

  /** Takes the next chunk (valid until this returns): its frames are carried out now, or kept while the gate is closed. */
  data(chunk: Buffer): void {
    if (this.gate.reasons !== 0) this.buffer.append(chunk);
    else if (this.buffer.add(chunk)) this.run();
  }

  /** The gate is open again: goes on with what was kept. */
  goOn(): void {
    if (this.buffer.again()) this.run();
  }

  /** No frame is taken any more. */
  stop(): void {
    this.stopped = true;
  }

  /** The connection has ended: forgets what was kept, and gives up a body that was not complete. */
  close(): void {
    this.stopped = true;
    this.buffer.clear();
    this.large?.abort();
    this.large = null;
  }

  private run(): void {
    const { buffer, adapter, gate, host } = this;
    const { parser } = adapter;
    let frame: Frame | null = null;
    try {
      let at = buffer.start;
      if (this.large !== null) at = this.feedLarge(this.large, at);
      while (at < buffer.end && !this.stopped) {
        frame = parser;
        const result = parser.parse(buffer.buffer, at, buffer.end, this.version);
        at = parser.start;
        const isLarge = result === INCOMPLETE_BODY && parser.contentLength > INLINE_BODY_BYTES;
        if (result !== COMPLETE && !isLarge) {
          this.keepIncomplete(parser, result);
          return;
        }
        if (host.mustWait(parser)) {
          buffer.keepFrames(at);
          return;
        }
        if (isLarge) {
          this.large = host.beginLarge(parser);
          at = this.feedLarge(this.large, parser.bodyStart);
        } else {
          at = parser.end;
          host.take(parser);
          if (gate.reasons !== 0) {
            buffer.keepFrames(at);
            return;
          }
        }
      }
      if (this.stopped) buffer.clear();
      else buffer.keepFrames(at);
    } catch (error) {
      host.failed(error, this.receiptIdOf(frame));
    } finally {
      parser.release();
    }
  }

  private keepIncomplete(frame: Frame, result: ParseResult): void {
    const { buffer } = this;
    const { headersSizeMax, unmeasuredBodySizeMax } = this.adapter.options;
    if (result === INCOMPLETE_HEAD) buffer.keepUnmeasured(frame.start, headersSizeMax);
    else if (frame.contentLength >= 0) buffer.keepMeasured(frame.start, frame.end - frame.start);
    else buffer.keepUnmeasured(frame.start, frame.bodyStart - frame.start + unmeasuredBodySizeMax);
  }

  /** Hands the bytes from `at` on to a large body; returns where they stop being its own. */
  private feedLarge(large: LargeSend, at: number): number {
    const { buffer } = this;
    const after = large.feed(buffer.buffer, at, buffer.end);
    if (large.complete) {
      large.publish();
      this.large = null;
    } else if (large.congested) {
      this.gate.park(HELD_BACK);
    }
    return after;
  }

  private receiptIdOf(frame: Frame | null): string | undefined {
    if (this.large !== null) return this.large.receipt && textOf(this.large.receipt);
    const index = frame?.indexOf(RECEIPT) ?? -1;
    return index < 0 ? undefined : textOf(frame!.buffer, frame!.valueStart(index), frame!.valueEnd(index));
  }
}
