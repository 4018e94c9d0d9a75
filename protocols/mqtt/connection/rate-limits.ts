/**
 * Limits on rates, counted by the second: CONNECTs of the whole adapter, packets of one client.
 */
import { type Clock, Timer } from '../../../src/api/index.ts';

const SECOND_MS = 1000;

/** So many in each second, and no more. */
export class RateLimit {
  private readonly perSecond: number;
  private secondStartMs = Number.NEGATIVE_INFINITY;
  private count = 0;

  /** @param perSecond 0 for no limit */
  constructor(perSecond: number) {
    this.perSecond = perSecond;
  }

  /** Counts one; false if it is one too many. */
  take(nowMs: number): boolean {
    if (this.perSecond === 0) return true;
    if (nowMs - this.secondStartMs >= SECOND_MS) {
      this.secondStartMs = nowMs;
      this.count = 0;
    }
    return ++this.count <= this.perSecond;
  }

  /** Milliseconds until the next second begins. */
  waitMs(nowMs: number): number {
    return Math.max(1, this.secondStartMs + SECOND_MS - nowMs);
  }
}

/** Holds back a client that sends more packets a second than it may: it is not read until the second is over. */
export class PacketRateLimit {
  private readonly rate: RateLimit;
  private readonly clock: Clock;
  private readonly pause: () => void;
  private readonly timer: Timer;

  constructor(perSecond: number, clock: Clock, pause: () => void, resume: () => void) {
    this.rate = new RateLimit(perSecond);
    this.clock = clock;
    this.pause = pause;
    this.timer = new Timer(resume);
  }

  /** A packet has come. It is dealt with, but the next one may have to wait. */
  packet(): void {
    const nowMs = this.clock.monotonicMs();
    if (this.rate.take(nowMs) || this.timer.scheduled) return;
    this.clock.schedule(this.timer, this.rate.waitMs(nowMs));
    this.pause();
  }

  close(): void {
    this.clock.cancel(this.timer);
  }
}
