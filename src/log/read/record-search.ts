/**
 * Search for one record in a block that is not in memory, a window of the file at a time. A block keeps no index on the disk; but
 * numbers go up through it, so a guess by their proportion lies close, and batches are short (`LogGeometry.batchBytesMax`): the
 * one that holds the record is mostly whole in the first window. Only that batch is verified.
 *
 *     low ── … batches before … ──┬── window ──┬── … batches behind … ── high
 *                                 └─ header, header, [the last that begins at or before the number] ─┘
 *
 * Refuses: to believe a record whose batch's checksum is wrong. What is learned of headers alone only says where to look next.
 */
import type { SegmentBlock } from '../blocks/segment.ts';
import { align8, BATCH_HEADER_BYTES, BatchHeader, batchEndsAt, isBatchHeader, readBatch } from '../format/batch.ts';
import {
  headerBytes,
  payloadBytesAt,
  type RecordRef,
  SEQUENCED_HEADER_BYTES,
  sequenceAt,
  UNSEQUENCED,
} from '../format/record.ts';

/** A batch's first four bytes. */
const MAGIC = Buffer.from('EPB1', 'latin1');
/** A guess may be off by this part of a batch, and the first window still hold the batch that is looked for. */
const SLACK_PART = 16;
/** Windows looked at for one record; then its block is read whole. */
const TRIES_MAX = 4;

const batch = new BatchHeader();

/** A record that is looked for, and between which places of its block, bytes from its start. */
export class RecordSearch {
  readonly seq: number;
  readonly block: SegmentBlock;
  /** The window to be read next. */
  from = 0;
  to = 0;
  private tries = 0;
  private lowSeq: number;
  private low: number;
  private highSeq: number;
  private high: number;

  private readonly batchBytes: number;

  /** @param batchBytes what a batch of the block takes at most, as far as can be told, its header included */
  constructor(seq: number, block: SegmentBlock, batchBytes: number) {
    this.seq = seq;
    this.block = block;
    this.batchBytes = batchBytes;
    this.low = block.start;
    this.lowSeq = block.firstSeq;
    this.high = block.end;
    this.highSeq = block.lastSeq + 1;
    this.guess();
  }

  private guess(): void {
    const { batchBytes } = this;
    const share = (this.seq - this.lowSeq) / (this.highSeq - this.lowSeq);
    const at = this.low + share * (this.high - this.low);
    // Where nothing was found nothing is known: the next window is wider.
    const reach = (batchBytes + batchBytes / SLACK_PART) << this.tries;
    this.from = Math.max(this.low, Math.floor(at - reach) & ~7);
    this.to = Math.min(this.high, align8(Math.ceil(at + reach)));
  }

  /**
   * Looks into the first `length` bytes of `buffer`, which hold the block from its byte `from` on. True: `ref` points at the record. False:
   * there is a new window to be read; or, if `to` is 0, the block is to be read whole.
   */
  look(buffer: Buffer, length: number, from: number, logId: Buffer, ref: RecordRef): boolean {
    const { number } = this.block.segment;
    const candidate = this.lastBefore(buffer, length, from, logId);
    this.tries++;
    if (candidate >= 0) {
      const end = batchEndsAt(buffer, candidate);
      if (end > length) {
        // Longer than most: exactly that one is read.
        return this.readOn(from + candidate, from + align8(end));
      }
      if (!readBatch(buffer, candidate, length, logId, number, batch)) return this.readOn(0, 0);
      if (find(buffer, batch, this.seq, ref)) return true;
      this.low = Math.max(this.low, from + align8(end));
      this.lowSeq = Math.max(this.lowSeq, ref.seq + 1);
    }
    if (this.lowSeq > this.seq || this.low >= this.high) return this.readOn(0, 0);
    this.guess();
    return this.readOn(this.from, this.to);
  }

  /** The last batch in the window that begins with the number that is looked for, or one before; -1 if there is none. */
  private lastBefore(buffer: Buffer, length: number, from: number, logId: Buffer): number {
    const { number } = this.block.segment;
    let found = -1;
    for (let at = nextHeader(buffer, 0, length, logId, number); at >= 0; ) {
      const first = firstSequence(buffer, at, length);
      if (first > this.seq) {
        this.high = Math.min(this.high, from + at);
        this.highSeq = Math.min(this.highSeq, first);
        break;
      }
      if (first >= 0) found = at;
      at = nextHeader(buffer, Math.min(align8(batchEndsAt(buffer, at)), length), length, logId, number);
    }
    return found;
  }

  private readOn(from: number, to: number): false {
    const possible = this.tries < TRIES_MAX && to <= this.block.end;
    this.from = from;
    this.to = possible ? to : 0;
    return false;
  }
}

/** Where the next thing begins that looks like a batch's header; -1 if nothing does. The buffer begins at a multiple of eight of the block. */
function nextHeader(buffer: Buffer, start: number, end: number, logId: Buffer, segment: number): number {
  for (let at = start; ; at++) {
    // Mostly one batch follows the other.
    if (!isBatchHeader(buffer, at, end, logId, segment)) at = buffer.indexOf(MAGIC, at);
    if (at < 0 || at + BATCH_HEADER_BYTES > end) return -1;
    if (at % 8 === 0 && isBatchHeader(buffer, at, end, logId, segment)) return at;
  }
}

/** The first sequence number in the batch at `at`, which is not verified, as far as it is there; -1 if there is none. */
function firstSequence(buffer: Buffer, at: number, end: number): number {
  const limit = Math.min(end, batchEndsAt(buffer, at));
  for (let record = at + BATCH_HEADER_BYTES; record + SEQUENCED_HEADER_BYTES <= limit; ) {
    const type = buffer[record]!;
    if (type < UNSEQUENCED) return sequenceAt(buffer, record);
    record += headerBytes(type) + payloadBytesAt(buffer, record);
  }
  return -1;
}

/** Points `ref` at a record of a sound batch. False: it is not there, and `ref.seq` is the last one that is. */
function find(buffer: Buffer, { payloadStart, end }: BatchHeader, seq: number, ref: RecordRef): boolean {
  for (let at = payloadStart; at < end; ) {
    const type = buffer[at]!;
    const start = at + headerBytes(type);
    const next = start + payloadBytesAt(buffer, at);
    if (type < UNSEQUENCED) {
      ref.seq = sequenceAt(buffer, at);
      if (ref.seq === seq) {
        ref.buffer = buffer;
        ref.start = start;
        ref.end = next;
        ref.type = type;
        return true;
      }
      if (ref.seq > seq) return false;
    }
    at = next;
  }
  return false;
}
