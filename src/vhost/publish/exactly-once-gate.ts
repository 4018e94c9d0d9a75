/**
 * Holds exactly-once messages until they are safe: only then may they be delivered. They have their numbers and references
 * already; their queues get them when the flush that covers them is on the disk.
 */
import type { Mark } from '../../api/confirms.ts';
import type { Queue } from '../../queue/queue.ts';

interface Held {
  readonly mark: Mark;
  readonly queue: Queue;
  readonly seq: number;
}

export class ExactlyOnceGate {
  private held: Held[] = [];

  add(mark: Mark, queue: Queue, seq: number, flags: number): void {
    queue.contents.park(seq, flags);
    this.held.push({ mark, queue, seq });
  }

  /** Everything up to `mark` is on the disk. */
  release(mark: Mark): void {
    let n = 0;
    while (n < this.held.length && this.held[n]!.mark <= mark) {
      const { queue, seq } = this.held[n++]!;
      queue.contents.admit(seq);
    }
    if (n > 0) this.held.splice(0, n);
  }
}
