/**
 * A rate at which messages may be published: messages and bytes a second, of one connection or of many that share it (a user's, a
 * vhost's, a listener's). Who is past it is read more slowly, nothing is refused: after each message that is too much it waits until
 * what was sent is within the rate again.
 *
 *     within ──a message too many──▶ waiting ──its time has come──▶ within: those that wait go on, the longest first
 *
 * A second's worth may come at once. Of those that share one, each may publish the message it was about to when the others used it
 * up; that is owed, and paid back by a longer wait.
 */
import { type Clock, Timer } from '../../clock/clock.ts';

export interface Rate {
  readonly messages?: number | undefined;
  /** Of their bodies. */
  readonly bytes?: number | undefined;
}

/** A publisher that waits. */
export interface PacedPublisher {
  /** It may go on, as far as this rate is concerned. */
  paceEased(): void;
}

export class PublishRate {
  /** Nothing is to be published now. */
  waiting = false;
  private readonly clock: Clock;
  private rate: Rate;
  private readonly publishers = new Set<PacedPublisher>();
  private messagesLeft: number;
  private bytesLeft: number;
  private lastMs: number;
  private readonly timer = new Timer(() => this.look());

  constructor(clock: Clock, rate: Rate = {}) {
    this.clock = clock;
    this.rate = rate;
    this.messagesLeft = rate.messages ?? 0;
    this.bytesLeft = rate.bytes ?? 0;
    this.lastMs = clock.monotonicMs();
  }

  /** There is one. */
  get limited(): boolean {
    return this.rate.messages !== undefined || this.rate.bytes !== undefined;
  }

  /** Another rate is in force from now on, and what was sent before is no part of it. */
  change(rate: Rate): void {
    if (rate.messages === this.rate.messages && rate.bytes === this.rate.bytes) return;
    this.rate = rate;
    this.messagesLeft = rate.messages ?? 0;
    this.bytesLeft = rate.bytes ?? 0;
    this.lastMs = this.clock.monotonicMs();
    this.clock.cancel(this.timer);
    this.ease();
  }

  /** Messages were published. @param bytes of all of them */
  took(bytes: number, messages = 1): void {
    this.refill();
    this.messagesLeft -= messages;
    this.bytesLeft -= bytes;
    const waitMs = this.waitMs;
    if (waitMs === 0) return;
    this.waiting = true;
    if (!this.timer.scheduled) this.clock.schedule(this.timer, waitMs);
  }

  /** The publisher hears when it may go on; to be called while `waiting`. */
  wait(publisher: PacedPublisher): void {
    this.publishers.add(publisher);
  }

  forget(publisher: PacedPublisher): void {
    this.publishers.delete(publisher);
  }

  close(): void {
    this.clock.cancel(this.timer);
    this.publishers.clear();
  }

  private look(): void {
    this.refill();
    const waitMs = this.waitMs;
    if (waitMs > 0) this.clock.schedule(this.timer, waitMs);
    else this.ease();
  }

  private ease(): void {
    this.waiting = false;
    for (const publisher of this.publishers) {
      this.publishers.delete(publisher);
      publisher.paceEased();
      // It has used up what there was: the others have their turn later, and it comes behind them.
      if (this.waiting) return;
    }
  }

  private refill(): void {
    const now = this.clock.monotonicMs();
    const seconds = (now - this.lastMs) / 1000;
    this.lastMs = now;
    const { messages = 0, bytes = 0 } = this.rate;
    this.messagesLeft = Math.min(messages, this.messagesLeft + seconds * messages);
    this.bytesLeft = Math.min(bytes, this.bytesLeft + seconds * bytes);
  }

  private get waitMs(): number {
    const { messages, bytes } = this.rate;
    return Math.ceil(Math.max(overdueMs(this.messagesLeft, messages), overdueMs(this.bytesLeft, bytes)));
  }
}

function overdueMs(left: number, rate: number | undefined): number {
  return rate === undefined || left >= 0 ? 0 : (-left / rate) * 1000;
}
