/**
 * The ready messages of a queue with priorities: a level for each priority that is in use, the highest first.
 *
 * ```
 * level 9   returned, positions ──▶ first to go
 * level 4   returned, positions
 * level 0   returned, positions ──▶ last
 * ```
 *
 * The level lies in the bits of the flags that other queues use for subscription data, so that it goes wherever the flags
 * go: unsettled deliveries, chunks, the log. Within a level the order is that of a queue without levels.
 */
import { levelOf, type QueueEntryFlags, type VisitEntry } from '../entry-flags.ts';
import type { Chunk } from '../positions/packed-positions.ts';
import type { PositionArena } from '../positions/position-arena.ts';
import { NOT_AT_HEAD, type ReadyMessages } from './ready-messages.ts';
import { SingleLevel } from './single-level.ts';

export class PriorityLevels implements ReadyMessages {
  length = 0;
  private readonly arena: PositionArena;
  /** By number; undefined where nothing of that priority has come yet. */
  private readonly byLevel: (SingleLevel | undefined)[] = [];
  /** Messages are taken from the middle. */
  private removable = false;
  /** The highest level that has something; -1 when empty. */
  private top = -1;

  constructor(arena: PositionArena) {
    this.arena = arena;
  }

  push(seq: number, flags: QueueEntryFlags): void {
    const level = levelOf(flags);
    this.level(level).push(seq, flags);
    this.length++;
    if (level > this.top) this.top = level;
  }

  pushRun(first: number, count: number, flags: QueueEntryFlags): void {
    for (let seq = first; seq < first + count; seq++) this.push(seq, flags);
  }

  giveBack(seq: number, flags: QueueEntryFlags): void {
    this.push(seq, flags);
  }

  private level(number: number): SingleLevel {
    let level = this.byLevel[number];
    if (level === undefined) {
      level = new SingleLevel(this.arena);
      if (this.removable) level.allowRemoval();
      this.byLevel[number] = level;
    }
    return level;
  }

  oldest(visit: VisitEntry): void {
    let first: SingleLevel | null = null;
    for (const level of this.byLevel) {
      if (level === undefined || level.length === 0) continue;
      if (first === null || level.headSeq() < first.headSeq()) first = level;
    }
    first?.oldest(visit);
  }

  headSeq(): number {
    return this.byLevel[this.top]!.headSeq();
  }

  headFlags(): QueueEntryFlags {
    return this.byLevel[this.top]!.headFlags();
  }

  shift(): void {
    this.byLevel[this.top]!.shift();
    this.oneLess();
  }

  shiftIf(seq: number): QueueEntryFlags {
    const flags = this.top < 0 ? NOT_AT_HEAD : this.byLevel[this.top]!.shiftIf(seq);
    if (flags !== NOT_AT_HEAD) this.oneLess();
    return flags;
  }

  private oneLess(): void {
    this.length--;
    this.findTop();
  }

  private findTop(): void {
    while (this.top >= 0) {
      const level = this.byLevel[this.top];
      if (level !== undefined && level.length > 0) return;
      this.top--;
    }
  }

  forEach(visit: VisitEntry): void {
    for (const level of this.inUse()) level.forEach(visit);
  }

  private *inUse(): Generator<SingleLevel> {
    for (const number of this.levels()) yield this.byLevel[number]!;
  }

  clear(): void {
    for (const level of this.inUse()) level.clear();
    this.byLevel.length = 0;
    this.length = 0;
    this.top = -1;
  }

  // ------------------------------------------------------------------------------------------------ from the middle

  allowRemoval(): void {
    this.removable = true;
    for (const level of this.inUse()) level.allowRemoval();
  }

  levels(): number[] {
    const levels: number[] = [];
    for (let level = this.byLevel.length - 1; level >= 0; level--) {
      if (this.byLevel[level] !== undefined) levels.push(level);
    }
    return levels;
  }

  readAfter(level: number, after: number, max: number, visit: VisitEntry): void {
    this.byLevel[level]?.readAfter(level, after, max, visit);
  }

  readReturned(level: number, after: number, max: number, visit: VisitEntry): void {
    this.byLevel[level]?.readReturned(level, after, max, visit);
  }

  readBefore(level: number, before: number, max: number, visit: VisitEntry): void {
    this.byLevel[level]?.readBefore(level, before, max, visit);
  }

  readReturnedBefore(level: number, before: number, max: number, visit: VisitEntry): void {
    this.byLevel[level]?.readReturnedBefore(level, before, max, visit);
  }

  removeAt(seq: number, flags: QueueEntryFlags): boolean {
    const removed = this.byLevel[levelOf(flags)]?.removeAt(seq) === true;
    if (removed) this.oneLess();
    return removed;
  }

  removeKnown(seq: number, flags: QueueEntryFlags): void {
    this.byLevel[levelOf(flags)]!.removeKnown(seq);
    this.oneLess();
  }

  // ------------------------------------------------------------------------------------- checkpoints and recovery

  forEachChunk(visit: (chunk: Chunk) => void): void {
    for (const level of this.inUse()) level.forEachChunk(visit);
  }

  forEachIn(first: number, last: number, visit: VisitEntry): void {
    for (const level of this.inUse()) level.forEachIn(first, last, visit);
  }

  forEachReturned(visit: VisitEntry): void {
    for (const level of this.inUse()) level.forEachReturned(visit);
  }

  /** All of a chunk is of one level: it was made of one. */
  adopt(chunk: Chunk): void {
    this.level(levelOf(chunk.flagRuns[1]!)).adopt(chunk);
    this.recount();
  }

  remove(seq: number): boolean {
    for (const level of this.inUse()) {
      if (!level.remove(seq)) continue;
      this.recount();
      return true;
    }
    return false;
  }

  amend(seq: number, flags: QueueEntryFlags): void {
    this.level(levelOf(flags)).amend(seq, flags);
  }

  compact(bits: number): void {
    for (const level of this.inUse()) level.compact(bits);
    this.recount();
  }

  private recount(): void {
    this.length = 0;
    for (const level of this.inUse()) this.length += level.length;
    this.top = this.byLevel.length - 1;
    this.findTop();
  }
}
