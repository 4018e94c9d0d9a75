/**
 * Notices to a client that are no replies (basic.cancel), in their place behind the reply to the method that has caused them:
 * they go out at the end of the turn, or as soon as a reply that waits for the log is out.
 */
import { PHASE_GATHER, type Turn, type TurnTask } from '../../../src/api/index.ts';

export class Notices implements TurnTask {
  inTurn = false;
  private waiting: (() => void)[] = [];
  /** A reply is awaited: nothing is told before it. */
  private held = false;
  private readonly turn: Turn;

  constructor(turn: Turn) {
    this.turn = turn;
  }

  add(tell: () => void): void {
    this.waiting.push(tell);
    this.turn.add(PHASE_GATHER, this);
  }

  /** A reply has to wait. */
  hold(): void {
    this.held = true;
  }

  /** A method has been replied to. */
  replied(): void {
    this.held = false;
    if (this.waiting.length > 0) this.endOfTurn();
  }

  endOfTurn(): void {
    if (this.held) return;
    const waiting = this.waiting;
    this.waiting = [];
    for (const tell of waiting) tell();
  }
}
