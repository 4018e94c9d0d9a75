/**
 * What waits in a queue with priorities: a row for each level that is in use, the highest first.
 *
 * ```
 * level 9   returned, positions ──▶ first to go
 * level 4   returned, positions
 * level 0   returned, positions ──▶ last
 * ```
 *
 * The level lies in the bits of the flags that other queues use for subscription data, so that it goes wherever the flags
 * goes: held deliveries, chunks, the log. Within a level the order is that of a queue without levels.
 */

import { levelOf } from '../entry-flags.ts';
import type { Chunk } from '../positions/packed-positions.ts';
import type { Slab } from '../positions/position-arena.ts';
import { Positions } from '../positions/positions.ts';
import { Returned } from '../positions/returned-positions.ts';
import { Holed } from '../positions/sparse-positions.ts';

/** What waits in a queue, with levels or without. */
export type Waiting = Pick<
  Positions,
  | 'length'
  | 'push'
  | 'headSeq'
  | 'headFlags'
  | 'lastSeq'
  | 'shift'
  | 'forEach'
  | 'forEachIn'
  | 'forEachChunk'
  | 'clear'
  | 'adopt'
  | 'bury'
  | 'amend'
  | 'compact'
>;

interface Row {
  readonly positions: Positions | Holed;
  readonly returned: Returned;
}

export class Levels implements Waiting {
  length = 0;
  private readonly slab: Slab;
  private readonly rows: (Row | undefined)[] = [];
  /** Messages are taken from the middle. */
  private holed = false;
  /** The highest level that has something; -1 when empty. */
  private top = -1;

  constructor(slab: Slab) {
    this.slab = slab;
  }

  /** New ones and those that come back alike: each finds its place in its level. */
  push(seq: number, flags: number): void {
    const level = levelOf(flags);
    const row = this.row(level);
    if (seq > row.positions.lastSeq()) row.positions.push(seq, flags);
    else row.returned.add(seq, flags);
    this.length++;
    if (level > this.top) this.top = level;
  }

  private row(level: number): Row {
    let row = this.rows[level];
    if (row === undefined) {
      const positions = new Positions(this.slab);
      row = { positions: this.holed ? new Holed(positions) : positions, returned: new Returned() };
      this.rows[level] = row;
    }
    return row;
  }

  headSeq(): number {
    const { positions, returned } = this.rows[this.top]!;
    return returnedFirst(positions, returned) ? returned.headSeq() : positions.headSeq();
  }

  headFlags(): number {
    const { positions, returned } = this.rows[this.top]!;
    return returnedFirst(positions, returned) ? returned.headFlags() : positions.headFlags();
  }

  /** Whatever comes finds its own place. */
  lastSeq(): number {
    return 0;
  }

  shift(): void {
    const { positions, returned } = this.rows[this.top]!;
    if (returnedFirst(positions, returned)) returned.shift();
    else positions.shift();
    this.length--;
    this.settleTop();
  }

  private settleTop(): void {
    while (this.top >= 0) {
      const row = this.rows[this.top];
      if (row !== undefined && row.positions.length + row.returned.length > 0) return;
      this.top--;
    }
  }

  forEach(visit: (seq: number, flags: number) => void): void {
    for (const row of this.inUse()) {
      row.returned.forEach(visit);
      row.positions.forEach(visit);
    }
  }

  forEachIn(first: number, last: number, visit: (seq: number, flags: number) => void): void {
    for (const row of this.inUse()) row.positions.forEachIn(first, last, visit);
  }

  /** Level by level, the highest first; in order within each. */
  forEachChunk(visit: (chunk: Chunk) => void): void {
    for (const row of this.inUse()) row.positions.forEachChunk(visit);
  }

  /** Those that came back: they are in no chunk, and in no order with them. */
  forEachReturned(visit: (seq: number, flags: number) => void): void {
    for (const row of this.inUse()) row.returned.forEach(visit);
  }

  private *inUse(): Generator<Row> {
    for (let level = this.rows.length - 1; level >= 0; level--) {
      const row = this.rows[level];
      if (row !== undefined) yield row;
    }
  }

  clear(): void {
    for (const row of this.inUse()) row.positions.clear();
    this.rows.length = 0;
    this.length = 0;
    this.top = -1;
  }

  // -------------------------------------------------------------------------------------------- from the middle

  /** From now on messages are taken from the middle, too. */
  makeHoles(): void {
    this.holed = true;
    for (const [level, row] of this.rows.entries()) {
      if (row?.positions instanceof Positions) this.rows[level] = { ...row, positions: new Holed(row.positions) };
    }
  }

  /** Those in use, the highest first. */
  levels(): number[] {
    const levels: number[] = [];
    for (let level = this.rows.length - 1; level >= 0; level--) if (this.rows[level] !== undefined) levels.push(level);
    return levels;
  }

  readAfter(level: number, after: number, max: number, visit: (seq: number, flags: number) => void): void {
    this.rows[level]!.positions.readAfter(after, max, visit);
  }

  readReturned(level: number, after: number, max: number, visit: (seq: number, flags: number) => void): void {
    this.rows[level]!.returned.readAfter(after, max, visit);
  }

  takeOut(seq: number, flags: number): boolean {
    const row = this.rows[levelOf(flags)];
    if (row === undefined) return false;
    const { positions, returned } = row;
    const out = (positions instanceof Holed && positions.takeOut(seq)) || (returned.length > 0 && returned.bury(seq));
    if (out) {
      this.length--;
      this.settleTop();
    }
    return out;
  }

  // ---------------------------------------------------------------------------------------------------- recovery

  /** All of a chunk is of one level: it was made of one row. */
  adopt(chunk: Chunk): void {
    this.row(levelOf(chunk.flagRuns[1]!)).positions.adopt(chunk);
    this.recount();
  }

  bury(seq: number): boolean {
    for (const row of this.inUse()) {
      if (!row.positions.bury(seq) && (row.returned.length === 0 || !row.returned.bury(seq))) continue;
      this.recount();
      return true;
    }
    return false;
  }

  amend(seq: number, flags: number): boolean {
    const row = this.row(levelOf(flags));
    if (!row.positions.amend(seq, flags)) row.returned.amend(seq, flags);
    return true;
  }

  compact(bits: number): void {
    for (const row of this.inUse()) {
      row.positions.compact(bits);
      if (bits !== 0) row.returned.mark(bits);
    }
    this.recount();
  }

  private recount(): void {
    this.length = 0;
    for (const row of this.inUse()) this.length += row.positions.length + row.returned.length;
    this.top = this.rows.length - 1;
    this.settleTop();
  }
}

function returnedFirst(positions: Waiting, returned: Returned): boolean {
  return returned.length > 0 && (positions.length === 0 || returned.headSeq() < positions.headSeq());
}
