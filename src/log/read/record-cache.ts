/**
 * Records that were read from the disk one by one, copied out of what was read, until they have been looked at or others need the
 * room. Nothing leaves in the middle of a turn.
 */
import type { RecordRef } from '../format/record.ts';

/** Records are copied into pieces of memory of this length, which are used again when the last of them has gone. */
const SLAB_BYTES = 128 * 1024;
/** So many are kept for that: made anew each time they would wait for the engine to collect them, tens of MiB of them. */
const FREE_MAX = 16;

interface Slab {
  readonly buffer: Buffer;
  /** In it. */
  records: number;
}

interface CachedRecord {
  readonly slab: Slab;
  readonly start: number;
  readonly end: number;
  readonly type: number;
  /** It was looked at. */
  used: boolean;
  /** Called when it is looked at for the first time. */
  onUse: (() => void) | undefined;
}

export class RecordCache {
  readonly bytesMax: number;
  /** Payload bytes in it. */
  bytes = 0;
  /** By sequence number, in the order in which they came. */
  private readonly records = new Map<number, CachedRecord>();
  private slab: Slab = { buffer: Buffer.alloc(0), records: 0 };
  private slabUsed = 0;
  /** Nothing is left in these: somebody may still be reading them in this turn. */
  private readonly leaving: Slab[] = [];
  private readonly free: Slab[] = [];

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get size(): number {
    return this.records.size;
  }

  has(seq: number): boolean {
    return this.records.has(seq);
  }

  /** Copies what `ref` points at. */
  add(ref: RecordRef, onUse: (() => void) | undefined): void {
    const { seq, type } = ref;
    const length = ref.end - ref.start;
    if (this.slabUsed + length > this.slab.buffer.length) this.begin(length);
    const { slab } = this;
    const start = this.slabUsed;
    ref.buffer.copy(slab.buffer, start, ref.start, ref.end);
    this.slabUsed += length;
    this.drop(seq);
    slab.records++;
    this.records.set(seq, { slab, start, end: start + length, type, used: false, onUse });
    this.bytes += length;
  }

  /** Begins another slab, for so many bytes at least. */
  private begin(bytes: number): void {
    if (this.slab.records === 0) this.leaving.push(this.slab);
    const kept = bytes <= SLAB_BYTES ? this.free.pop() : undefined;
    this.slab = kept ?? { buffer: Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes)), records: 0 };
    this.slabUsed = 0;
  }

  find(seq: number, ref: RecordRef): boolean {
    const record = this.records.get(seq);
    if (record === undefined) return false;
    ref.buffer = record.slab.buffer;
    ref.start = record.start;
    ref.end = record.end;
    ref.type = record.type;
    ref.memory = null;
    ref.seq = seq;
    if (!record.used) {
      record.used = true;
      const { onUse } = record;
      record.onUse = undefined;
      onUse?.();
    }
    return true;
  }

  /** Nobody needs it any more. */
  drop(seq: number): void {
    const record = this.records.get(seq);
    if (record === undefined) return;
    this.bytes -= record.end - record.start;
    this.records.delete(seq);
    const { slab } = record;
    if (--slab.records === 0 && slab !== this.slab) this.leaving.push(slab);
  }

  /** At the end of a turn: nobody reads what was let go of in it any more. */
  endOfTurn(): void {
    const { leaving, free } = this;
    for (const slab of leaving) if (slab.buffer.length === SLAB_BYTES && free.length < FREE_MAX) free.push(slab);
    leaving.length = 0;
  }

  /** At the end of a turn: those that were looked at go first, then the oldest, until the rest is within the bound. */
  keepWithin(): void {
    if (this.bytes <= this.bytesMax) return;
    for (const [seq, { used }] of this.records) {
      if (used) this.drop(seq);
      if (this.bytes <= this.bytesMax) return;
    }
    for (const seq of this.records.keys()) {
      this.drop(seq);
      if (this.bytes <= this.bytesMax) return;
    }
  }
}
