/**
 * Dead letters that nobody takes for now: every queue they lead to is full and refuses. What they were stays dying in its
 * queue, through a restart as well, and is tried again until there is room; it counts neither as dropped nor as delivered.
 *
 * So many may wait, since each is in memory. Then queues with a dead-letter exchange hand out nothing, so that nothing more can be rejected there, and
 * what has expired in them stays, until there is room. What cannot stay is dropped then, counted: the oldest of too many, and what dies in
 * a queue that refuses publishers, for which others may be waiting.
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Decision } from '../../settlement/decide.ts';

const AGAIN_MS = 1000;
/** Tried in one go at most. */
const AT_ONCE = 1000;
/** Some 250 bytes each. What consumers hold when there are so many may come on top. */
export const WAITING_MAX = 500_000;
/** Of those that lie in memory themselves. */
export const WAITING_BYTES_MAX = 64 * 1024 * 1024;

export interface WaitingBounds {
  readonly messages: number;
  /** Bytes of those that are not on the disk. */
  readonly bytes: number;
}

export interface DeadLetter {
  readonly queue: Queue;
  readonly seq: number;
  readonly flags: number;
  readonly decision: Decision;
}

interface Waiting {
  readonly letter: DeadLetter;
  readonly bytes: number;
}

export class PendingDeadLetters {
  /** Bytes of those that are not on the disk. */
  bytes = 0;
  /** Those on their way: being read from the disk, or put off until there is time. What each becomes is known behind that. */
  private underway = 0;
  /** Those before `next` have been tried. */
  private letters: Waiting[] = [];
  private next = 0;
  /** Queues that stand still until there is room. */
  private readonly held = new Set<Queue>();
  private readonly clock: Clock;
  private readonly deliver: (letter: DeadLetter) => void;
  private readonly max: WaitingBounds;
  private readonly onHeld: (held: boolean) => void;
  private readonly timer = new Timer(() => this.tryAgain());

  /**
   * @param deliver carries the death out, or adds it again
   * @param onHeld told when the first queue stands still, and when none does any more
   */
  constructor(
    clock: Clock,
    deliver: (letter: DeadLetter) => void,
    max: WaitingBounds = { messages: WAITING_MAX, bytes: WAITING_BYTES_MAX },
    onHeld: (held: boolean) => void = () => {},
  ) {
    this.onHeld = onHeld;
    this.clock = clock;
    this.deliver = deliver;
    this.max = max;
  }

  get size(): number {
    return this.letters.length - this.next;
  }

  /** No more may wait. Those on their way are in memory as well, and may find no room when they are there. */
  get full(): boolean {
    return this.size + this.underway >= this.max.messages || this.bytes >= this.max.bytes;
  }

  /** One more is on its way. */
  left(): void {
    this.underway++;
  }

  /** One has come: it is carried out next, or has gone with its queue. */
  arrived(): void {
    this.underway--;
  }

  get heldQueues(): number {
    return this.held.size;
  }

  /** The queue is woken when there is room again. */
  awaitRoom(queue: Queue): void {
    if (this.held.size === 0) this.onHeld(true);
    this.held.add(queue);
  }

  /** @param bytes of it that are in memory */
  add(letter: DeadLetter, bytes = 0): void {
    this.letters.push({ letter, bytes });
    this.bytes += bytes;
    if (!this.timer.scheduled) this.clock.schedule(this.timer, AGAIN_MS);
  }

  private tryAgain(): void {
    for (let left = Math.min(AT_ONCE, this.size); left > 0; left--) {
      const { letter, bytes } = this.letters[this.next++]!;
      this.bytes -= bytes;
      if (!letter.queue.deleted) this.deliver(letter);
    }
    if (this.next * 2 >= this.letters.length) {
      this.letters = this.letters.slice(this.next);
      this.next = 0;
    }
    this.tellRoom();
    if (this.size > 0) this.clock.schedule(this.timer, AGAIN_MS);
  }

  /**
   * After `arrived`, and what followed of it: queues that stand still for those on their way alone go on once there is much room, so that they
   * do not stop and go with each of them. While some wait for room the next try tells.
   */
  tellArrived(): void {
    if (this.size === 0 && this.underway * 2 <= this.max.messages) this.tellRoom();
  }

  private tellRoom(): void {
    if (this.held.size === 0 || this.full) return;
    const held = [...this.held];
    this.held.clear();
    this.onHeld(false);
    for (const queue of held) queue.roomForDeadLetters();
  }

  stop(): void {
    this.clock.cancel(this.timer);
  }
}
