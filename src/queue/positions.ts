/**
 * What a queue holds of the messages it has not yet handed out: sequence numbers and words in order of arrival, never
 * objects.
 *
 * ```
 * shift ◀── front (ring) ◀── packed chunks ◀── back (ring) ◀── push
 * ```
 *
 * A short queue lives in the front alone. A long one has its head and its tail in rings of up to a chunk, and the rest
 * packed (`chunk.ts`): its memory does not grow with the backlog worth speaking of.
 */
import { CHUNK_LENGTH, type Chunk, pack, type Unpacked, unpack, unpackedRoom } from './chunk.ts';
import { BURIED, Ring } from './ring.ts';

/** A packed chunk, and what recovery has changed of it. */
interface Packed {
  chunk: Chunk;
  /** Words that differ from the chunk's; BURIED for those that are gone. Null nearly always. */
  changes: Map<number, number> | null;
}

const NO_BACK = new Ring();
const NONE_PACKED: Packed[] = [];

/** Chunks are unpacked one at a time. */
let room: Unpacked | null = null;

export class Positions {
  length = 0;
  private readonly front = new Ring();
  /** Shared and empty until it is needed. */
  private back = NO_BACK;
  private packed: Packed[] = NONE_PACKED;
  /** Chunks before this one have been read. */
  private packedHead = 0;

  push(seq: number, word: number): void {
    this.length++;
    if (this.packed.length === 0 && this.back.length === 0 && this.front.length < CHUNK_LENGTH) {
      this.front.push(seq, word);
      return;
    }
    if (this.back.length === CHUNK_LENGTH) this.packBack();
    else if (this.back === NO_BACK) this.back = new Ring();
    this.back.push(seq, word);
  }

  /** Undefined behaviour when empty: look at `length` first. */
  headSeq(): number {
    return this.front.headSeq();
  }

  headWord(): number {
    return this.front.headWord();
  }

  lastSeq(): number {
    if (this.back.length > 0) return this.back.seqAt(this.back.length - 1);
    if (this.packed.length > 0) return this.packed[this.packed.length - 1]!.chunk.last;
    return this.front.length === 0 ? 0 : this.front.seqAt(this.front.length - 1);
  }

  shift(): void {
    this.length--;
    this.front.shift();
    if (this.front.length === 0 && this.length > 0) this.refill();
  }

  /** The front is used up: the next chunk, or the back, takes its place. */
  private refill(): void {
    const next = this.packed[this.packedHead];
    if (next !== undefined) {
      const { seqs, words } = unpackTo(next);
      if (next.changes !== null) applyChanges(next.changes, seqs, words, next.chunk.count);
      this.front.fill(seqs, words, next.chunk.count);
      this.packedHead++;
      if (this.packedHead === this.packed.length) {
        this.packed = NONE_PACKED;
        this.packedHead = 0;
      } else if (this.packedHead > 256 && this.packedHead * 2 > this.packed.length) {
        this.packed = this.packed.slice(this.packedHead);
        this.packedHead = 0;
      }
      return;
    }
    const { back, front } = this;
    for (let i = 0; i < back.length; i++) front.push(back.seqAt(i), back.wordAt(i));
    this.back = NO_BACK;
  }

  private addPacked(chunk: Chunk): void {
    if (this.packed === NONE_PACKED) this.packed = [];
    this.packed.push({ chunk, changes: null });
  }

  private packBack(): void {
    const { back } = this;
    const chunk = pack(
      back.length,
      (i) => back.seqAt(i),
      (i) => back.wordAt(i),
    );
    this.addPacked(chunk);
    back.clear();
  }

  forEach(visit: (seq: number, word: number) => void): void {
    visitRing(this.front, visit);
    for (let i = this.packedHead; i < this.packed.length; i++) visitPacked(this.packed[i]!, visit);
    visitRing(this.back, visit);
  }

  /** Those of `first` to `last`, without unpacking what lies elsewhere. */
  forEachIn(first: number, last: number, visit: (seq: number, word: number) => void): void {
    const within = (seq: number, word: number): void => {
      if (seq >= first && seq <= last) visit(seq, word);
    };
    visitRing(this.front, within);
    for (let i = this.packedHead; i < this.packed.length; i++) {
      const { chunk } = this.packed[i]!;
      if (chunk.last >= first && chunk.first <= last) visitPacked(this.packed[i]!, within);
    }
    visitRing(this.back, within);
  }

  /** Everything as chunks, in order: for a checkpoint. What is packed already is handed out as it is. */
  forEachChunk(visit: (chunk: Chunk) => void): void {
    visitRingChunks(this.front, visit);
    for (let i = this.packedHead; i < this.packed.length; i++) visit(this.packed[i]!.chunk);
    visitRingChunks(this.back, visit);
  }

