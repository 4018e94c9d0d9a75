/**
 * Positions of a queue: sequence numbers and flags of messages in order of arrival, never objects: what a queue, or one of its levels, has not yet
 * handed out.
 *
 * ```
 * shift ◀── front (run) ◀── packed chunks ◀── back (run) ◀── push
 * ```
 *
 * A short queue is its front alone. A long one has its head and its tail in runs of up to a chunk, and the rest packed
 * (`packed-middle.ts`): its memory does not grow with the backlog worth speaking of.
 */
import type { QueueEntryFlags, VisitEntry } from '../entry-flags.ts';
import { appendChunk, chunkOf, PackedMiddle } from './packed-middle.ts';
import { CHUNK_LENGTH, type Chunk } from './packed-positions.ts';
import { PositionRun, TOMBSTONE } from './position-run.ts';
import type { PositionSequence } from './position-sequence.ts';

/** Its own run is the front: one object fewer, which counts where there are very many queues. */
export class Positions extends PositionRun implements PositionSequence {
  /** What is behind the front; null for a short queue. */
  private middle: PackedMiddle | null = null;

  get length(): number {
    return this.middle === null ? this.count : this.count + this.middle.length;
  }

  push(seq: number, flags: QueueEntryFlags): void {
    if (this.middle === null && this.count < CHUNK_LENGTH) this.append(seq, flags);
    else this.pushBehind(seq, flags);
  }

  /** The same for so many whose numbers follow one another. */
  pushRun(first: number, count: number, flags: QueueEntryFlags): void {
    let seq = first;
    const end = first + count;
    if (this.middle === null) while (seq < end && this.count < CHUNK_LENGTH) this.append(seq++, flags);
    while (seq < end) this.pushBehind(seq++, flags);
  }

  private pushBehind(seq: number, flags: QueueEntryFlags): void {
    this.middle ??= new PackedMiddle(this.arena);
    this.middle.push(seq, flags);
  }

  override lastSeq(): number {
    return this.middle === null ? super.lastSeq() : this.middle.lastSeq();
  }

  shift(): void {
    this.drop();
    if (this.middle !== null && this.count === 0) this.refill(this.middle);
  }

  /** The front is used up. */
  private refill(middle: PackedMiddle): void {
    middle.refill(this);
    if (middle.length === 0) this.middle = null;
  }

  /** It is here. */
  has(seq: number): boolean {
    return this.hasInRun(seq) || this.middle?.has(seq) === true;
  }

  forEach(visit: VisitEntry): void {
    this.forEachInRun(visit);
    this.middle?.forEach(visit);
  }

  forEachIn(first: number, last: number, visit: VisitEntry): void {
    this.forEachInRunWithin(first, last, visit);
    this.middle?.forEachWithin(first, last, visit);
  }

  readAfter(after: number, max: number, visit: VisitEntry): void {
    let left = max;
    const some = (seq: number, flags: QueueEntryFlags): boolean => {
      if (seq <= after) return true;
      visit(seq, flags);
      return --left > 0;
    };
    const { middle } = this;
    if (this.count > 0 && (middle === null || this.headSeq() > after || super.lastSeq() > after)) {
      this.forEachWhile(some);
    }
    if (middle !== null && left > 0) middle.forEachWhile(after, some);
  }

  readBefore(before: number, max: number, visit: VisitEntry): void {
    const seen = this.middle === null ? 0 : this.middle.readBefore(before, max, visit);
    if (seen < max && this.count > 0 && this.headSeq() < before) this.readRunBefore(before, max - seen, visit);
  }

  /** What is packed already is handed out as it is. */
  forEachChunk(visit: (chunk: Chunk) => void): void {
    if (this.count > 0) visit(chunkOf(this));
    this.middle?.forEachChunk(visit);
  }

  clear(): void {
    this.empty();
    this.middle?.back.empty();
    this.middle = null;
  }

  // ---------------------------------------------------------------------------------------------------- recovery

  adopt(chunk: Chunk): void {
    if (this.count === 0) {
      appendChunk(this, chunk);
      return;
    }
    this.middle ??= new PackedMiddle(this.arena);
    this.middle.adopt(chunk);
  }

  /** The others are not moved: its place, and `length`, stay as they are until `compact`. */
  remove(seq: number): boolean {
    return this.amend(seq, TOMBSTONE);
  }

  override amend(seq: number, flags: QueueEntryFlags): boolean {
    if (!super.amend(seq, flags)) return this.middle?.amend(seq, flags) === true;
    // Mostly the head is settled first, and need not wait for the end.
    while (this.count > 0 && this.headFlags() === TOMBSTONE) this.shift();
    return true;
  }

  compact(bits: number): void {
    if (this.length === 0) return;
    const kept = withBits(this, bits);
    const { middle } = this;
    const chunks = middle === null ? [] : middle.compactedChunks(bits);
    const tail = middle === null ? [] : withBits(middle.back, bits);
    this.clear();
    for (const [seq, flags] of kept) this.push(seq, flags);
    for (const chunk of chunks) this.adopt(chunk);
    for (const [seq, flags] of tail) this.push(seq, flags);
  }
}

/** What is left of a run, with `bits` set in the flags of each. */
function withBits(run: PositionRun, bits: number): [seq: number, flags: QueueEntryFlags][] {
  const kept: [number, QueueEntryFlags][] = [];
  run.forEachInRun((seq, flags) => kept.push([seq, (flags | bits) >>> 0]));
  return kept;
}
