/**
 * Deaths in a commit unit that is too long already: a transaction may reject a hundred thousand messages, each of which goes
 * to thousands of queues. That they have died is part of the unit; what they become follows in parts, in order, as it does for
 * those that must be read first. After a crash the next start does it.
 */
import type { Share } from '../../clock/work.ts';
import type { DeadLetter } from './pending-dead-letters.ts';

interface Home {
  readonly chores: Share;
  readonly inUnit: boolean;
}

export class DeferredDeadLetters {
  private letters: DeadLetter[] = [];
  private done = 0;
  private readonly home: Home;
  private readonly deliver: (letter: DeadLetter) => void;

  constructor(home: Home, deliver: (letter: DeadLetter) => void) {
    this.home = home;
    this.deliver = deliver;
  }

  /** Who dies now, is buried later: the time is up, or others are before it. */
  get mustWait(): boolean {
    return this.home.inUnit && (this.letters.length > 0 || this.home.chores.work.over);
  }

  add(letter: DeadLetter): void {
    if (this.letters.push(letter) === 1) this.home.chores.run(() => this.step());
  }

  /** The broker stops: whoever is not buried yet stays dying, which the next start carries out. */
  stop(): void {
    this.done = this.letters.length;
  }

  private step(): boolean {
    const { letters } = this;
    const { work } = this.home.chores;
    while (this.done < letters.length) {
      const letter = letters[this.done++]!;
      if (!letter.queue.deleted) this.deliver(letter);
      if (work.over) return false;
    }
    this.letters = [];
    this.done = 0;
    return true;
  }
}
