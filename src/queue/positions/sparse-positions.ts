/**
 * Positions of a queue, or of one of its levels, whose consumers do not all take every message: they can be taken from the
 * middle. What was taken leaves a gap, which closes when the head gets there; the head itself is never one.
 */
import type { QueueEntryFlags, VisitEntry } from '../entry-flags.ts';
import { CHUNK_LENGTH, type Chunk, pack, unpackedRoom } from './packed-positions.ts';
import { TOMBSTONE } from './position-run.ts';
import type { PositionSequence } from './position-sequence.ts';
import type { Positions } from './positions.ts';

export class SparsePositions implements PositionSequence {
  private readonly positions: Positions;
  private gaps = 0;

  constructor(positions: Positions) {
    this.positions = positions;
  }

  get length(): number {
    return this.positions.length - this.gaps;
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
    this.closeGaps();
  }

  /** Gaps that the head has come to are gone. */
  private closeGaps(): void {
    const { positions } = this;
    while (positions.length > 0 && positions.headFlags() === TOMBSTONE) {
      positions.shift();
      this.gaps--;
    }
  }

  /** False if it does not wait here any more. */
  removeAt(seq: number): boolean {
    const { positions } = this;
    if (positions.length === 0 || seq < positions.headSeq()) return false;
    if (seq === positions.headSeq()) {
      this.shift();
      return true;
    }
    if (!positions.remove(seq)) return false;
    this.gaps++;
    return true;
  }

  readAfter(after: number, max: number, visit: VisitEntry): void {
    this.positions.readAfter(after, max, visit);
  }

  readBefore(before: number, max: number, visit: VisitEntry): void {
    this.positions.readBefore(before, max, visit);
  }

  forEach(visit: VisitEntry): void {
    this.positions.forEach(visit);
  }

  forEachIn(first: number, last: number, visit: VisitEntry): void {
    this.positions.forEachIn(first, last, visit);
  }

  /** Packed anew: there may be gaps in what is packed. */
  forEachChunk(visit: (chunk: Chunk) => void): void {
    const room = unpackedRoom();
    let count = 0;
    const flush = (): void => {
      if (count === 0) return;
      const chunk = pack(room, count);
      count = 0;
      visit(chunk);
    };
    this.positions.forEach((seq, flags) => {
      room.seqs[count] = seq;
      room.flagSets[count++] = flags;
      if (count === CHUNK_LENGTH) flush();
    });
    flush();
  }

  clear(): void {
    this.positions.clear();
    this.gaps = 0;
  }

  // Recovery is over before there are gaps; what follows is there for the interface.

  adopt(chunk: Chunk): void {
    this.positions.adopt(chunk);
  }

  remove(seq: number): boolean {
    return this.removeAt(seq);
  }

  amend(seq: number, flags: QueueEntryFlags): boolean {
    return this.positions.amend(seq, flags);
  }

  compact(bits: number): void {
    this.positions.compact(bits);
    this.gaps = 0;
  }
}
