/**
 * Where a follower is in its log, and whether what comes next may come next: epochs, batch numbers without a gap, checksums, places. It looks
 * and remembers; who writes is `own-segments.ts`. A part that does not fit is never passed over.
 */
import { align8, BatchHeader, readBatch } from '../../log/format/batch.ts';
import { readSegmentHeader, SEGMENT_HEADER_BYTES } from '../../log/format/segment.ts';
import type { ReplicaPart } from '../../log/replica.ts';
import { type AppendContent, Broken, CLAIM } from '../envelope.ts';

/** Where the CRC of a batch lies in its header. */
const CHECKSUM_AT = 4;

/** A batch of our own to go on from. */
export interface LastBatch {
  readonly number: number;
  readonly checksum: number;
  readonly segment: number;
  readonly blockBytes: number;
  /** Where the next batch could begin. */
  readonly end: number;
}

export class Cursor {
  /** Undefined: nothing was taken yet, whatever comes is the first. */
  epoch: number | undefined = undefined;
  /** Of the last append, in its epoch. */
  number = 0;
  nextBatch: number;
  /** Of the batch before that; 0: there is none. */
  checksum: number;
  /** The segment that batches go into, 0: none yet. */
  segment: number;
  blockBytes: number;
  end: number;

  /** @param last null: from the very first batch */
  constructor(last: LastBatch | null) {
    this.nextBatch = (last?.number ?? 0) + 1;
    this.checksum = last?.checksum ?? 0;
    this.segment = last?.segment ?? 0;
    this.blockBytes = last?.blockBytes ?? 0;
    this.end = last?.end ?? 0;
  }

  /**
   * Takes an append and goes on behind it; returns the headers of the batches of each part.
   * @throws Broken it does not belong here; then the cursor is worth nothing any more
   */
  take(append: AppendContent): BatchHeader[][] {
    const { epoch, number, kind } = append;
    if (this.epoch === undefined) this.number = number;
    else if (kind === CLAIM) {
      if (epoch <= this.epoch) throw new Broken(`a claim of epoch ${epoch} comes after epoch ${this.epoch}`);
    } else {
      if (epoch !== this.epoch)
        throw new Broken(`epoch ${epoch} has batches and made no claim; it is epoch ${this.epoch}`);
      if (number !== this.number + 1) throw new Broken(`append ${number} of epoch ${epoch} comes after ${this.number}`);
    }
    if (append.firstBatch !== this.nextBatch) {
      throw new Broken(`it goes on with batch ${append.firstBatch}, and batch ${this.nextBatch} comes next`);
    }
    if (append.checksumBefore !== this.checksum) {
      throw new Broken(`it goes on behind another batch ${this.nextBatch - 1} than the one that is here`);
    }
    this.epoch = epoch;
    this.number = number;
    return append.parts.map((part) => this.takePart(append.logId, part));
  }

  /** Takes batches of one place. @throws Broken as `take` */
  takePart(logId: Buffer, part: ReplicaPart): BatchHeader[] {
    const { bytes, segment, position } = part;
    const begins = position === 0;
    if (begins) this.beginSegment(logId, part);
    else if (segment !== this.segment)
      throw new Broken(`segment ${segment} goes on in the middle, after segment ${this.segment}`);
    else if (position !== this.end && position !== Math.ceil(this.end / this.blockBytes) * this.blockBytes) {
      throw new Broken(`segment ${segment} goes on at ${position}, and ended at ${this.end}`);
    }
    const blockEnd = (Math.floor(position / this.blockBytes) + 1) * this.blockBytes;
    if (position + bytes.length > blockEnd) throw new Broken(`a part at ${position} crosses a block`);
    const headers: BatchHeader[] = [];
    let at = begins ? SEGMENT_HEADER_BYTES : 0;
    while (at < bytes.length) {
      const header = new BatchHeader();
      if (!readBatch(bytes, at, bytes.length, logId, segment, header)) {
        throw new Broken(`no sound batch is at ${position + at} of segment ${segment}`);
      }
      if (header.number !== this.nextBatch || header.generation !== 0) {
        throw new Broken(
          `batch ${header.number} of generation ${header.generation} is where batch ${this.nextBatch} should be`,
        );
      }
      this.nextBatch++;
      this.checksum = bytes.readUInt32LE(at + CHECKSUM_AT);
      at = align8(header.end);
      headers.push(header);
    }
    this.end = position + at;
    return headers;
  }

  private beginSegment(logId: Buffer, { bytes, segment }: ReplicaPart): void {
    const header = readSegmentHeader(bytes, bytes.length);
    if (header?.number !== segment || !header.logId.equals(logId) || header.generation !== 0) {
      throw new Broken(`segment ${segment} begins without a sound header`);
    }
    if (header.previous !== this.segment || segment <= this.segment) {
      throw new Broken(
        `segment ${segment} follows segment ${header.previous}, and ${this.segment} is the last one here`,
      );
    }
    if (header.firstBatch !== this.nextBatch) {
      throw new Broken(
        `segment ${segment} begins with batch ${header.firstBatch}, and batch ${this.nextBatch} comes next`,
      );
    }
    this.segment = segment;
    this.blockBytes = header.blockBytes;
    this.end = 0;
  }
}
