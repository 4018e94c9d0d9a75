/**
 * A ring of ids in the order in which they came, as bytes, with a hash table over them: nothing is allocated for one that comes.
 *
 * ```
 *  head ▼ oldest                                tail ▼
 *  ┌────┬────┬────┬────┬────┬────┬────┬────┬────┬────┐
 *  │ id │ id │ ·  │ id │ id │ ·  │ id │ id │ id │    │   places; · is forgotten
 *  └────┴────┴────┴────┴────┴────┴────┴────┴────┴────┘
 *     │    └──────────┐
 *  ┌──▼───┬───────────▼──┬─────────────────────────────┐
 *  │bytes │ bytes        │                             │  another ring: each id lies in one piece
 *  └──────┴──────────────┴─────────────────────────────┘
 * ```
 *
 * A place that is forgotten is used again when all before it are: or when a ring is full, which is then put in order.
 */
import { copyBytes } from '../message/bytes.ts';
import { IdTable } from './id-table.ts';

const CAPACITY_MIN = 16;
const BYTES_MIN = 512;
/** What a place says besides, in its low bits: an id is forgotten with its message; it is in the log. */
export const WHILE_PRESENT = 1;
export const KEPT = 2;
const FLAG_BITS = 2;
const FLAGS = (1 << FLAG_BITS) - 1;

export class IdRing {
  /** How many are there. */
  count = 0;
  private table = new IdTable(CAPACITY_MIN);
  /** By place: of an id's message, until when it is kept, its hash, where its bytes begin; its length and flags, 0: forgotten. */
  private seqs = new Float64Array(CAPACITY_MIN);
  private untils = new Float64Array(CAPACITY_MIN);
  private hashes = new Int32Array(CAPACITY_MIN);
  private starts = new Uint32Array(CAPACITY_MIN);
  private heads = new Uint32Array(CAPACITY_MIN);
  private bytes: Buffer = Buffer.allocUnsafeSlow(BYTES_MIN);
  private mask = CAPACITY_MIN - 1;
  /** Numbers that go on counting, of which the low bits are the place. */
  private head = 0;
  private tail = 0;
  /** The same of bytes: where the oldest begin, and behind the last. */
  private bytesHead = 0;
  private bytesTail = 0;
  /** Of ids that are there. */
  private liveBytes = 0;

  /** Places from the oldest to the newest, forgotten ones among them. */
  get span(): number {
    return (this.tail - this.head) >>> 0;
  }

  /** The place that is so many behind the oldest. */
  at(index: number): number {
    return (this.head + index) & this.mask;
  }

  /** The place that follows. */
  behind(place: number): number {
    return (place + 1) & this.mask;
  }

  isThere(place: number): boolean {
    return this.heads[place] !== 0;
  }

  seqOf(place: number): number {
    return this.seqs[place]!;
  }

  /** Epoch milliseconds; 0 for never. */
  untilOf(place: number): number {
    return this.untils[place]!;
  }

  flagsOf(place: number): number {
    return this.heads[place]! & FLAGS;
  }

  lengthOf(place: number): number {
    return this.heads[place]! >>> FLAG_BITS;
  }

  /** Where its id begins in `memory`. */
  startOf(place: number): number {
    return this.starts[place]!;
  }

  /** The ids lie in here until one comes. */
  get memory(): Buffer {
    return this.bytes;
  }

