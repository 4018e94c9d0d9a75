/**
 * Positions of a queue, or of one of its levels, whose consumers do not all take every message: they can be taken from the
 * middle. What was taken leaves a gap, which closes when the head gets there; the head itself is never one. Gaps are a set of numbers
 * beside the positions, so that one costs the same wherever it is: packed positions are not unpacked for it. Where one message stays while
 * very many behind it go, the positions are made anew without the gaps.
 */
import type { QueueEntryFlags, VisitEntry } from '../entry-flags.ts';
import { CHUNK_LENGTH, type Chunk, pack, unpackedRoom } from './packed-positions.ts';
import type { PositionSequence } from './position-sequence.ts';
import type { Positions } from './positions.ts';

/** So many gaps are always borne. */
const GAPS_MIN = 65_536;

export class SparsePositions implements PositionSequence {
  private readonly positions: Positions;
  private readonly gaps = new Set<number>();

  constructor(positions: Positions) {
    this.positions = positions;
  }

  get length(): number {
    return this.positions.length - this.gaps.size;
  }

  push(seq: number, flags: QueueEntryFlags): void {
    this.positions.push(seq, flags);
  }

  headSeq(): number {
    return this.positions.headSeq();
  }

  headFlags(): QueueEntryFlags {
    return this.positions.headFlags();
  }

  lastSeq(): number {
    return this.positions.lastSeq();
  }

  shift(): void {
    this.positions.shift();
    if (this.gaps.size > 0) this.closeGaps();
  }

  /** Gaps that the head has come to are gone. */
  private closeGaps(): void {
    const { positions, gaps } = this;
    while (gaps.size > 0 && gaps.delete(positions.headSeq())) positions.shift();
  }

  /** False if it does not wait here any more. */
  removeAt(seq: number): boolean {
    const { positions, gaps } = this;
    if (positions.length === 0 || seq < positions.headSeq() || gaps.has(seq)) return false;
    if (seq !== positions.headSeq() && !positions.has(seq)) return false;
    this.removeKnown(seq);
    return true;
  }

  /** Takes away one that is here. */
  removeKnown(seq: number): void {
    const { positions, gaps } = this;
    if (seq === positions.headSeq()) {
      this.shift();
      return;
    }
    gaps.add(seq);
    if (gaps.size > GAPS_MIN && gaps.size * 2 > positions.length) this.makeAnew();
  }

  private makeAnew(): void {
    const chunks: Chunk[] = [];
    this.forEachChunk((chunk) => chunks.push(chunk));
    this.clear();
    for (const chunk of chunks) this.positions.adopt(chunk);
  }

  readAfter(after: number, max: number, visit: VisitEntry): void {
    const { positions, gaps } = this;
    if (gaps.size === 0) positions.readAfter(after, max, visit);
    else
      this.readPast(after, max, visit, (from, some) => {
        positions.readAfter(from, max, some);
      });
  }

  readBefore(before: number, max: number, visit: VisitEntry): void {
    const { positions, gaps } = this;
    if (gaps.size === 0) positions.readBefore(before, max, visit);
    else
      this.readPast(before, max, visit, (from, some) => {
        positions.readBefore(from, max, some);
      });
  }

  /** Reads on, `max` at a time, until so many are no gaps. */
  private readPast(
    start: number,
    max: number,
    visit: VisitEntry,
    read: (from: number, visit: VisitEntry) => void,
  ): void {
    let from = start;
    for (let left = max; left > 0; ) {
      const seqs: number[] = [];
      const flagSets: number[] = [];
      read(from, (seq, flags) => {
        seqs.push(seq);
        flagSets.push(flags);
      });
      for (let i = 0; i < seqs.length && left > 0; i++) {
        if (this.gaps.has(seqs[i]!)) continue;
        visit(seqs[i]!, flagSets[i]!);
        left--;
      }
      if (seqs.length < max) return;
      from = seqs.at(-1)!;
    }
  }

  forEach(visit: VisitEntry): void {
    this.positions.forEach(this.passingGaps(visit));
  }

  forEachIn(first: number, last: number, visit: VisitEntry): void {
    this.positions.forEachIn(first, last, this.passingGaps(visit));
  }

  private passingGaps(visit: VisitEntry): VisitEntry {
    const { gaps } = this;
    if (gaps.size === 0) return visit;
    return (seq, flags) => {
      if (!gaps.has(seq)) visit(seq, flags);
    };
  }

  /** Packed anew where there are gaps. */
  forEachChunk(visit: (chunk: Chunk) => void): void {
    if (this.gaps.size === 0) {
      this.positions.forEachChunk(visit);
      return;
    }
    const room = unpackedRoom();
    let count = 0;
    const flush = (): void => {
      if (count === 0) return;
      const chunk = pack(room, count);
      count = 0;
      visit(chunk);
    };
    this.forEach((seq, flags) => {
      room.seqs[count] = seq;
      room.flagSets[count++] = flags;
      if (count === CHUNK_LENGTH) flush();
    });
    flush();
  }

  clear(): void {
    this.positions.clear();
    this.gaps.clear();
  }

  // Recovery is over before there are gaps; what follows is there for the interface.

  adopt(chunk: Chunk): void {
    this.positions.adopt(chunk);
  }

  remove(seq: number): boolean {
    return this.removeAt(seq);
  }

  amend(seq: number, flags: QueueEntryFlags): boolean {
    return !this.gaps.has(seq) && this.positions.amend(seq, flags);
  }

  compact(bits: number): void {
    if (this.gaps.size > 0) this.makeAnew();
    this.positions.compact(bits);
  }
}
