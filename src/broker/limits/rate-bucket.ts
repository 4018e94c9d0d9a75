/** So many a second and no more: what is too much is refused, not put off. A second's worth may come at once. */
import type { Clock } from '../../clock/clock.ts';

export class RateBucket {
  private readonly clock: Clock;
  private left = Number.POSITIVE_INFINITY;
  private atMs = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Takes one, if there is one. @param rate how many there are a second, as of now */
  take(rate: number): boolean {
    this.refill(rate);
    if (this.left < 1) return false;
    this.left--;
    return true;
  }

  /** Nothing is missing: it need not be kept. */
  isFull(rate: number): boolean {
    this.refill(rate);
    return this.left >= rate;
  }

  private refill(rate: number): void {
    const now = this.clock.monotonicMs();
    this.left = Math.min(rate, this.left + ((now - this.atMs) / 1000) * rate);
    this.atMs = now;
  }
}
