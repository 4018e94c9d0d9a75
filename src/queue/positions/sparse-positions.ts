/**
 * What waits in a queue whose consumers do not all take every message: positions that can be taken from the middle. What
 * was taken leaves a hole, which closes when the head gets there; the head itself is never one.
 */

import type { Waiting } from '../ready/priority-levels.ts';
import { CHUNK_LENGTH, type Chunk, pack, unpackedRoom } from './packed-positions.ts';
import { BURIED } from './position-run.ts';
import type { Positions } from './positions.ts';

export class Holed implements Waiting {
  private readonly positions: Positions;
  private holes = 0;

  constructor(positions: Positions) {
    this.positions = positions;
  }

  get length(): number {
    return this.positions.length - this.holes;
  }

  push(seq: number, flags: number): void {
    this.positions.push(seq, flags);
  }

  headSeq(): number {
    return this.positions.headSeq();
  }

  headFlags(): number {
    return this.positions.headFlags();
  }

  lastSeq(): number {
    return this.positions.lastSeq();
  }

  shift(): void {
    this.positions.shift();
    this.close();
  }

  /** Holes that the head has come to are gone. */
  private close(): void {
    const { positions } = this;
    while (positions.length > 0 && positions.headFlags() === BURIED) {
      positions.shift();
      this.holes--;
    }
  }

  /** False if it does not wait here any more. */
  takeOut(seq: number): boolean {
    const { positions } = this;
    if (positions.length === 0 || seq < positions.headSeq()) return false;
    if (seq === positions.headSeq()) {
      this.shift();
      return true;
    }
    if (!positions.bury(seq)) return false;
    this.holes++;
    return true;
  }

  /** Up to `max` of those after `after`, in order. */
  readAfter(after: number, max: number, visit: (seq: number, flags: number) => void): void {
    this.positions.readAfter(after, max, visit);
  }

  forEach(visit: (seq: number, flags: number) => void): void {
    this.positions.forEach(visit);
  }

  forEachIn(first: number, last: number, visit: (seq: number, flags: number) => void): void {
    this.positions.forEachIn(first, last, visit);
  }

  /** Packed anew: there may be holes in what is packed. */
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
    this.holes = 0;
  }

  // Recovery is over before there are holes; what follows is there for the interface.

  adopt(chunk: Chunk): void {
    this.positions.adopt(chunk);
  }

  bury(seq: number): boolean {
    return this.takeOut(seq);
  }

  amend(seq: number, flags: number): boolean {
    return this.positions.amend(seq, flags);
  }

  compact(bits: number): void {
    this.positions.compact(bits);
    this.holes = 0;
  }
}
