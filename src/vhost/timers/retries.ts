/**
 * The times of retries: which message is to be tried again when. The messages stay parked in their queues; here are their times, for all queues of a vhost:
 * one heap, one timer. A restart finds the times in the log.
 *
 * So many may wait, since each is in memory: then queues whose messages are tried again later hand out nothing until there is room, so
 * that no more can fail. Nothing is lost or tried early for it.
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import type { Work } from '../../clock/work.ts';
import type { Queue } from '../../queue/queue.ts';
import { DueHeap } from './due-heap.ts';

/** The wall clock may be set: nothing is waited for longer than this without a look at it. */
const WAIT_MAX_MS = 60_000;
/** So many entries may be without a meaning, or half of all. */
const STALE_MAX = 1_000;

/** Messages that wait: some 150 bytes each. What consumers hold by then may come on top. */
const RETRYING_MAX = 1_000_000;

export class Retries {
  private heap = new DueHeap();
  /** Entries that nobody awaits, of those that were asked for before their time. */
  private stale = 0;
  private readonly queuesById: ReadonlyMap<number, Queue>;
  private readonly clock: Clock;
  private readonly work: Work;
  private readonly max: number;
  private readonly onHeld: (held: boolean) => void;
  /** Queues that hand out nothing until there is room. */
  private readonly held = new Set<Queue>();
  private readonly timer = new Timer(() => this.release());

  /**
   * @param max messages that may wait
   * @param onHeld told when the first queue stands still, and when none does any more
   */
  constructor(
    clock: Clock,
    work: Work,
    queuesById: ReadonlyMap<number, Queue>,
    max = RETRYING_MAX,
    onHeld: (held: boolean) => void = () => {},
  ) {
    this.onHeld = onHeld;
    this.max = max;
    this.work = work;
    this.clock = clock;
    this.queuesById = queuesById;
  }

  /** Messages that wait to be tried again, those of deleted queues among them until their time. */
  get size(): number {
    return this.heap.size;
  }

  /** No more may wait. */
  get full(): boolean {
    return this.heap.size >= this.max;
  }

  /** Queues that wait for room. */
  get heldQueues(): number {
    return this.held.size;
  }

  /** The queue is woken when there is room again. */
  awaitRoom(queue: Queue): void {
    if (this.held.size === 0) this.onHeld(true);
    this.held.add(queue);
  }

  private tellRoom(): void {
    if (this.held.size === 0 || this.full) return;
    const held = [...this.held];
    this.held.clear();
    this.onHeld(false);
    for (const queue of held) queue.roomForRetries();
  }

  add(queue: Queue, seq: number, dueMs: number): void {
    const earlier = this.heap.size === 0 || dueMs < this.heap.due;
    this.heap.add(dueMs, seq, queue.id);
    if (earlier) this.arm();
  }

  /** One is not awaited any more; its entry stays until its time, unless there are too many of that kind. */
  abandoned(): void {
    if (++this.stale < STALE_MAX || this.stale * 2 < this.heap.size) return;
    const { dues, seqs, tags } = this.heap.snapshot();
    this.heap = new DueHeap();
    this.stale = 0;
    for (let i = 0; i < seqs.length; i++) {
      const contents = this.queuesById.get(tags[i]!)?.contents;
      if (contents?.isTriedAt(seqs[i]!, dues[i]!) === true) this.heap.add(dues[i]!, seqs[i]!, tags[i]!);
    }
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
    this.tellRoom();
    if (heap.size > 0) this.arm();
  }

  stop(): void {
    this.clock.cancel(this.timer);
  }
}