  clear(): void {
    this.front.clear();
    this.back = NO_BACK;
    this.packed = NONE_PACKED;
    this.packedHead = 0;
    this.length = 0;
  }

  // ---------------------------------------------------------------------------------------------------- recovery

  /** Recovery: takes a chunk as it is. It comes after everything that is here. */
  adopt(chunk: Chunk): void {
    if (this.back.length > 0) this.packBack();
    this.length += chunk.count;
    if (this.packed.length === 0 && this.front.length === 0) {
      const { seqs, words } = unpackTo({ chunk, changes: null });
      this.front.fill(seqs, words, chunk.count);
    } else this.addPacked(chunk);
  }

  /**
   * Recovery: takes out one sequence number, wherever it is, without moving the others: its place, and `length`, stay as
   * they are until `compact`. False if it is not here.
   */
  bury(seq: number): boolean {
    return this.amend(seq, BURIED);
  }

  /** Recovery: changes the word of one sequence number; false if it is not here. */
  amend(seq: number, word: number): boolean {
    for (const ring of [this.front, this.back]) {
      const at = ring.find(seq);
      if (at < 0) continue;
      if (ring.wordAt(at) === BURIED) return false;
      ring.setWord(at, word);
      // Mostly the head is settled first, and need not wait for the end.
      while (ring === this.front && this.front.length > 0 && this.front.headWord() === BURIED) this.shift();
      return true;
    }
    const packed = this.findPacked(seq);
    if (packed === undefined || packed.changes?.get(seq) === BURIED || !holds(packed, seq)) return false;
    packed.changes ??= new Map();
    packed.changes.set(seq, word);
    return true;
  }

  private findPacked(seq: number): Packed | undefined {
    let low = this.packedHead;
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

  /** Recovery is over: closes the gaps that `bury` left, and sets `bits` in every word. */
  compact(bits: number): void {
    const chunks: Packed[] = this.packed.slice(this.packedHead);
    const before = this.front;
    const kept: [number, number][] = [];
    visitRing(before, (seq, word) => kept.push([seq, (word | bits) >>> 0]));
    const tail: [number, number][] = [];
    visitRing(this.back, (seq, word) => tail.push([seq, (word | bits) >>> 0]));
    this.clear();
    for (const [seq, word] of kept) this.push(seq, word);
    for (const packed of chunks) this.adoptChanged(packed, bits);
    for (const [seq, word] of tail) this.push(seq, word);
  }

  private adoptChanged(packed: Packed, bits: number): void {
    const { chunk, changes } = packed;
    if (changes === null) {
      const words = chunk.words.map((value, i) => (i % 2 === 0 ? value : (value | bits) >>> 0));
      this.adopt({ ...chunk, words });
      return;
    }
    const seqs: number[] = [];
    const words: number[] = [];
    visitPacked(packed, (seq, word) => {
      seqs.push(seq);
      words.push((word | bits) >>> 0);
    });
    if (seqs.length > 0)
      this.adopt(
        pack(
          seqs.length,
          (i) => seqs[i]!,
          (i) => words[i]!,
        ),
      );
  }
}

function unpackTo(packed: Packed): Unpacked {
  room ??= unpackedRoom();
  unpack(packed.chunk, room);
  return room;
}

function applyChanges(changes: Map<number, number>, seqs: Float64Array, words: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) words[i] = changes.get(seqs[i]!) ?? words[i]!;
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

function visitRing(ring: Ring, visit: (seq: number, word: number) => void): void {
  for (let i = 0; i < ring.length; i++) {
    const word = ring.wordAt(i);
    if (word !== BURIED) visit(ring.seqAt(i), word);
  }
}

function visitPacked(packed: Packed, visit: (seq: number, word: number) => void): void {
  // What is visited may unpack another chunk: the numbers are copied out of the shared room.
  const { count } = packed.chunk;
  const unpacked = unpackTo(packed);
  const seqs = unpacked.seqs.slice(0, count);
  const words = unpacked.words.slice(0, count);
  for (let i = 0; i < count; i++) {
    const word = packed.changes?.get(seqs[i]!) ?? words[i]!;
    if (word !== BURIED) visit(seqs[i]!, word);
  }
}

function visitRingChunks(ring: Ring, visit: (chunk: Chunk) => void): void {
  for (let from = 0; from < ring.length; from += CHUNK_LENGTH) {
    const count = Math.min(CHUNK_LENGTH, ring.length - from);
    visit(
      pack(
        count,
        (i) => ring.seqAt(from + i),
        (i) => ring.wordAt(from + i),
      ),
    );
  }
}
