/**
 * The rate at which one connection may publish: messages and bytes a second. Who sends more is read more slowly, nothing is
 * refused: after each message that is too much it waits until what it has sent is within the rate again.
 *
 *     within ──a message too many──▶ waiting ──its time has come──▶ within (`onReady`)
 *
 * A second's worth may come at once.
 */
import { type Clock, Timer } from '../../clock/clock.ts';

export interface Rate {
  readonly messages: number | undefined;
  /** Of their bodies. */
  readonly bytes: number | undefined;
}

export class PublishRate {
  /** Nothing is to be published now. */
  waiting = false;
  private readonly clock: Clock;
  private readonly rate: Rate;
  private readonly onReady: () => void;
  private messagesLeft: number;
  private bytesLeft: number;
  private lastMs: number;
  private readonly timer = new Timer(() => this.look());

  /** @param onReady called when what was `waiting` may go on */
  constructor(clock: Clock, rate: Rate, onReady: () => void) {
    this.clock = clock;
    this.rate = rate;
    this.onReady = onReady;
    this.messagesLeft = rate.messages ?? 0;
    this.bytesLeft = rate.bytes ?? 0;
    this.lastMs = clock.monotonicMs();
  }

  /** A message was published. */
  took(bytes: number): void {
    this.refill();
    this.messagesLeft--;
    this.bytesLeft -= bytes;
    const waitMs = this.waitMs;
    if (waitMs === 0) return;
    this.waiting = true;
    this.clock.schedule(this.timer, waitMs);
  }

  close(): void {
    this.clock.cancel(this.timer);
  }

  private look(): void {
    this.refill();
    const waitMs = this.waitMs;
    if (waitMs > 0) {
      this.clock.schedule(this.timer, waitMs);
      return;
    }
    this.waiting = false;
    this.onReady();
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
