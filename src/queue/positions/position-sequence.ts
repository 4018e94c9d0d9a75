/** A sequence of positions in ascending order: taken from the front, added at the back, changed in the middle at recovery. */
import type { QueueEntryFlags, VisitEntry } from '../entry-flags.ts';
import type { Chunk } from './packed-positions.ts';

export interface PositionSequence {
  /** Positions in it. */
  readonly length: number;
  /** @param seq higher than all that are here */
  push(seq: number, flags: QueueEntryFlags): void;
  /** The first one's; undefined behaviour when there is none, as for `headFlags` and `shift`. */
  headSeq(): number;
  headFlags(): QueueEntryFlags;
  /** The last one's; 0 if there is none. */
  lastSeq(): number;
  /** Takes the first away. */
  shift(): void;
  /** Up to `max` of those after `after`, in order. */
  readAfter(after: number, max: number, visit: VisitEntry): void;
  /** Up to `max` of those before `before`, the last first. */
  readBefore(before: number, max: number, visit: VisitEntry): void;
  forEach(visit: VisitEntry): void;
  /** Those of `first` to `last`, both included. */
  forEachIn(first: number, last: number, visit: VisitEntry): void;
  /** Everything packed, in order: for a checkpoint. */
  forEachChunk(visit: (chunk: Chunk) => void): void;
  clear(): void;
  /** Recovery: takes a chunk that comes after everything that is here. */
  adopt(chunk: Chunk): void;
  /** Recovery: takes out one, wherever it is; false if it is not here. */
  remove(seq: number): boolean;
  /** Recovery: gives one other flags; false if it is not here. */
  amend(seq: number, flags: QueueEntryFlags): boolean;
  /** Recovery is over: closes gaps, and sets `bits` in the flags of each. */
  compact(bits: number): void;
}
