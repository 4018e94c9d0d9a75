/** The time, asked once a turn. */
import type { Clock } from './clock.ts';
import { PHASE_GATHER, type Turn, type TurnTask } from './turn.ts';

/** The time at which this turn first asked: a message's time of arrival needs no finer one. */
export class TurnClock implements TurnTask {
  inTurn = false;
  private nowMs = 0;
  private sinceMs = -1;
  private readonly clock: Clock;
  private readonly turn: Turn;

  constructor(clock: Clock, turn: Turn) {
    this.clock = clock;
    this.turn = turn;
  }

  /** Milliseconds since the epoch. */
  epochMs(): number {
    if (this.nowMs === 0) {
      this.nowMs = this.clock.epochMs();
      this.turn.add(PHASE_GATHER, this);
    }
    return this.nowMs;
  }

  /** Milliseconds of a clock that only goes forward. */
  monotonicMs(): number {
    if (this.sinceMs < 0) {
      this.sinceMs = this.clock.monotonicMs();
      this.turn.add(PHASE_GATHER, this);
    }
    return this.sinceMs;
  }

  endOfTurn(): void {
    this.nowMs = 0;
    this.sinceMs = -1;
  }
}
