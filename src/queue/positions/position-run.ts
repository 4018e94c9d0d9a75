/**
 * A run of positions in the arena: sequence numbers in ascending order and their flags, taken from the front, added at the
 * back. It is three small integers and one line of memory at either end.
 */
import type { QueueEntryFlags, VisitEntry } from '../entry-flags.ts';
import type { Unpacked } from './packed-positions.ts';
import { CELL_MASK, LINE_END, PAGE_SHIFT, type PositionArena } from './position-arena.ts';

/** In the place of flags, for a position that was removed. No message has these: every bit set, attempts saturated, reserved data. */
export const TOMBSTONE = 0xffff_ffff;

const CELLS = 3;
const HIGH = 0x1_0000_0000;
/** No line: looks like the end of one, so that the next position begins another. */
const NOWHERE = -1;

export class PositionRun {
  /** Positions in it. */
  count = 0;
  /** Where the next position goes, or a line's end. */
  private tail = NOWHERE;
  /** Where the first position is. */
  private head = NOWHERE;
  protected readonly arena: PositionArena;

  constructor(arena: PositionArena) {
    this.arena = arena;
  }

  append(seq: number, flags: QueueEntryFlags): void {
    this.count++;
    let at = this.tail;
    if ((at & LINE_END) === LINE_END) at = this.nextLine();
    const page = this.arena.pages[at >>> PAGE_SHIFT]!;
    const cell = at & CELL_MASK;
    page[cell] = seq;
    page[cell + 1] = seq / HIGH;
    page[cell + 2] = flags;
    this.tail = at + CELLS;
  }

  private nextLine(): number {
    const { tail } = this;
    const line = this.arena.allocate();
    if (tail === NOWHERE) this.head = line;
    else this.arena.pages[tail >>> PAGE_SHIFT]![tail & CELL_MASK] = line;
    return line;
  }

  /** The first number; undefined behaviour when there is none, as for `headFlags` and `drop`. */
  headSeq(): number {
    return this.seqAt(this.head);
  }

  headFlags(): QueueEntryFlags {
    return this.flagsAt(this.head);
  }

  /** Of the last position; 0 if there is none. */
  lastSeq(): number {
    return this.count === 0 ? 0 : this.seqAt(this.tail - CELLS);
  }

  /** Takes the first away. */
  drop(): void {
    this.count--;
    const { head } = this;
    const next = head + CELLS;
    if (next === this.tail) {
      this.arena.release(head);
      this.head = NOWHERE;
      this.tail = NOWHERE;
    } else if ((next & LINE_END) === LINE_END) {
      this.head = this.arena.pages[next >>> PAGE_SHIFT]![next & CELL_MASK]!;
      this.arena.release(head);
    } else this.head = next;
  }

  /** Calls `visit` with the address of each position, until it says false. */
  private each(visit: (at: number) => boolean): void {
    let at = this.head;
    for (let i = 0; i < this.count; i++) {
      if ((at & LINE_END) === LINE_END) at = this.arena.pages[at >>> PAGE_SHIFT]![at & CELL_MASK]!;
      if (!visit(at)) return;
      at += CELLS;
    }
  }

  /** Those that are not removed. */
  forEachInRun(visit: VisitEntry): void {
    this.each((at) => {
      const flags = this.flagsAt(at);
      if (flags !== TOMBSTONE) visit(this.seqAt(at), flags);
      return true;
    });
  }

  /** The same of `first` to `last`. */
  forEachInRunWithin(first: number, last: number, visit: VisitEntry): void {
    if (this.count === 0 || this.headSeq() > last || this.seqAt(this.tail - CELLS) < first) return;
    this.each((at) => {
      const seq = this.seqAt(at);
      if (seq > last) return false;
      if (seq < first) return true;
      const flags = this.flagsAt(at);
      if (flags !== TOMBSTONE) visit(seq, flags);
      return true;
    });
  }

  /** Those that are not removed, until `visit` says false. */
  forEachWhile(visit: (seq: number, flags: QueueEntryFlags) => boolean): void {
    this.each((at) => {
      const flags = this.flagsAt(at);
      return flags === TOMBSTONE || visit(this.seqAt(at), flags);
    });
  }

  /** Up to `max` of those before `before`, the last first; returns how many. The lines lead forward only, so the run is walked whole. */
  readRunBefore(before: number, max: number, visit: VisitEntry): number {
    const seqs: number[] = [];
    const flagSets: number[] = [];
    this.forEachWhile((seq, flags) => {
      if (seq >= before) return false;
      seqs.push(seq);
      flagSets.push(flags);
      return true;
    });
    return visitLast(seqs, flagSets, max, visit);
  }

  /** Copies everything. */
  copyTo(into: Unpacked): void {
    const { pages } = this.arena;
    const { seqs, flagSets } = into;
    let at = this.head;
    for (let i = 0; i < this.count; i++) {
      const page = pages[at >>> PAGE_SHIFT]!;
      const cell = at & CELL_MASK;
      seqs[i] = (page[cell]! >>> 0) + page[cell + 1]! * HIGH;
      flagSets[i] = page[cell + 2]!;
      at += CELLS;
      if ((at & LINE_END) === LINE_END) at = page[cell + CELLS]!;
    }
  }

  /** Recovery: gives one position other flags, TOMBSTONE to remove it; false if it is not here. */
  amend(seq: number, flags: QueueEntryFlags): boolean {
    const at = this.find(seq);
    if (at < 0 || this.flagsAt(at) === TOMBSTONE) return false;
    this.setFlags(at, flags);
    return true;
  }

  /** It is here, and not removed. */
  hasInRun(seq: number): boolean {
    const at = this.find(seq);
    return at >= 0 && this.flagsAt(at) !== TOMBSTONE;
  }

  /** Where a sequence number is, or -1. Mostly it is the first, or not far from it. */
  private find(seq: number): number {
    let found = -1;
    if (this.count === 0 || seq > this.lastSeq()) return found;
    this.each((at) => {
      const there = this.seqAt(at);
      if (there === seq) found = at;
      return there < seq;
    });
    return found;
  }

  private seqAt(at: number): number {
    const page = this.arena.pages[at >>> PAGE_SHIFT]!;
    const cell = at & CELL_MASK;
    return (page[cell]! >>> 0) + page[cell + 1]! * HIGH;
  }

  private flagsAt(at: number): QueueEntryFlags {
    return this.arena.pages[at >>> PAGE_SHIFT]![(at & CELL_MASK) + 2]! >>> 0;
  }

  private setFlags(at: number, flags: QueueEntryFlags): void {
    this.arena.pages[at >>> PAGE_SHIFT]![(at & CELL_MASK) + 2] = flags;
  }

  /** Gives all lines back. */
  empty(): void {
    let at = this.head;
    while (at !== NOWHERE) {
      const end = at | LINE_END;
      const last = (this.tail | LINE_END) === end;
      const next = last ? NOWHERE : this.arena.pages[end >>> PAGE_SHIFT]![end & CELL_MASK]!;
      this.arena.release(at);
      at = next;
    }
    this.count = 0;
    this.head = NOWHERE;
    this.tail = NOWHERE;
  }
}

/** The last `max` of these, the last first; returns how many. */
export function visitLast(
  seqs: readonly number[],
  flagSets: readonly QueueEntryFlags[],
  max: number,
  visit: VisitEntry,
): number {
  const first = Math.max(0, seqs.length - max);
  for (let i = seqs.length - 1; i >= first; i--) visit(seqs[i]!, flagSets[i]!);
  return seqs.length - first;
}
