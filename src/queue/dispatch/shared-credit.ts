/**
 * A limit on unsettled deliveries over several consumers of a session (a channel's, say), which may be of different queues.
 * Whoever asks while it is used up, or while others wait, gets in line; what comes free goes to the one that has waited
 * longest, one message at a time as long as there are others. So no queue keeps the others from being served.
 */
import type { QueueConsumer } from './consumer.ts';

export class SharedCredit {
  /** 0: no limit. */
  limit: number;
  /** Deliveries that its consumers hold, together. */
  held = 0;
  /** In the order in which they asked since they were served last. */
  private readonly line = new Set<QueueConsumer>();
  private offered: QueueConsumer | null = null;
  private serving = false;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Whether this consumer may take one more now. If not, it is offered one as soon as `serve` comes to it. */
  allows(consumer: QueueConsumer): boolean {
    if (this.limit === 0) return true;
    // Who settles nothing uses nothing up, but waits as well while it is used up.
    if (this.held < this.limit && (this.offered === consumer || consumer.settled)) return true;
    this.line.add(consumer);
    return false;
  }

  took(): void {
    this.held++;
    if (this.line.size > 0) this.offered = null; // the others first
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
      for (let before = -1; this.held > before && this.line.size > 0; ) {
        before = this.held;
        for (const consumer of [...this.line]) {
          if (this.limit !== 0 && this.held >= this.limit) break;
          this.line.delete(consumer);
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
