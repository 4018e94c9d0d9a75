/**
 * How long consumers may hold a delivery, watched without noting anything for a delivery: deliveries are numbered in their order, so the
 * number that was the highest at a moment tells everything that has been held since then.
 *
 * ```
 *  tick      1      2      3    …    n
 *  highest  10     25     31         90      the limit has passed since tick 1: what is numbered 1 to 10 and still held is overdue
 * ```
 *
 * So nothing is ever overdue early, and nothing more than a sixteenth of the limit late.
 */
import type { OverdueReason } from '../../api/consume.ts';

/** A limit is looked at so often at least while it runs. */
const LOOKS_PER_LIMIT = 32;
/** … and not more often than this; the clock's own resolution. */
export const TICK_MIN_MS = 20;

/** Ticks are powers of two, so that all limits of a vhost share a few timers. Milliseconds. */
export function tickOf(limitMs: number): number {
  let tick = TICK_MIN_MS;
  while (tick * 2 * LOOKS_PER_LIMIT <= limitMs) tick *= 2;
  return tick;
}

interface Note {
  readonly atMs: number;
  /** The highest number given by then. */
  readonly order: number;
}

/** One limit of one queue, shared by its consumers that have it. */
export class HoldWatch {
  readonly limitMs: number;
  readonly why: OverdueReason;
  /** Attached consumers that have this limit. */
  users = 0;
  /** What has a number up to this one has been held for too long; 0: nothing. */
  overdue = 0;
  private readonly noteMs: number;
  private readonly notes: Note[] = [];

  constructor(limitMs: number, why: OverdueReason) {
    this.limitMs = limitMs;
    this.why = why;
    this.noteMs = limitMs / (2 * LOOKS_PER_LIMIT);
  }

  /** Sets `overdue`. @param order the highest number given so far */
  tick(nowMs: number, order: number): void {
    const { notes } = this;
    const last = notes.at(-1);
    if (last === undefined || nowMs - last.atMs >= this.noteMs) notes.push({ atMs: nowMs, order });
    this.overdue = 0;
    while (notes.length > 0 && nowMs - notes[0]!.atMs >= this.limitMs) this.overdue = notes.shift()!.order;
  }

  /** Nothing is held. */
  clear(): void {
    this.notes.length = 0;
    this.overdue = 0;
  }
}
