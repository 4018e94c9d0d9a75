/**
 * Records that were read from the disk one by one, copied out of what was read, until they have been looked at or others need the
 * room. Nothing leaves in the middle of a turn.
 */
import type { RecordRef } from '../format/record.ts';

/** Records are copied into pieces of memory of this length, which go with the last of them. */
const SLAB_BYTES = 128 * 1024;

interface CachedRecord {
  readonly buffer: Buffer;
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
  private slab = Buffer.alloc(0);
  private slabUsed = 0;

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
    if (this.slabUsed + length > this.slab.length) {
      this.slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, length));
      this.slabUsed = 0;
    }
    const start = this.slabUsed;
    ref.buffer.copy(this.slab, start, ref.start, ref.end);
    this.slabUsed += length;
    this.drop(seq);
    this.records.set(seq, { buffer: this.slab, start, end: start + length, type, used: false, onUse });
    this.bytes += length;
  }

  find(seq: number, ref: RecordRef): boolean {
    const record = this.records.get(seq);
    if (record === undefined) return false;
    ref.buffer = record.buffer;
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
