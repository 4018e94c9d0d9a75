/**
 * Fast publishers and direct subscribers that lag a little behind.
 *
 * A subscriber whose connection is congested stalls those who publish to it, until it has drained or `STALL_MS` have
 * passed. In the second case it counts as slow: nobody waits for it again before it has drained, and what it has no room
 * for is dropped. So a burst loses nothing, and a subscriber that has stopped reading costs its publishers one short pause.
 */
import { type Clock, Timer } from '../clock/clock.ts';
import type { Queue } from '../queue/queue.ts';

const STALL_MS = 20;

/** A publisher that can be made to wait. */
export interface Stallable {
  unstalled(): void;
}

export class Stalls {
  /** How often a publisher was stalled, and how often the wait was in vain. */
  stalled = 0;
  gaveUp = 0;
  /** Set by a publish to a congested subscriber, for the session that publishes to look at and clear. */
  pending = false;
  private readonly waiting = new Set<Stallable>();
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

  wait(publisher: Stallable): void {
    this.pending = false;
    this.stalled++;
    if (this.waiting.size === 0) this.clock.schedule(this.timer, STALL_MS);
    this.waiting.add(publisher);
  }

  forget(publisher: Stallable): void {
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
    for (const publisher of publishers) publisher.unstalled();
  }
}
