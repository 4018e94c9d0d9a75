/**
 * What happens once at the end of an event-loop turn, however many messages the turn moved.
 *
 * Three phases in a fixed order, because each feeds the next: what was gathered is appended to the log (`gather`), the
 * log starts its flush (`flush`), every connection that has bytes writes them (`write`). Work that a phase adds to its
 * own or a later phase is done in the same pass; work for an earlier phase waits for the next turn.
 */
import type { Clock } from './clock.ts';

export interface TurnTask {
  /** True while it waits in a turn; `Turn.add` uses it so that a task is listed once. */
  inTurn: boolean;
  endOfTurn(): void;
}

export const PHASE_GATHER = 0;
export const PHASE_FLUSH = 1;
export const PHASE_WRITE = 2;
export type Phase = 0 | 1 | 2;

export class Turn {
  private readonly phases: TurnTask[][] = [[], [], []];
  private armed = false;
  private readonly run = (): void => this.end();

  add(phase: Phase, task: TurnTask): void {
    if (task.inTurn) return;
    task.inTurn = true;
    this.phases[phase]!.push(task);
    if (!this.armed) {
      this.armed = true;
      setImmediate(this.run);
    }
  }

  /** Runs the three phases now. A broker's turn ends by itself; tests and `close` call it. */
  end(): void {
    this.armed = true; // what is added while running is picked up below or armed for the next turn
    for (const tasks of this.phases) {
      for (let i = 0; i < tasks.length; i++) {
        const task = tasks[i]!;
        task.inTurn = false;
        task.endOfTurn();
      }
      tasks.length = 0;
    }
    this.armed = false;
    if (this.phases.some((tasks) => tasks.length > 0)) {
      this.armed = true;
      setImmediate(this.run);
    }
  }
}

/** The time of day, asked once a turn: a message's time of arrival needs no finer one. */
export class TurnClock implements TurnTask {
  inTurn = false;
  private nowMs = 0;
  private readonly clock: Clock;
  private readonly turn: Turn;

  constructor(clock: Clock, turn: Turn) {
    this.clock = clock;
    this.turn = turn;
  }

  epochMs(): number {
    if (this.nowMs === 0) {
      this.nowMs = this.clock.epochMs();
      this.turn.add(PHASE_GATHER, this);
    }
    return this.nowMs;
  }

  endOfTurn(): void {
    this.nowMs = 0;
  }
}
