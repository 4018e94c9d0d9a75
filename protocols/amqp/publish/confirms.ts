/**
 * Publisher confirms of one channel. Every publish has a number, counted from `confirm.select` on; the broker says in
 * that order what is safe, and one `basic.ack` with `multiple` answers for all up to the first refusal.
 */
import type { ConfirmRing, ConfirmSink, Output, Session } from '../../../src/api/index.ts';
import { BASIC_ACK, BASIC_NACK, FRAME_END, FRAME_METHOD } from '../codec/constants.ts';
import { frameHead, u32, u64 } from '../codec/frame-writer.ts';

export interface ConfirmChannel {
  readonly id: number;
  /** Where the channel writes now. */
  readonly out: Output;
}

export class Confirms implements ConfirmSink {
  private readonly channel: ConfirmChannel;
  private readonly ring: ConfirmRing;
  private published = 0;
  /** The last safe one that is not yet told, and how many there are before it. */
  private safe = 0;
  private safeCount = 0;
  private readonly counts: { confirmed: number };

  constructor(channel: ConfirmChannel, session: Session, counts: { confirmed: number }) {
    this.channel = channel;
    this.counts = counts;
    this.ring = session.confirms(this);
  }

  /** One more publish; `mark` as `Session.publish` gave it. */
  push(mark: number): void {
    this.ring.push(++this.published, mark);
  }

  /** Publishes that are not answered yet. */
  get waiting(): number {
    return this.ring.size;
  }

  confirm(id: number, refused: boolean): void {
    if (!refused) {
      this.safe = id;
      this.safeCount++;
      this.counts.confirmed++;
      return;
    }
    this.confirmEnd();
    this.write(BASIC_NACK, id, false);
  }

  confirmEnd(): void {
    if (this.safeCount === 0) return;
    this.write(BASIC_ACK, this.safe, this.safeCount > 1);
    this.safeCount = 0;
  }

  close(): void {
    this.ring.close();
  }

  private write(method: number, tag: number, multiple: boolean): void {
    const out = this.channel.out;
    let at = out.reserve(21);
    const b = out.buffer;
    at = frameHead(b, at, FRAME_METHOD, this.channel.id, 13);
    at = u64(b, u32(b, at, method), tag);
    b[at] = multiple ? 1 : 0; // basic.nack's second bit, requeue, means nothing towards a publisher
    b[at + 1] = FRAME_END;
  }
}
