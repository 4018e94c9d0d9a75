/**
 * Turns the bytes of one client into frames and hands them on, one after the other, until they are used up or the read gate
 * halts it.
 *
 *     gate ──▶ buffer ──▶ parser ──▶ mustWait? ──no──▶ take
 *      ▲                                 │yes: the gate is closed
 *      └───────── what is left ──────────┘
 *
 * The body of a SEND that is too large to be gathered is fed to its `LargeSend` as it comes.
 */
import { AccessPending, type GatedReader, INLINE_BODY_BYTES, textOf } from '../../../src/api/index.ts';
import type { Adapter } from '../adapter.ts';
import type { Frame } from '../codec/frame.ts';
import { RECEIPT } from '../codec/names.ts';
import { COMPLETE, INCOMPLETE_BODY, INCOMPLETE_HEAD, type ParseResult } from '../codec/parser.ts';
import { V1_0, type Version } from '../codec/version.ts';
import type { LargeSend } from '../publish/large-send.ts';
import { InputBuffer } from './input-buffer.ts';

/** What the input asks of its connection. The calls that get a frame may throw: `failed` is told. */
export interface FrameInputHost {
  /** Whether this frame has to wait; the gate is closed then. */
  mustWait(frame: Frame): boolean;
  /** Carries out a complete frame. */
  take(frame: Frame): void;
  /** Begins a SEND that has come as far as its body. */
  beginLarge(frame: Frame): LargeSend;
  /** A piece of a large body was taken, and the broker holds publishers back. */
  largeHeldBack(): void;
  /** No frame is taken until the answer has come; `again` is called before that goes on. */
  awaitAnswer(pending: AccessPending, again?: () => void): void;
  /** The parser or another call threw this. `receiptId`: that of the frame, as it came, escaped; undefined if it has none. */
  failed(error: unknown, receiptId: string | undefined): void;
}

export class FrameInput implements GatedReader {
  halted = false;
  /** The version whose rules hold. */
  version: Version = V1_0;
  private large: LargeSend | null = null;
  private stopped = false;
  private readonly buffer: InputBuffer;
  private readonly adapter: Adapter;
  private readonly host: FrameInputHost;

  constructor(adapter: Adapter, host: FrameInputHost) {
    this.adapter = adapter;
    this.host = host;
    this.buffer = new InputBuffer(adapter.joinBuffer);
  }

  /** Bytes that are kept because they are no whole frame, or wait. */
  get keptBytes(): number {
    return this.buffer.waiting;
  }

  get midBody(): boolean {
    return this.large !== null;
  }

  read(chunk: Buffer, start: number, end: number): number {
    if (this.stopped || !this.buffer.add(chunk, start, end)) return end;
    const { adapter, host, buffer } = this;
    const { parser } = adapter;
    let frame: Frame | null = null;
    try {
      let at = buffer.start;
      if (this.large !== null) at = this.feedLarge(this.large, at);
      while (at < buffer.end && !this.halted) {
        frame = parser;
        const result = parser.parse(buffer.buffer, at, buffer.end, this.version);
        at = parser.start;
        const isLarge = result === INCOMPLETE_BODY && parser.contentLength > INLINE_BODY_BYTES;
        if (result !== COMPLETE && !isLarge) {
          this.keepIncomplete(parser, result);
          return end;
        }
        if (host.mustWait(parser)) break;
        if (isLarge) {
          this.large = host.beginLarge(parser);
          at = this.feedLarge(this.large, parser.bodyStart);
        } else {
          at = parser.end;
          host.take(parser);
          if (this.stopped) break;
        }
      }
      if (!this.stopped) return buffer.leave(at);
    } catch (error) {
      if (error instanceof AccessPending && frame !== null) {
        // The same frame again, once it is known whether it is permitted: it has changed nothing.
        host.awaitAnswer(error);
        return buffer.leave(frame.start);
      }
      host.failed(error, this.receiptIdOf(frame));
    } finally {
      parser.release();
    }
    return end;
  }

  /** No frame is taken any more, and what comes is dropped. */
  stop(): void {
    this.stopped = true;
    this.buffer.clear();
  }

  /** The connection has ended: gives up a body that was not complete as well. */
  close(): void {
    this.stop();
    this.large?.abort();
    this.large = null;
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
      this.host.largeHeldBack();
    }
    return after;
  }

  private receiptIdOf(frame: Frame | null): string | undefined {
    if (this.large !== null) return this.large.receipt && textOf(this.large.receipt);
    const index = frame?.indexOf(RECEIPT) ?? -1;
    return index < 0 ? undefined : textOf(frame!.buffer, frame!.valueStart(index), frame!.valueEnd(index));
  }
}
