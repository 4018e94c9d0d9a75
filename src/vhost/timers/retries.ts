/**
 * The times of retries: which message is to be tried again when. The messages stay parked in their queues; here are their times, for all queues of a vhost:
 * one heap, one timer. A restart finds the times in the log.
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import type { Work } from '../../clock/work.ts';
import type { Queue } from '../../queue/queue.ts';
import { DueHeap } from './due-heap.ts';

/** The wall clock may be set: nothing is waited for longer than this without a look at it. */
const WAIT_MAX_MS = 60_000;

export class Retries {
  private readonly heap = new DueHeap();
  private readonly queuesById: ReadonlyMap<number, Queue>;
  private readonly clock: Clock;
  private readonly work: Work;
  private readonly timer = new Timer(() => this.release());

  constructor(clock: Clock, work: Work, queuesById: ReadonlyMap<number, Queue>) {
    this.work = work;
    this.clock = clock;
    this.queuesById = queuesById;
  }

  /** Messages that wait to be tried again, those of deleted queues among them until their time. */
  get size(): number {
    return this.heap.size;
  }

  add(queue: Queue, seq: number, dueMs: number): void {
    const earlier = this.heap.size === 0 || dueMs < this.heap.due;
    this.heap.add(dueMs, seq, queue.id);
    if (earlier) this.arm();
  }

  private arm(): void {
    const waitMs = Math.min(WAIT_MAX_MS, this.heap.due - this.clock.epochMs());
    this.clock.schedule(this.timer, Math.max(0, waitMs));
  }

  private release(): void {
    const { heap } = this;
    const nowMs = this.clock.epochMs();
    while (heap.size > 0 && heap.due <= nowMs) {
      const { due, seq, tag } = heap;
      heap.shift();
      this.queuesById.get(tag)?.contents.retry(seq, due);
      this.work.spend(2);
      if (this.work.over) break; // the rest at the clock's next tick
    }
    if (heap.size > 0) this.arm();
  }

  stop(): void {
    this.clock.cancel(this.timer);
  }
}
