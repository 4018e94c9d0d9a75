/**
 * A block: 1 MiB of records that lie together, in memory, in a file, or in both. Consumers read from the very bytes that
 * the appender wrote and the flush writes out: a record is copied once.
 *
 * Finding a record: `seqs[i]` is the i-th record's number less the block's first, `offsets[i]` where it begins. Numbers go
 * up but may leave gaps (the other store of the vhost has those), so a search is needed; but records are read mostly in
 * order, so the one after the last hit is tried first, and then the place where it is if there are no gaps.
 *
 *     filling ──full──▶ sealed ──on disk──▶ evictable ──evict──▶ cold
 *                                              ▲                  │
 *                                              └──────load────────┘
 */
import { type Pinnable, PinnedMemory } from '../../message/pinned-memory.ts';
import type { BatchHeader } from '../format/batch.ts';
import {
  payloadBytesAt,
  RecordRef,
  SEQUENCED_HEADER_BYTES,
  sequenceAt,
  UNSEQUENCED,
  UNSEQUENCED_HEADER_BYTES,
} from '../format/record.ts';

export const NO_BYTES = Buffer.alloc(0);
const NO_INDEX: Uint32Array = new Uint32Array(0);
const INDEX_START = 256;
/** Indexes of blocks that left memory, for those that come: a busy log begins hundreds of blocks a second. */
const spareIndexes: { seqs: Uint32Array; offsets: Uint32Array }[] = [];
const SPARE_INDEXES_MAX = 16;

export interface Waiting {
  readonly seq: number;
  readonly done: (error: Error | undefined) => void;
}

export class Block implements Pinnable {
  /** Which of its segment's (or spill file's) blocks it is. */
  index: number;
  buffer: Buffer = NO_BYTES;
  resident = false;
  /** No more is appended to it. */
  sealed = false;
  /** Bytes used. */
  end = 0;
  /** Bytes that a flush has taken, and that are on disk. */
  takenTo = 0;
  flushedTo = 0;
  /** The sequenced records: first and last number; -1 while there is none. */
  firstSeq = -1;
  lastSeq = -1;
  count = 0;
  /** References to its records. */
  live = 0;
  /** Read since the evictor last looked. */
  used = false;
  /** Out of the table: nobody can ask for it again. */
  gone = false;
  /** Those who wait for it to be loaded, and for which record. */
  waiting: Waiting[] | undefined = undefined;
  private seqs: Uint32Array = NO_INDEX;
  private offsets: Uint32Array = NO_INDEX;
  private hint = 0;
  /** The memory of `buffer`, once somebody has wanted to pin some of it. */
  private memory: PinnedMemory | null = null;

  constructor(index: number) {
    this.index = index;
  }

  /** Enters a record that begins at `at` into the index. */
  add(seq: number, at: number): void {
    const i = this.count;
    if (i === this.seqs.length) this.growIndex();
    if (this.firstSeq < 0) this.firstSeq = seq;
    this.seqs[i] = seq - this.firstSeq;
    this.offsets[i] = at;
    if (seq > this.lastSeq) this.lastSeq = seq;
    this.count = i + 1;
  }

  /** Points `ref` at the record; false if it is not in this block. */
  find(seq: number, ref: RecordRef): boolean {
    const relative = seq - this.firstSeq;
    const seqs = this.seqs;
    let i = this.hint + 1;
    if (i >= this.count || seqs[i] !== relative) {
      i--;
      if (i >= this.count || seqs[i] !== relative) {
        i = relative;
        if (i >= this.count || seqs[i] !== relative) {
          i = this.search(relative);
          if (i < 0) return false;
        }
      }
    }
    this.hint = i;
    this.used = true;
    const at = this.offsets[i]!;
    const buffer = this.buffer;
    const start = at + SEQUENCED_HEADER_BYTES;
    ref.buffer = buffer;
    ref.start = start;
    ref.end = start + payloadBytesAt(buffer, at);
    ref.seq = seq;
    ref.type = buffer[at]!;
    ref.memory = this;
    return true;
  }

  private search(relative: number): number {
    const seqs = this.seqs;
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const there = seqs[middle]!;
      if (there === relative) return middle;
      if (there < relative) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  private growIndex(): void {
    const spare = this.seqs.length === 0 ? spareIndexes.pop() : undefined;
    if (spare !== undefined) {
      this.seqs = spare.seqs;
      this.offsets = spare.offsets;
      return;
    }
    const size = this.seqs.length === 0 ? INDEX_START : this.seqs.length * 2;
    const seqs = new Uint32Array(size);
    seqs.set(this.seqs);
    const offsets = new Uint32Array(size);
    offsets.set(this.offsets);
    this.seqs = seqs;
    this.offsets = offsets;
  }

  /** What is appended to it is not changed any more: it can be written to sockets from where it lies. */
  pinned(): PinnedMemory {
    this.memory ??= new PinnedMemory(this.buffer.length);
    return this.memory;
  }

  /** Whoever takes the buffer away must leave it as it is until this is not pinned any more. Null: it never was. */
  takeMemory(): PinnedMemory | null {
    const { memory } = this;
    this.memory = null;
    return memory;
  }

  /** Forgets what is in memory; numbers and references stay. */
  evict(): void {
    this.resident = false;
    this.memory = null;
    this.buffer = NO_BYTES;
    if (this.seqs.length >= INDEX_START && spareIndexes.length < SPARE_INDEXES_MAX) {
      spareIndexes.push({ seqs: this.seqs, offsets: this.offsets });
    }
    this.seqs = NO_INDEX;
    this.offsets = NO_INDEX;
    this.count = 0;
    this.hint = 0;
  }

  /** Gives the block its bytes; the index is then rebuilt with `add`. */
  restore(buffer: Buffer): void {
    this.buffer = buffer;
    this.resident = true;
    this.count = 0;
    this.hint = 0;
  }

  /** Tells everybody who waits how the load went. */
  loaded(error: Error | undefined): void {
    const waiting = this.waiting;
    if (waiting === undefined) return;
    this.waiting = undefined;
    for (const { seq, done } of waiting) {
      // The block may be there and the record not: its batch was damaged.
      done(error ?? (this.find(seq, PROBE) ? undefined : new Error(`record ${seq} is lost: its batch is damaged`)));
    }
  }

  /** The number does not fit in the index beside the block's first one: the block must be ended before it. */
  tooFar(seq: number): boolean {
    return this.firstSeq >= 0 && seq - this.firstSeq > 0xffffffff;
  }
}

const PROBE = new RecordRef();

/** Enters the sequenced records of a sound batch into its block's index; returns how many bytes they take. */
export function indexBatch(block: Block, buffer: Buffer, header: BatchHeader): number {
  const { end } = header;
  let at = header.payloadStart;
  let bytes = 0;
  while (at < end) {
    const payloadBytes = payloadBytesAt(buffer, at);
    if (buffer[at]! < UNSEQUENCED) {
      block.add(sequenceAt(buffer, at), at);
      at += SEQUENCED_HEADER_BYTES + payloadBytes;
      bytes += SEQUENCED_HEADER_BYTES + payloadBytes;
    } else at += UNSEQUENCED_HEADER_BYTES + payloadBytes;
  }
  return bytes;
}
