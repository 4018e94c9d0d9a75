/**
 * Ready messages: what waits in a queue, in the order in which it goes. Those that came back are read before those that were
 * never handed out, as far as their sequence numbers are lower; where a queue knows priorities, level by level.
 */
import type { QueueEntryFlags, VisitEntry } from '../entry-flags.ts';
import type { Chunk } from '../positions/packed-positions.ts';

/** One of them, as far as it takes to look at it. */
export interface WaitingMessage {
  readonly seq: number;
  readonly flags: QueueEntryFlags;
}

export interface ReadyMessages {
  readonly length: number;
  /** Takes a new message, or one that was parked while others passed: it finds its own place. */
  push(seq: number, flags: QueueEntryFlags): void;
  /** The same for so many new ones whose numbers follow one another, and whose flags are the same. */
  pushRun(first: number, count: number, flags: QueueEntryFlags): void;
  /** Takes a message that came back. */
  giveBack(seq: number, flags: QueueEntryFlags): void;
  /** The next one's; undefined behaviour when there is none, as for `headFlags` and `shift`. */
  headSeq(): number;
  headFlags(): QueueEntryFlags;
  /** Shows the one that came in first; nothing where none waits. */
  oldest(visit: VisitEntry): void;
  /** Takes the next away. */
  shift(): void;
  /** Takes `seq` away and returns its flags, if it is the first of those that came back or of the others; else NOT_AT_HEAD. */
  shiftIf(seq: number): QueueEntryFlags | typeof NOT_AT_HEAD;
  forEach(visit: VisitEntry): void;
  clear(): void;

  // ------------------------------------------------------------------------------------------------ from the middle

  /** From now on `removeAt` is used. */
  allowRemoval(): void;
  /** Levels in use, the highest first; 0 alone where the queue knows no priorities. */
  levels(): readonly number[];
  /** Up to `max` of a level after `after`, in order, of those that were never handed out. */
  readAfter(level: number, after: number, max: number, visit: VisitEntry): void;
  /** The same of those that came back. */
  readReturned(level: number, after: number, max: number, visit: VisitEntry): void;
  /** Up to `max` of a level before `before`, the last first, of those that were never handed out. */
  readBefore(level: number, before: number, max: number, visit: VisitEntry): void;
  /** The same of those that came back. */
  readReturnedBefore(level: number, before: number, max: number, visit: VisitEntry): void;
  /** Takes one away wherever it waits; false if it does not wait here any more. */
  removeAt(seq: number, flags: QueueEntryFlags): boolean;
  /** The same for one that waits, without looking for it. */
  removeKnown(seq: number, flags: QueueEntryFlags): void;

  // ------------------------------------------------------------------------------------- checkpoints and recovery

  /** Those that were never handed out, packed, in order within each level. */
  forEachChunk(visit: (chunk: Chunk) => void): void;
  /** Those of them from `first` to `last`, both included. */
  forEachIn(first: number, last: number, visit: VisitEntry): void;
  /** Those that came back: they are in no chunk. */
  forEachReturned(visit: VisitEntry): void;
  /** Recovery: takes a chunk, which comes after everything that is here. */
  adopt(chunk: Chunk): void;
  /** Recovery: takes out one, wherever it is; false if it is not here. `length` follows with `compact`. */
  remove(seq: number): boolean;
  /** Recovery: gives one other flags, if it is here. */
  amend(seq: number, flags: QueueEntryFlags): void;
  /** Recovery is over: closes gaps, and sets `bits` in the flags of each. */
  compact(bits: number): void;
}

/** Flags are never negative. */
export const NOT_AT_HEAD = -1;
