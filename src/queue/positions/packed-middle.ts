/**
 * The packed middle of a long run of positions, all that is behind its front: packed chunks (`packed-positions.ts`) and the run at the back.
 *
 * ```
 * front (a run) ◀── chunk ◀── chunk ◀── … ◀── back (run) ◀── push
 * ```
 */
import type { QueueEntryFlags, VisitEntry } from '../entry-flags.ts';
import { CHUNK_LENGTH, type Chunk, pack, type Unpacked, unpack, unpackedRoom } from './packed-positions.ts';
import type { PositionArena } from './position-arena.ts';
import { PositionRun, TOMBSTONE, visitLast } from './position-run.ts';

/** A packed chunk, and what recovery has changed of it. */
interface Packed {
  chunk: Chunk;
  /** Flags that differ from the chunk's; TOMBSTONE for those that are gone. Null nearly always. */
  changes: Map<number, QueueEntryFlags> | null;
}

export class PackedMiddle {
  /** Positions in it. */
  length = 0;
  readonly back: PositionRun;
  private packed: Packed[] = [];
  /** Chunks before this one have been read. */
  private head = 0;
  /** How long the back is when it is packed. */
  private backMax: number;

  constructor(arena: PositionArena) {
    this.back = new PositionRun(arena);
    this.backMax = CHUNK_LENGTH - arena.offset(CHUNK_LENGTH / 2);
  }

  push(seq: number, flags: QueueEntryFlags): void {
    if (this.back.count >= this.backMax) this.packBack();
    this.back.append(seq, flags);
    this.length++;
  }

  lastSeq(): number {
    return this.back.count > 0 ? this.back.lastSeq() : this.packed[this.packed.length - 1]!.chunk.last;
  }

  private packBack(): void {
    this.packed.push({ chunk: chunkOf(this.back), changes: null });
    this.back.empty();
    this.backMax = CHUNK_LENGTH;
  }

  adopt(chunk: Chunk): void {
    if (this.back.count > 0) this.packBack();
    this.packed.push({ chunk, changes: null });
    this.length += chunk.count;
  }

  /** The next chunk, or the back, moves into `front`, which is empty. */
  refill(front: PositionRun): void {
    const next = this.packed[this.head];
    if (next === undefined) {
      const { back } = this;
      this.length -= back.count;
      fill(front, copied(back), back.count);
      back.empty();
      return;
    }
    const unpacked = unpackTo(next.chunk);
    if (next.changes !== null) applyChanges(next.changes, unpacked, next.chunk.count);
    fill(front, unpacked, next.chunk.count);
    this.length -= next.chunk.count;
    this.head++;
    if (this.head > 256 && this.head * 2 > this.packed.length) {
      this.packed = this.packed.slice(this.head);
      this.head = 0;
    }
  }

  forEach(visit: VisitEntry): void {
    for (let i = this.head; i < this.packed.length; i++) visitPacked(this.packed[i]!, visit);
    this.back.forEachInRun(visit);
  }

  /** Those of `first` to `last`, without unpacking what lies elsewhere. */
  forEachWithin(first: number, last: number, visit: VisitEntry): void {
    const each = visitAll(visit);
    for (let i = this.firstFrom(first); i < this.packed.length && this.packed[i]!.chunk.first <= last; i++) {
      visitPackedWhile(this.packed[i]!, each, first, last);
    }
    this.back.forEachInRunWithin(first, last, visit);
  }

  /** The first chunk that does not end before `seq`. */
  private firstFrom(seq: number): number {
    let low = this.head;
    let high = this.packed.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.packed[middle]!.chunk.last < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Those after `after`, until `visit` says false; it sees others as well. */
  forEachWhile(after: number, visit: (seq: number, flags: QueueEntryFlags) => boolean): void {
    let goesOn = true;
    const some = (seq: number, flags: QueueEntryFlags): boolean => {
      goesOn = visit(seq, flags);
      return goesOn;
    };
    for (let i = this.head; goesOn && i < this.packed.length; i++) {
      if (this.packed[i]!.chunk.last > after) visitPackedWhile(this.packed[i]!, some);
    }
    if (goesOn) this.back.forEachWhile(some);
  }

  /** Up to `max` of those before `before`, the last first; returns how many. Chunks are unpacked one at a time. */
  readBefore(before: number, max: number, visit: VisitEntry): number {
    const { back, packed } = this;
    let seen = back.count > 0 && back.headSeq() < before ? back.readRunBefore(before, max, visit) : 0;
    for (let i = packed.length - 1; i >= this.head && seen < max; i--) {
      if (packed[i]!.chunk.first < before) seen += readChunkBefore(packed[i]!, before, max - seen, visit);
    }
    return seen;
  }

  /** What is packed is handed out as it is. */
  forEachChunk(visit: (chunk: Chunk) => void): void {
    for (let i = this.head; i < this.packed.length; i++) visit(this.packed[i]!.chunk);
    if (this.back.count > 0) visit(chunkOf(this.back));
  }

  // ---------------------------------------------------------------------------------------------------- recovery

  /** Recovery: gives one position other flags; false if it is not here. */
  amend(seq: number, flags: QueueEntryFlags): boolean {
    if (this.back.amend(seq, flags)) return true;
    const packed = this.find(seq);
    if (packed === undefined || packed.changes?.get(seq) === TOMBSTONE || !holds(packed.chunk, seq)) return false;
    packed.changes ??= new Map();
    packed.changes.set(seq, flags);
    return true;
  }

  /** It is here. */
  has(seq: number): boolean {
    if (this.back.hasInRun(seq)) return true;
    const packed = this.find(seq);
    return packed !== undefined && packed.changes?.get(seq) !== TOMBSTONE && holds(packed.chunk, seq);
  }

  /** The chunk in whose range a number is. */
  private find(seq: number): Packed | undefined {
    let low = this.head;
    let high = this.packed.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const { chunk } = this.packed[middle]!;
      if (seq < chunk.first) high = middle - 1;
      else if (seq > chunk.last) low = middle + 1;
      else return this.packed[middle];
    }
    return undefined;
  }

