/**
 * Dead letters that nobody takes for now: every queue they lead to is full and refuses. What they were stays dying in its
 * queue, through a restart as well, and is tried again until there is room; it counts neither as dropped nor as delivered.
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Decision } from '../../settlement/decide.ts';

const AGAIN_MS = 1000;
/** Tried in one go at most. */
const AT_ONCE = 1000;

export interface DeadLetter {
  readonly queue: Queue;
  readonly seq: number;
  readonly flags: number;
  readonly decision: Decision;
}

export class PendingDeadLetters {
  private letters: DeadLetter[] = [];
  private readonly clock: Clock;
  private readonly deliver: (letter: DeadLetter) => void;
  private readonly timer = new Timer(() => this.tryAgain());

  /** @param deliver carries the death out, or adds it again */
  constructor(clock: Clock, deliver: (letter: DeadLetter) => void) {
    this.clock = clock;
    this.deliver = deliver;
  }

  get size(): number {
    return this.letters.length;
  }

  add(letter: DeadLetter): void {
    this.letters.push(letter);
    if (!this.timer.scheduled) this.clock.schedule(this.timer, AGAIN_MS);
  }

  private tryAgain(): void {
    const some = this.letters.slice(0, AT_ONCE);
    this.letters = this.letters.slice(AT_ONCE);
    for (const letter of some) if (!letter.queue.deleted) this.deliver(letter);
    if (this.letters.length > 0) this.clock.schedule(this.timer, AGAIN_MS);
  }

  stop(): void {
    this.clock.cancel(this.timer);
  }
}
