/**
 * Deadlines by name, and one timer for all of them: when sessions end, when wills are due. A hundred thousand cost an entry
 * in a heap each, and nothing while none is due. Those that are due together have their turns as any work has.
 *
 *     set      (again: moves it)
 *     clear
 *     due      called once a deadline has passed; it is forgotten before
 */
import { type Clock, type Share, Timer } from '../../../src/api/index.ts';

/** The timer looks again after this long at the latest, so that a clock that is set forward is noticed. */
const LOOK_AGAIN_MS = 60_000;

interface Deadline {
  readonly name: string;
  /** Epoch milliseconds. */
  readonly atMs: number;
}

export class Deadlines {
  /** A binary heap, the earliest first. What `current` does not know any more is passed over. */
  private heap: Deadline[] = [];
  private readonly current = new Map<string, Deadline>();
  private readonly timer: Timer;
  private readonly clock: Clock;
  private readonly share: Share;
  private firing = false;
  private readonly due: (name: string) => void;

  constructor(clock: Clock, share: Share, due: (name: string) => void) {
    this.clock = clock;
    this.share = share;
    this.due = due;
    this.timer = new Timer(() => this.fire());
  }

  get size(): number {
    return this.current.size;
  }

  set(name: string, atMs: number): void {
    const deadline: Deadline = { name, atMs };
    this.current.set(name, deadline);
    this.push(deadline);
    if (this.heap.length > 64 && this.heap.length > 4 * this.current.size) this.sweep();
    if (this.heap[0] === deadline) this.arm();
  }

  clear(name: string): void {
    this.current.delete(name);
  }

  /** Forgets all of them. */
  close(): void {
    this.current.clear();
    this.heap = [];
    this.clock.cancel(this.timer);
  }

  private fire(): void {
    if (this.firing) return;
    this.firing = true;
    this.share.run(
      () => this.fireSome(),
      () => {
        this.firing = false;
        this.arm();
      },
    );
  }

  /** Some of those that are due; true when none is left. */
  private fireSome(): boolean {
    const { share } = this;
    const nowMs = this.clock.epochMs();
    while (this.heap.length > 0 && this.heap[0]!.atMs <= nowMs) {
      const deadline = this.pop();
      if (this.current.get(deadline.name) !== deadline) continue;
      this.current.delete(deadline.name);
      this.due(deadline.name);
      share.work.checkTime();
      if (share.work.over) return false;
    }
    return true;
  }

  private arm(): void {
    const first = this.heap[0];
    if (first === undefined) this.clock.cancel(this.timer);
    else this.clock.schedule(this.timer, Math.min(LOOK_AGAIN_MS, Math.max(0, first.atMs - this.clock.epochMs())));
  }

  /** Forgets what was cleared or moved. */
  private sweep(): void {
    this.heap = [...this.current.values()].sort((a, b) => a.atMs - b.atMs);
  }

  private push(deadline: Deadline): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(deadline);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.atMs <= deadline.atMs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = deadline;
  }

  private pop(): Deadline {
    const { heap } = this;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child++;
      if (heap[child]!.atMs >= last.atMs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
