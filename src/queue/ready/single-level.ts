/** The ready messages of a queue without priorities, or of one level of a queue that has them. */
import type { QueueEntryFlags, VisitEntry } from '../entry-flags.ts';
import type { Chunk } from '../positions/packed-positions.ts';
import type { PositionArena } from '../positions/position-arena.ts';
import { Positions } from '../positions/positions.ts';
import { ReturnedPositions } from '../positions/returned-positions.ts';
import { SparsePositions } from '../positions/sparse-positions.ts';
import { NOT_AT_HEAD, type ReadyMessages } from './ready-messages.ts';

/** Shared by all that nothing has come back to, and never written to. */
const NO_RETURNED = new ReturnedPositions();
const ONE_LEVEL: readonly number[] = [0];

export class SingleLevel implements ReadyMessages {
  /** Those that were never handed out. */
  private positions: Positions | SparsePositions;
  private returned = NO_RETURNED;

  constructor(arena: PositionArena) {
    this.positions = new Positions(arena);
  }

  get length(): number {
    return this.positions.length + this.returned.length;
  }

  push(seq: number, flags: QueueEntryFlags): void {
    if (seq > this.positions.lastSeq()) this.positions.push(seq, flags);
    else this.giveBack(seq, flags);
  }

  pushRun(first: number, count: number, flags: QueueEntryFlags): void {
    const { positions } = this;
    if (first > positions.lastSeq() && positions instanceof Positions) positions.pushRun(first, count, flags);
    else for (let seq = first; seq < first + count; seq++) this.push(seq, flags);
  }

  giveBack(seq: number, flags: QueueEntryFlags): void {
    if (this.returned === NO_RETURNED) this.returned = new ReturnedPositions();
    this.returned.add(seq, flags);
  }

  /** Whether the next in order is one that came back. */
  private get returnedFirst(): boolean {
    const { returned, positions } = this;
    if (returned === NO_RETURNED || returned.length === 0) return false;
    return positions.length === 0 || returned.headSeq() < positions.headSeq();
  }

  oldest(visit: VisitEntry): void {
    if (this.length > 0) visit(this.headSeq(), this.headFlags());
  }

  headSeq(): number {
    return this.returnedFirst ? this.returned.headSeq() : this.positions.headSeq();
  }

  headFlags(): QueueEntryFlags {
    return this.returnedFirst ? this.returned.headFlags() : this.positions.headFlags();
  }

  shift(): void {
    if (this.returnedFirst) this.returned.shift();
    else this.positions.shift();
  }

  shiftIf(seq: number): QueueEntryFlags {
    for (const first of [this.returned, this.positions]) {
      if (first.length === 0 || first.headSeq() !== seq) continue;
      const flags = first.headFlags();
      first.shift();
      return flags;
    }
    return NOT_AT_HEAD;
  }

  forEach(visit: VisitEntry): void {
    this.returned.forEach(visit);
    this.positions.forEach(visit);
  }

  clear(): void {
    this.returned = NO_RETURNED;
    this.positions.clear();
  }

  // ------------------------------------------------------------------------------------------------ from the middle

  allowRemoval(): void {
    if (this.positions instanceof Positions) this.positions = new SparsePositions(this.positions);
  }

  levels(): readonly number[] {
    return ONE_LEVEL;
  }

  readAfter(_level: number, after: number, max: number, visit: VisitEntry): void {
    this.positions.readAfter(after, max, visit);
  }

  readReturned(_level: number, after: number, max: number, visit: VisitEntry): void {
    this.returned.readAfter(after, max, visit);
  }

  readBefore(_level: number, before: number, max: number, visit: VisitEntry): void {
    this.positions.readBefore(before, max, visit);
  }

  readReturnedBefore(_level: number, before: number, max: number, visit: VisitEntry): void {
    this.returned.readBefore(before, max, visit);
  }

  removeAt(seq: number): boolean {
    const { positions, returned } = this;
    return (
      (positions instanceof SparsePositions && positions.removeAt(seq)) || (returned.length > 0 && returned.remove(seq))
    );
  }

  removeKnown(seq: number): void {
    const { positions, returned } = this;
    if (returned.length > 0 && returned.remove(seq)) return;
    (positions as SparsePositions).removeKnown(seq);
  }

  // ------------------------------------------------------------------------------------- checkpoints and recovery

  forEachChunk(visit: (chunk: Chunk) => void): void {
    this.positions.forEachChunk(visit);
  }

  forEachIn(first: number, last: number, visit: VisitEntry): void {
    this.positions.forEachIn(first, last, visit);
  }

  forEachReturned(visit: VisitEntry): void {
    this.returned.forEach(visit);
  }

  adopt(chunk: Chunk): void {
    this.positions.adopt(chunk);
  }

  remove(seq: number): boolean {
    return this.positions.remove(seq) || (this.returned.length > 0 && this.returned.remove(seq));
  }

  amend(seq: number, flags: QueueEntryFlags): void {
    if (!this.positions.amend(seq, flags)) this.returned.amend(seq, flags);
  }

  compact(bits: number): void {
    this.positions.compact(bits);
    if (bits !== 0) this.returned.mark(bits);
  }
}
