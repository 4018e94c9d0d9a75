/**
 * A table of the addresses that a connection has used lately, found by comparing bytes: so that a publish to a known
 * address makes no string.
 *
 * An address is two ranges of bytes (an exchange and a key, say; either may be empty). The bytes of all of them lie in one
 * piece of memory, and what tells where in typed arrays, so that looking one up among ten thousand is a walk through few
 * cold lines:
 *
 * ```
 * places   hash ─▶ │ entry + 1 │ 0 │ …       open addressing, at most half full
 * entries  entry ─▶ │ hash │ start │ middle │ end │
 * bytes    start ─▶ │ first range │ second range │
 * ```
 *
 * It begins small and is bounded: when it is full it starts anew, and so it does when too many addresses have the same hash,
 * as a hostile client can make them. The last address is very often the next one, and is looked at first; then the one that
 * was new after it, for a publisher that goes through its addresses in turn.
 */
import { equalRanges } from '../message/bytes.ts';

const PLACES_MIN = 16; // powers of two
const FIELDS = 4;
const BYTES_MIN = 256;
/** Places looked at for one address. Without ill will it is a few dozen at the very most. */
const PROBES_MAX = 256;

export interface AddressTableOptions {
  /** Addresses kept at most; default 32,768. */
  readonly entriesMax?: number;
  /** Bytes of addresses kept at most; default 2 MiB. A longer one is not kept. */
  readonly bytesMax?: number;
}

export class AddressTable<V> {
  private last = -1;
  private count = 0;
  private places = new Int32Array(PLACES_MIN);
  private mask = PLACES_MIN - 1;
  private entries = new Int32Array((PLACES_MIN / 2) * FIELDS);
  private readonly values: V[] = [];
  private bytes = Buffer.allocUnsafeSlow(BYTES_MIN);
  private bytesEnd = 0;
  private readonly entriesMax: number;
  private readonly bytesMax: number;

  constructor(options: AddressTableOptions = {}) {
    this.entriesMax = options.entriesMax ?? 32_768;
    this.bytesMax = options.bytesMax ?? 2 * 1024 * 1024;
  }

  get size(): number {
    return this.count;
  }

  /** What is known of the address `buffer[start, end)`, `buffer[keyStart, keyEnd)`. */
  find(buffer: Buffer, start: number, end: number, keyStart: number, keyEnd: number): V | undefined {
    const { last } = this;
    if (last >= 0 && this.same(last, buffer, start, end, keyStart, keyEnd)) return this.values[last];
    if (last + 1 < this.count && this.same(last + 1, buffer, start, end, keyStart, keyEnd)) {
      return this.values[++this.last];
    }
    const hash = hashOf(buffer, start, end, keyStart, keyEnd);
    const { places, mask, entries } = this;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const entry = places[(hash + probe) & mask]! - 1;
      if (entry < 0) return undefined;
      if (entries[entry * FIELDS] !== hash || !this.same(entry, buffer, start, end, keyStart, keyEnd)) continue;
      this.last = entry;
      return this.values[entry];
    }
    return undefined;
  }

  /** Keeps `value` for the address, in the place of what was known. */
  set(buffer: Buffer, start: number, end: number, keyStart: number, keyEnd: number, value: V): void {
    if (this.find(buffer, start, end, keyStart, keyEnd) !== undefined) {
      this.values[this.last] = value;
      return;
    }
    const length = end - start + keyEnd - keyStart;
    if (length > this.bytesMax) return;
    if (this.count === this.entriesMax || this.bytesEnd + length > this.bytesMax) this.clear();
    this.makeRoom(length);
    const hash = hashOf(buffer, start, end, keyStart, keyEnd);
    if (!this.place(this.count, hash)) {
      this.clear();
      this.place(0, hash);
    }
    const entry = this.count++;
    const { entries, bytesEnd } = this;
    const at = entry * FIELDS;
    entries[at] = hash;
    entries[at + 1] = bytesEnd;
    entries[at + 2] = bytesEnd + end - start;
    entries[at + 3] = bytesEnd + length;
    buffer.copy(this.bytes, bytesEnd, start, end);
    buffer.copy(this.bytes, bytesEnd + end - start, keyStart, keyEnd);
    this.bytesEnd += length;
    this.values[entry] = value;
    this.last = entry;
  }

  clear(): void {
    this.last = -1;
    this.count = 0;
    this.bytesEnd = 0;
    this.values.length = 0;
    this.places.fill(0);
  }

  private same(entry: number, buffer: Buffer, start: number, end: number, keyStart: number, keyEnd: number): boolean {
    const { entries, bytes } = this;
    const at = entry * FIELDS;
    const first = entries[at + 1]!;
    const middle = entries[at + 2]!;
    const last = entries[at + 3]!;
    return (
      equalRanges(bytes, middle, last, buffer, keyStart, keyEnd) &&
      equalRanges(bytes, first, middle, buffer, start, end)
    );
  }

  /** False if all places that will be looked at are taken. */
  private place(entry: number, hash: number): boolean {
    const { places, mask } = this;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const place = (hash + probe) & mask;
      if (places[place] !== 0) continue;
      places[place] = entry + 1;
      return true;
    }
    return false;
  }

  private makeRoom(length: number): void {
    if (this.bytesEnd + length > this.bytes.length) {
      const bytes = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.bytesEnd + length));
      this.bytes.copy(bytes, 0, 0, this.bytesEnd);
      this.bytes = bytes;
    }
    if ((this.count + 1) * 2 <= this.places.length) return;
    const size = this.places.length * 2;
    this.places = new Int32Array(size);
    this.mask = size - 1;
    const entries = new Int32Array((size / 2) * FIELDS);
    entries.set(this.entries);
    this.entries = entries;
    for (let entry = 0; entry < this.count; entry++) this.place(entry, entries[entry * FIELDS]!);
  }
}

/** FNV-1a. */
function hashOf(buffer: Buffer, start: number, end: number, keyStart: number, keyEnd: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ buffer[i]!, 0x01000193);
  for (let i = keyStart; i < keyEnd; i++) hash = Math.imul(hash ^ buffer[i]!, 0x01000193);
  return hash ^ (hash >>> 15);
}
