/** Slices of the broker's own long work: short, and one a turn, so that clients do not wait for it. */
import { PHASE_GATHER, PHASE_WRITE, type Turn, type TurnTask } from './turn.ts';

export class Slices implements TurnTask {
  inTurn = false;
  private readonly turn: Turn;
  /** Does a little; true when all is done. */
  private step: () => boolean;
  private running = false;
  /** A task of an earlier phase that is added in a later one waits for the next turn. */
  private readonly again: TurnTask = {
    inTurn: false,
    endOfTurn: () => this.turn.add(PHASE_GATHER, this),
  };

  constructor(turn: Turn, step: () => boolean) {
    this.turn = turn;
    this.step = step;
  }

  start(): void {
    this.running = true;
    this.turn.add(PHASE_WRITE, this.again);
  }

  /** Does all that is left, now. */
  finish(): void {
    while (this.running) this.slice();
  }

  endOfTurn(): void {
    if (!this.running) return;
    this.slice();
    if (this.running) this.turn.add(PHASE_WRITE, this.again);
  }

  private slice(): void {
    if (this.step()) this.running = false;
  }
}
