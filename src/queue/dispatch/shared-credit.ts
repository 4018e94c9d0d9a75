/**
 * A limit on unsettled deliveries that several consumers of a session share (a channel's, say), which may be of different
 * queues. A consumer that asks while it is used up, or while others wait, gets in line; what comes free goes to the one that
 * has waited longest, one message at a time as long as there are others. So no queue keeps the others from being served.
 */

/** A consumer, as the limit that it shares sees it. */
export interface CreditTaker {
  /** It settles by itself and uses nothing up. */
  readonly settled: boolean;
  /** There may be room for one: take it now, if there is a message. */
  offer(): void;
}

export class SharedCredit {
  /** 0: no limit. */
  limit: number;
  /** Deliveries that its consumers hold, together. */
  held = 0;
  /** In the order in which they asked since they were served last. */
  private readonly waiting = new Set<CreditTaker>();
  private offered: CreditTaker | null = null;
  private serving = false;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Whether this consumer may take one more now. If not, it is offered one as soon as `serve` comes to it. */
  allows(consumer: CreditTaker): boolean {
    if (this.limit === 0) return true;
    // Who settles nothing uses nothing up, but waits as well while it is used up.
    if (this.held < this.limit && (this.offered === consumer || consumer.settled)) return true;
    this.waiting.add(consumer);
    return false;
  }

  took(): void {
    this.held++;
    if (this.waiting.size > 0) this.offered = null; // the others first
  }

  gave(): void {
    this.held--;
  }

  /** Offers what is free to those in line. */
  serve(): void {
    if (this.serving) return;
    this.serving = true;
    try {
      // Round after round, as long as somebody takes something: who could take more has got in line again.
      for (let before = -1; this.held > before && this.waiting.size > 0; ) {
        before = this.held;
        for (const consumer of [...this.waiting]) {
          if (this.limit !== 0 && this.held >= this.limit) break;
          this.waiting.delete(consumer);
          this.offered = consumer;
          consumer.offer();
          this.offered = null;
        }
      }
    } finally {
      this.serving = false;
    }
  }
}
