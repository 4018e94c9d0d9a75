/**
 * Dead letters of a commit unit that is too long already, put off until after it: a transaction may reject a hundred thousand messages, each of which goes
 * to thousands of queues. That they have died is part of the unit; what they become follows in parts, in order, as it does for
 * those that must be read first. After a crash the next start does it.
 */
import type { Share } from '../../clock/work.ts';
import type { CommitUnits } from '../commit-units.ts';
import type { DeadLetter, PendingDeadLetters } from './pending-dead-letters.ts';

export class DeferredDeadLetters {
  private letters: DeadLetter[] = [];
  private done = 0;
  private readonly chores: Share;
  private readonly units: Pick<CommitUnits, 'open'>;
  private readonly pending: Pick<PendingDeadLetters, 'left' | 'arrived' | 'tellArrived'>;
  private readonly deliver: (letter: DeadLetter) => void;

  /**
   * @param pending counts them among those that wait
   * @param deliver carries a death out
   */
  constructor(
    chores: Share,
    units: Pick<CommitUnits, 'open'>,
    pending: Pick<PendingDeadLetters, 'left' | 'arrived' | 'tellArrived'>,
    deliver: (letter: DeadLetter) => void,
  ) {
    this.chores = chores;
    this.units = units;
    this.pending = pending;
    this.deliver = deliver;
  }

  /** What dies now is carried out later: the time is up, or others are before it. */
  get mustWait(): boolean {
    return this.units.open && (this.letters.length > 0 || this.chores.work.over);
  }

  add(letter: DeadLetter): void {
    this.pending.left();
    if (this.letters.push(letter) === 1) this.chores.run(() => this.step());
  }

  /** The broker stops: what is not carried out yet stays dying, and the next start goes on with it. */
  stop(): void {
    this.done = this.letters.length;
  }

  private step(): boolean {
    const { letters } = this;
    const { work } = this.chores;
    while (this.done < letters.length) {
      const letter = letters[this.done++]!;
      this.pending.arrived();
      if (!letter.queue.deleted) this.deliver(letter);
      if (work.over) return false;
    }
    this.letters = [];
    this.done = 0;
    this.pending.tellArrived();
    return true;
  }
}
