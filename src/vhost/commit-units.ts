/**
 * Commit units of the log, and the settlements of a turn, which become one record a queue: what becomes durable together.
 * What is appended between `begin` and `end` is there after a crash as a whole, or not at all.
 */
import { MARK_NOW, MARK_REFUSED, type Mark } from '../api/confirms.ts';
import { PHASE_GATHER, type Turn, type TurnTask } from '../clock/turn.ts';
import type { Log } from '../log/log.ts';

/** A queue that gathers settlements. */
export interface Settling {
  /** What it writes tells of what others write, and is there with that or not at all. Default: it stands by itself. */
  readonly tells?: boolean;
  flushSettled(): void;
}

export class CommitUnits implements TurnTask {
  inTurn = false;
  private readonly log: Log;
  private readonly turn: Turn;
  private depth = 0;
  /** Queues that have settlements to log. */
  private readonly gathering: Settling[] = [];

  constructor(log: Log, turn: Turn) {
    this.log = log;
    this.turn = turn;
  }

  /** This queue has begun to gather settlements: they are written at the turn's end, or with the next mark or unit. */
  settling(queue: Settling): void {
    this.gathering.push(queue);
    this.turn.add(PHASE_GATHER, this);
  }

  endOfTurn(): void {
    this.flushSettled();
  }

  /** Writes all settlements gathered so far. */
  flushSettled(): void {
    const { gathering, log } = this;
    if (gathering.length === 0) return;
    const together = gathering.length > 1 && gathering.some(({ tells }) => tells === true);
    if (together) log.beginUnit();
    try {
      for (const queue of gathering) queue.flushSettled();
      gathering.length = 0;
    } finally {
      if (together) log.endUnit();
    }
  }

  /** The mark that covers everything asked for until now. */
  mark(): Mark {
    this.flushSettled();
    if (this.log.failed !== undefined) return MARK_REFUSED;
    return this.log.unsyncedBytes > 0 ? this.log.mark : MARK_NOW;
  }

  /** What happens now is part of a unit. */
  get open(): boolean {
    return this.depth > 0;
  }

  /** Units do not nest: the outer one counts. */
  begin(): void {
    if (this.depth++ === 0) {
      this.flushSettled(); // what other clients settled is no part of it
      this.log.beginUnit();
    }
  }

  /** Returns the mark that covers the unit. */
  end(): Mark {
    if (this.depth === 1) {
      this.flushSettled();
      this.log.endUnit();
    }
    this.depth--;
    return this.mark();
  }
}