  /** Its chunks as they are after recovery: without gaps, and with `bits` set in the flags of each. */
  compactedChunks(bits: number): Chunk[] {
    const chunks: Chunk[] = [];
    for (let i = this.head; i < this.packed.length; i++) {
      const chunk = compacted(this.packed[i]!, bits);
      if (chunk !== null) chunks.push(chunk);
    }
    return chunks;
  }
}

/** Null if nothing is left of it. */
function compacted(packed: Packed, bits: number): Chunk | null {
  const { chunk, changes } = packed;
  if (changes === null) {
    const flagRuns = chunk.flagRuns.map((value, i) => (i % 2 === 0 ? value : (value | bits) >>> 0));
    return { ...chunk, flagRuns };
  }
  const kept = unpackedRoom();
  let count = 0;
  visitPacked(packed, (seq, flags) => {
    kept.seqs[count] = seq;
    kept.flagSets[count++] = flags | bits;
  });
  return count === 0 ? null : pack(kept, count);
}

/** Runs and chunks are unpacked one at a time. */
let room: Unpacked | null = null;

function unpackTo(chunk: Chunk): Unpacked {
  room ??= unpackedRoom();
  unpack(chunk, room);
  return room;
}

function copied(run: PositionRun): Unpacked {
  room ??= unpackedRoom();
  run.copyTo(room);
  return room;
}

function fill(run: PositionRun, from: Unpacked, count: number): void {
  for (let i = 0; i < count; i++) run.append(from.seqs[i]!, from.flagSets[i]!);
}

/** Unpacks a chunk to the end of a run. */
export function appendChunk(run: PositionRun, chunk: Chunk): void {
  fill(run, unpackTo(chunk), chunk.count);
}

/** A run that is never longer than a chunk, and not empty. */
export function chunkOf(run: PositionRun): Chunk {
  return pack(copied(run), run.count);
}

function applyChanges(changes: Map<number, QueueEntryFlags>, into: Unpacked, count: number): void {
  const { seqs, flagSets } = into;
  for (let i = 0; i < count; i++) flagSets[i] = changes.get(seqs[i]!) ?? flagSets[i]!;
}

function holds(chunk: Chunk, seq: number): boolean {
  const { seqs } = unpackTo(chunk);
  return seqs[firstNotBefore(seqs, chunk.count, seq)] === seq;
}

/** Where the first of `count` numbers is that is `seq` or above; `count` if there is none. */
function firstNotBefore(seqs: Float64Array, count: number, seq: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (seqs[middle]! < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

function visitAll(visit: VisitEntry): (seq: number, flags: QueueEntryFlags) => boolean {
  return (seq, flags) => {
    visit(seq, flags);
    return true;
  };
}

function visitPacked(packed: Packed, visit: VisitEntry): void {
  visitPackedWhile(packed, visitAll(visit));
}

/** Those of `first` to `last`, until `visit` says false. */
function visitPackedWhile(
  packed: Packed,
  visit: (seq: number, flags: QueueEntryFlags) => boolean,
  first = 0,
  last = Number.MAX_SAFE_INTEGER,
): void {
  const { chunk } = packed;
  const unpacked = unpackTo(chunk);
  const from = first <= chunk.first ? 0 : firstNotBefore(unpacked.seqs, chunk.count, first);
  const to = last >= chunk.last ? chunk.count : firstNotBefore(unpacked.seqs, chunk.count, last + 1);
  // What is visited may unpack another chunk: the numbers are copied out of the shared room.
  const seqs = unpacked.seqs.slice(from, to);
  const flagSets = unpacked.flagSets.slice(from, to);
  for (let i = 0; i < seqs.length; i++) {
    const flags = packed.changes?.get(seqs[i]!) ?? flagSets[i]!;
    if (flags !== TOMBSTONE && !visit(seqs[i]!, flags)) return;
  }
}

function readChunkBefore(packed: Packed, before: number, max: number, visit: VisitEntry): number {
  const seqs: number[] = [];
  const flagSets: QueueEntryFlags[] = [];
  visitPackedWhile(packed, (seq, flags) => {
    if (seq >= before) return false;
    seqs.push(seq);
    flagSets.push(flags);
    return true;
  });
  return visitLast(seqs, flagSets, max, visit);
}
