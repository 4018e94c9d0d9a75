/**
 * Messages that may not be delivered before they are safe: exactly-once ones. They have their numbers and references
 * already; their queues get them when the flush that covers them is on the disk.
 */
import type { Mark } from '../api.ts';
import type { MessageStore } from '../queue/message-store.ts';
import type { Queue } from '../queue/queue.ts';

interface Held {
  readonly mark: Mark;
  readonly queue: Queue;
  readonly seq: number;
  readonly word: number;
}

export class HeldBack {
  private held: Held[] = [];

  add(mark: Mark, queue: Queue, seq: number, word: number): void {
    this.held.push({ mark, queue, seq, word });
  }

  /** Everything up to `mark` is on the disk. */
  release(mark: Mark, store: MessageStore): void {
    let n = 0;
    while (n < this.held.length && this.held[n]!.mark <= mark) {
      const { queue, seq, word } = this.held[n++]!;
      if (queue.deleted) store.release(seq, word);
      else queue.push(seq, word);
    }
    if (n > 0) this.held.splice(0, n);
  }
}
