/**
 * Tells a client that its publishes have been held back for a while, and that this is over (connection.blocked,
 * connection.unblocked). A short while is not worth a word.
 * https://www.rabbitmq.com/docs/connection-blocked
 */
import { type Clock, Timer } from '../../../src/api/index.ts';

export interface BlockedNoticeOwner {
  /** Tells the client that its publishes wait, or no longer do. False if it does not want to know. */
  tellBlocked(blocked: boolean): boolean;
  /** Publishing has been held back for so long that the client's other frames should not wait with it. */
  heldBackForLong(): void;
}

export class BlockedNotice {
  /** The client has been told that it is blocked. */
  private told = false;
  private readonly timer: Timer;
  private readonly owner: BlockedNoticeOwner;
  private readonly clock: Clock;
  private readonly noticeMs: number;

  /** @param noticeMs how long a short while is */
  constructor(owner: BlockedNoticeOwner, clock: Clock, noticeMs: number) {
    this.owner = owner;
    this.clock = clock;
    this.noticeMs = noticeMs;
    this.timer = new Timer(() => {
      this.told ||= owner.tellBlocked(true);
      owner.heldBackForLong();
    });
  }

  /** A publish waits. The time counts from the first one on. */
  heldBack(): void {
    if (!this.told && !this.timer.scheduled) this.clock.schedule(this.timer, this.noticeMs);
  }

  /** The broker takes messages again. */
  over(): void {
    this.clock.cancel(this.timer);
    if (!this.told) return;
    this.told = false;
    this.owner.tellBlocked(false);
  }

  /** The connection has ended: nobody is told anything any more. */
  stop(): void {
    this.clock.cancel(this.timer);
  }
}
