/**
 * Flow control by subscribers makes publishers wait: for direct subscribers that lag a little behind, and for queues whose consumers do (`queue/dispatch/publisher-pace.ts`).
 *
 * A subscriber whose connection is congested stalls those who publish to it, until it has drained or `STALL_MS` have
 * passed. In the second case it counts as slow: nobody waits for it again before it has drained, and what it has no room
 * for is dropped. So a burst loses nothing, and a subscriber that has stopped reading costs its publishers one short pause.
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import type { HeldPublisher } from '../../queue/dispatch/publisher-pace.ts';
import type { Queue } from '../../queue/queue.ts';

const STALL_MS = 20;

/** A publisher that can be made to wait. */
export interface WaitingPublisher extends HeldPublisher {
  /** It has deliveries that it must settle: what it says about them would wait behind what it publishes. */
  readonly owesSettlements: boolean;
}

export class SubscriberFlowControl {
  /** How often a publisher was stalled, and how often the wait was in vain. */
  stalled = 0;
  gaveUp = 0;
  /** How often a publisher waited for consumers of a queue. */
  paced = 0;
  /** Set by a publish that its publisher should wait after, for the session that publishes to look at and clear. */
  pending = false;
  /** The queue that it is ahead of; null where it was a direct subscriber. */
  private ahead: Queue | null = null;
  private readonly waiting = new Set<WaitingPublisher>();
  private readonly causes = new Set<Queue>();
  private readonly clock: Clock;
  private readonly timer = new Timer(() => this.giveUp());

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** A message was handed to the direct subscriber of this queue, and its connection is congested. */
  cause(queue: Queue): void {
    if (queue.slow) return;
    this.causes.add(queue);
    this.pending = true;
  }

  /**
   * A message was put into the last of these queues whose publishers are ahead of its consumers. Where it went into a queue
   * of a faster reader as well, nobody waits for the slower one.
   */
  behind(ahead: Queue, targets: readonly Queue[]): void {
    for (const target of targets) if (!target.ahead && target.consumers.length > 0) return;
    this.ahead = ahead;
    this.pending = true;
  }

  /** Whoever published this was not a client that could wait. */
  nobodyWaits(): void {
    this.pending = false;
    this.ahead = null;
  }

  /** Returns whether it waits: `released` follows. */
  wait(publisher: WaitingPublisher): boolean {
    const { ahead } = this;
    this.nobodyWaits();
    if (ahead?.ahead === true) {
      if (publisher.owesSettlements) return false;
      this.paced++;
      ahead.holdPublisher(publisher);
      return true;
    }
    if (this.causes.size === 0) return false;
    this.stalled++;
    if (this.waiting.size === 0) this.clock.schedule(this.timer, STALL_MS);
    this.waiting.add(publisher);
    return true;
  }

  forget(publisher: WaitingPublisher): void {
    this.waiting.delete(publisher);
  }

  /** The subscriber of this queue has room again, or is gone. */
  drained(queue: Queue): void {
    queue.slow = false;
    if (this.causes.delete(queue) && this.causes.size === 0) this.release();
  }

  private giveUp(): void {
    for (const queue of this.causes) queue.slow = true;
    this.gaveUp += this.causes.size;
    this.causes.clear();
    this.release();
  }

  private release(): void {
    this.clock.cancel(this.timer);
    const publishers = [...this.waiting];
    this.waiting.clear();
    for (const publisher of publishers) publisher.released();
  }
}