  /** How many places, from the oldest on, are of messages before this one. */
  before(seq: number): number {
    let low = 0;
    let high = this.span;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.seqs[this.at(middle)]! < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The place of the id `bytes[start, end)`; -1: it is not there. */
  find(bytes: Buffer, start: number, end: number, hash: number): number {
    const { table } = this;
    for (let cell = table.next(table.home(hash), hash); cell >= 0; cell = table.next(table.after(cell), hash)) {
      const place = table.placeIn(cell);
      if (this.isAt(place, bytes, start, end)) return place;
    }
    return -1;
  }

  private isAt(place: number, bytes: Buffer, start: number, end: number): boolean {
    const length = end - start;
    if (this.lengthOf(place) !== length) return false;
    const mine = this.bytes;
    const from = this.starts[place]!;
    for (let i = length - 1; i >= 0; i--) if (mine[from + i] !== bytes[start + i]) return false;
    return true;
  }

  /** It is not there, and is not empty. */
  push(bytes: Buffer, start: number, end: number, hash: number, seq: number, untilMs: number, flags: number): void {
    const length = end - start;
    if (this.span > this.mask || !this.fits(length)) this.rearrange(length);
    const place = this.tail & this.mask;
    this.seqs[place] = seq;
    this.untils[place] = untilMs;
    this.put(place, bytes, start, end, hash, flags);
    this.tail = (this.tail + 1) >>> 0;
    this.count++;
    this.liveBytes += length;
  }

  private put(place: number, bytes: Buffer, start: number, end: number, hash: number, flags: number): void {
    const to = this.bytesTail & (this.bytes.length - 1);
    copyBytes(bytes, start, end, this.bytes, to);
    this.bytesTail = (this.bytesTail + end - start) >>> 0;
    this.starts[place] = to;
    this.heads[place] = ((end - start) << FLAG_BITS) | flags;
    this.hashes[place] = hash;
    this.table.add(place, hash);
  }

  /** There is room for so many bytes in one piece, at the end or, what is left there being passed over, at the beginning. */
  private fits(length: number): boolean {
    const capacity = this.bytes.length;
    const used = (this.bytesTail - this.bytesHead) >>> 0;
    const toEnd = capacity - (this.bytesTail & (capacity - 1));
    if (length <= toEnd) return used + length <= capacity;
    if (used + toEnd + length > capacity) return false;
    this.bytesTail = (this.bytesTail + toEnd) >>> 0;
    return true;
  }

  remove(place: number): void {
    const length = this.lengthOf(place);
    this.heads[place] = 0;
    this.table.remove(place, this.hashes[place]!);
    this.count--;
    this.liveBytes -= length;
    if (place !== (this.head & this.mask)) return;
    while (this.head !== this.tail && this.heads[this.head & this.mask] === 0) this.head = (this.head + 1) >>> 0;
    if (this.head === this.tail) this.bytesHead = this.bytesTail;
    else {
      const capacity = this.bytes.length;
      const passed = (this.starts[this.head & this.mask]! - this.bytesHead) & (capacity - 1);
      this.bytesHead = (this.bytesHead + passed) >>> 0;
    }
  }

  /** A ring is full: those that are forgotten leave it, or it grows. @param more bytes there must be room for */
  private rearrange(more: number): void {
    const { seqs, untils, hashes, starts, heads, bytes, head, span } = this;
    const before = this.mask + 1;
    const capacity = this.count > before / 2 ? before * 2 : before;
    let room = bytes.length;
    while (this.liveBytes + more > (room * 3) / 4) room *= 2;
    this.table = new IdTable(capacity);
    this.seqs = new Float64Array(capacity);
    this.untils = new Float64Array(capacity);
    this.hashes = new Int32Array(capacity);
    this.starts = new Uint32Array(capacity);
    this.heads = new Uint32Array(capacity);
    this.bytes = Buffer.allocUnsafeSlow(room);
    this.mask = capacity - 1;
    this.bytesHead = this.bytesTail = 0;
    let to = 0;
    for (let i = 0; i < span; i++) {
      const from = (head + i) & (before - 1);
      const kept = heads[from]!;
      if (kept === 0) continue;
      this.seqs[to] = seqs[from]!;
      this.untils[to] = untils[from]!;
      const start = starts[from]!;
      this.put(to++, bytes, start, start + (kept >>> FLAG_BITS), hashes[from]!, kept & FLAGS);
    }
    this.head = 0;
    this.tail = to;
  }
}
