/**
 * Frames that wait while the broker wants no messages for longer than a moment: a full disk, a full memory. What heals that is
 * that consumers settle, so their acknowledgements are still read and carried out, past everything that
 * waits; all the rest keeps its order.
 *
 *     [off] --publishing has been held back for a while--> [on: frames are kept] --bound reached--> reading stops
 *       ^                                                             |
 *       +---------- the last one kept has been carried out -----------+ the broker takes messages again: `next`, `next`, …
 */
import { BASIC_ACK, BASIC_NACK, BASIC_REJECT, FRAME_METHOD } from '../codec/constants.ts';

export interface ParkedFrame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

/** What keeping a frame costs beside its payload. */
const FRAME_COST_BYTES = 160;

export class ParkedFrames {
  /** Frames are kept, or were and are not all carried out. */
  active = false;
  private readonly frames: ParkedFrame[] = [];
  private first = 0;
  /** Bytes that are kept, what it costs to keep them included. */
  bytes = 0;
  private readonly bytesMax: number;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get full(): boolean {
    return this.bytes > this.bytesMax;
  }

  get empty(): boolean {
    return this.first === this.frames.length;
  }

  keep(type: number, channel: number, buffer: Buffer, start: number, end: number): void {
    this.frames.push({ type, channel, payload: Buffer.from(buffer.subarray(start, end)) });
    this.bytes += end - start + FRAME_COST_BYTES;
  }

  /** The oldest one; it stays until `taken`. */
  get next(): ParkedFrame {
    return this.frames[this.first]!;
  }

  taken(): void {
    this.bytes -= this.next.payload.length + FRAME_COST_BYTES;
    this.first++;
    if (this.first < 64 && !this.empty) return;
    this.frames.splice(0, this.first);
    this.first = 0;
  }

  clear(): void {
    this.active = false;
    this.frames.length = 0;
    this.first = 0;
    this.bytes = 0;
  }
}

/** Whether a frame settles deliveries. */
export function settles(type: number, buffer: Buffer, start: number, end: number): boolean {
  if (type !== FRAME_METHOD || end - start < 4) return false;
  const method = buffer.readUInt32BE(start);
  return method === BASIC_ACK || method === BASIC_NACK || method === BASIC_REJECT;
}
