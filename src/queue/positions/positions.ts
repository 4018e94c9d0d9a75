/**
 * What a queue holds of the messages it has not yet handed out: sequence numbers and flags in order of arrival, never
 * objects.
 *
 * ```
 * shift ◀── front (run) ◀── packed chunks ◀── back (run) ◀── push
 * ```
 *
 * A short queue is its front alone. A long one has its head and its tail in runs of up to a chunk, and the rest packed
 * (`chunk.ts`): its memory does not grow with the backlog worth speaking of.
 */
import { CHUNK_LENGTH, type Chunk, pack, type Unpacked, unpack, unpackedRoom } from './packed-positions.ts';
import type { Slab } from './position-arena.ts';
import { BURIED, Run } from './position-run.ts';

/** A packed chunk, and what recovery has changed of it. */
interface Packed {
  chunk: Chunk;
  /** Flags that differ from the chunk's; BURIED for those that are gone. Null nearly always. */
  changes: Map<number, number> | null;
}

/** What a long queue has behind its front. */
class Rest {
  /** Positions in it. */
  length = 0;
  packed: Packed[] = [];
  /** Chunks before this one have been read. */
  head = 0;
  readonly back: Run;

  constructor(slab: Slab) {
    this.back = new Run(slab);
  }

  push(seq: number, flags: number): void {
    if (this.back.count === CHUNK_LENGTH) this.packBack();
    this.back.append(seq, flags);
    this.length++;
  }

  lastSeq(): number {
    return this.back.count > 0 ? this.back.lastSeq() : this.packed[this.packed.length - 1]!.chunk.last;
  }

  packBack(): void {
    this.packed.push({ chunk: chunkOf(this.back), changes: null });
    this.back.empty();
  }

  adopt(chunk: Chunk): void {
    if (this.back.count > 0) this.packBack();
    this.packed.push({ chunk, changes: null });
    this.length += chunk.count;
  }

  /** The next chunk, or the back, moves into `front`, which is empty. */
  refill(front: Run): void {
    const next = this.packed[this.head];
    if (next === undefined) {
      const { back } = this;
      this.length -= back.count;
      fill(front, roomFor(back), back.count);
      back.empty();
      return;
    }
    const unpacked = unpackTo(next);
    if (next.changes !== null) applyChanges(next.changes, unpacked, next.chunk.count);
    fill(front, unpacked, next.chunk.count);
    this.length -= next.chunk.count;
    this.head++;
    if (this.head > 256 && this.head * 2 > this.packed.length) {
      this.packed = this.packed.slice(this.head);
      this.head = 0;
    }
  }

  /** The chunk in whose range a number is. */
  find(seq: number): Packed | undefined {
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
}

/** Its own run is the front. */
export class Positions extends Run {
  private rest: Rest | null = null;

  get length(): number {
    return this.rest === null ? this.count : this.count + this.rest.length;
  }

  push(seq: number, flags: number): void {
    if (this.rest === null && this.count < CHUNK_LENGTH) this.append(seq, flags);
    else this.pushBehind(seq, flags);
  }

  private pushBehind(seq: number, flags: number): void {
    this.rest ??= new Rest(this.slab);
    this.rest.push(seq, flags);
  }

  override lastSeq(): number {
    return this.rest === null ? super.lastSeq() : this.rest.lastSeq();
  }

  shift(): void {
    this.drop();
    if (this.rest !== null && this.count === 0) this.refill(this.rest);
  }

  /** The front is used up. */
  private refill(rest: Rest): void {
    rest.refill(this);
    if (rest.length === 0) this.rest = null;
  }

  forEach(visit: (seq: number, flags: number) => void): void {
    this.forEachHere(visit);
    const { rest } = this;
    if (rest === null) return;
    for (let i = rest.head; i < rest.packed.length; i++) visitPacked(rest.packed[i]!, visit);
    rest.back.forEachHere(visit);
  }

  /** Those of `first` to `last`, without unpacking what lies elsewhere. */
  forEachIn(first: number, last: number, visit: (seq: number, flags: number) => void): void {
    const within = (seq: number, flags: number): void => {
      if (seq >= first && seq <= last) visit(seq, flags);
    };
    this.forEachHere(within);
    const { rest } = this;
    if (rest === null) return;
    for (let i = rest.head; i < rest.packed.length; i++) {
      const { chunk } = rest.packed[i]!;
      if (chunk.last >= first && chunk.first <= last) visitPacked(rest.packed[i]!, within);
    }
    rest.back.forEachHere(within);
  }

  /** Up to `max` of those after `after`, in order. */
  readAfter(after: number, max: number, visit: (seq: number, flags: number) => void): void {
    let left = max;
    const some = (seq: number, flags: number): boolean => {
      if (seq <= after) return true;
      visit(seq, flags);
      return --left > 0;
    };
    if (this.count > 0 && (this.rest === null || this.headSeq() > after || super.lastSeq() > after)) this.some(some);
    const { rest } = this;
    if (rest === null) return;
    for (let i = rest.head; left > 0 && i < rest.packed.length; i++) {
      if (rest.packed[i]!.chunk.last > after) visitPackedWhile(rest.packed[i]!, some);
    }
    if (left > 0) rest.back.some(some);
  }

