/**
 * The share of time in which a queue's consumers could have taken a message at once, 0 to 1, as RabbitMQ tells it
 * (`rabbit_queue_consumers:capacity/1`): a moving average with a half life of a second, over pairs of a stretch in which they could and
 * the stretch after it in which a message waited for one of them.
 *
 *     free ──a message waits, and none of them can take it──▶ busy ──one of them can──▶ free, and the pair is averaged in
 *
 * So prefetch, unread sockets and consumers that are slow show here. The clock is asked only when it changes.
 */
const HALF_LIFE_MS = 1_000;

export class ConsumerCapacity {
  /** A message waits that none of them can take. */
  busy = false;
  private average = 1;
  private sinceMs: number;
  /** How long the stretch before was, in which they could: meant only while they cannot. */
  private freeMs = 0;

  constructor(nowMs: number) {
    this.sinceMs = nowMs;
  }

  becameBusy(nowMs: number): void {
    this.busy = true;
    this.freeMs = nowMs - this.sinceMs;
    this.sinceMs = nowMs;
  }

  becameFree(nowMs: number): void {
    this.average = this.at(nowMs);
    this.busy = false;
    this.sinceMs = nowMs;
  }

  /** @param nowMs a time before the last change counts as that */
  at(nowMs: number): number {
    const lastMs = Math.max(0, nowMs - this.sinceMs);
    return this.busy ? this.averaged(this.freeMs, lastMs) : this.averaged(lastMs, 0);
  }

  private averaged(freeMs: number, busyMs: number): number {
    const wholeMs = freeMs + busyMs;
    if (wholeMs === 0) return this.average;
    const weight = 0.5 ** (wholeMs / HALF_LIFE_MS);
    return (freeMs / wholeMs) * (1 - weight) + this.average * weight;
  }
}