  /** Everything as chunks, in order: for a checkpoint. What is packed already is handed out as it is. */
  forEachChunk(visit: (chunk: Chunk) => void): void {
    visitRunChunks(this, visit);
    const { rest } = this;
    if (rest === null) return;
    for (let i = rest.head; i < rest.packed.length; i++) visit(rest.packed[i]!.chunk);
    visitRunChunks(rest.back, visit);
  }

  clear(): void {
    this.empty();
    this.rest?.back.empty();
    this.rest = null;
  }

  // ---------------------------------------------------------------------------------------------------- recovery

  /** Recovery: takes a chunk as it is. It comes after everything that is here. */
  adopt(chunk: Chunk): void {
    if (this.count === 0) {
      fill(this, unpackTo({ chunk, changes: null }), chunk.count);
      return;
    }
    this.rest ??= new Rest(this.slab);
    this.rest.adopt(chunk);
  }

  /**
   * Recovery: takes out one sequence number, wherever it is, without moving the others: its place, and `length`, stay as
   * they are until `compact`. False if it is not here.
   */
  bury(seq: number): boolean {
    return this.amend(seq, BURIED);
  }

  /** Recovery: changes the flags of one sequence number; false if it is not here. */
  amend(seq: number, flags: number): boolean {
    if (this.amendIn(this, seq, flags)) {
      // Mostly the head is settled first, and need not wait for the end.
      while (this.count > 0 && this.headFlags() === BURIED) this.shift();
      return true;
    }
    const { rest } = this;
    if (rest === null) return false;
    if (this.amendIn(rest.back, seq, flags)) return true;
    const packed = rest.find(seq);
    if (packed === undefined || packed.changes?.get(seq) === BURIED || !holds(packed, seq)) return false;
    packed.changes ??= new Map();
    packed.changes.set(seq, flags);
    return true;
  }

  private amendIn(run: Run, seq: number, flags: number): boolean {
    const at = run.find(seq);
    if (at < 0 || run.flagsAt(at) === BURIED) return false;
    run.setFlags(at, flags);
    return true;
  }

  /** Recovery is over: closes the gaps that `bury` left, and sets `bits` in the flags of each. */
  compact(bits: number): void {
    if (this.length === 0) return;
    const kept = within(this, bits);
    const { rest } = this;
    const chunks = rest === null ? [] : rest.packed.slice(rest.head);
    const tail = rest === null ? [] : within(rest.back, bits);
    this.clear();
    for (const [seq, flags] of kept) this.push(seq, flags);
    for (const packed of chunks) this.adoptChanged(packed, bits);
    for (const [seq, flags] of tail) this.push(seq, flags);
  }

  private adoptChanged(packed: Packed, bits: number): void {
    const { chunk, changes } = packed;
    if (changes === null) {
      const flagRuns = chunk.flagRuns.map((value, i) => (i % 2 === 0 ? value : (value | bits) >>> 0));
      this.adopt({ ...chunk, flagRuns });
      return;
    }
    const kept = unpackedRoom();
    let count = 0;
    visitPacked(packed, (seq, flags) => {
      kept.seqs[count] = seq;
      kept.flagSets[count++] = flags | bits;
    });
    if (count > 0) this.adopt(pack(kept, count));
  }
}

/** Runs and chunks are unpacked one at a time. */
let room: Unpacked | null = null;

function unpackTo(packed: Packed): Unpacked {
  room ??= unpackedRoom();
  unpack(packed.chunk, room);
  return room;
}

function roomFor(run: Run): Unpacked {
  room ??= unpackedRoom();
  run.copyTo(room);
  return room;
}

function fill(run: Run, from: Unpacked, count: number): void {
  for (let i = 0; i < count; i++) run.append(from.seqs[i]!, from.flagSets[i]!);
}

/** A run is never longer than a chunk. */
function chunkOf(run: Run): Chunk {
  return pack(roomFor(run), run.count);
}

function within(run: Run, bits: number): [number, number][] {
  const kept: [number, number][] = [];
  run.forEachHere((seq, flags) => kept.push([seq, (flags | bits) >>> 0]));
  return kept;
}

function applyChanges(changes: Map<number, number>, into: Unpacked, count: number): void {
  const { seqs, flagSets } = into;
  for (let i = 0; i < count; i++) flagSets[i] = changes.get(seqs[i]!) ?? flagSets[i]!;
}

function holds(packed: Packed, seq: number): boolean {
  const { seqs } = unpackTo(packed);
  let low = 0;
  let high = packed.chunk.count - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (seqs[middle]! < seq) low = middle + 1;
    else high = middle;
  }
  return seqs[low] === seq;
}

function visitPacked(packed: Packed, visit: (seq: number, flags: number) => void): void {
  visitPackedWhile(packed, (seq, flags) => {
    visit(seq, flags);
    return true;
  });
}

function visitPackedWhile(packed: Packed, visit: (seq: number, flags: number) => boolean): void {
  // What is visited may unpack another chunk: the numbers are copied out of the shared room.
  const { count } = packed.chunk;
  const unpacked = unpackTo(packed);
  const seqs = unpacked.seqs.slice(0, count);
  const flagSets = unpacked.flagSets.slice(0, count);
  for (let i = 0; i < count; i++) {
    const flags = packed.changes?.get(seqs[i]!) ?? flagSets[i]!;
    if (flags !== BURIED && !visit(seqs[i]!, flags)) return;
  }
}

function visitRunChunks(run: Run, visit: (chunk: Chunk) => void): void {
  if (run.count > 0) visit(chunkOf(run));
}
