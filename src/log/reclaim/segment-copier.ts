/**
 * Copies what somebody refers to of a segment into a new file: of each block its live sequenced records, in one batch. Numbers
 * stay; records without a number are left out.
 *
 * Refuses: to copy a segment in which something is damaged, or of which the owner does not know what it refers to.
 */
import type { Segment, SegmentBlock } from '../blocks/segment.ts';
import { type LogFile, syncFile, writeFile } from '../files/files.ts';
import { align8, BATCH_HEADER_BYTES, BatchHeader, readBatch, sealBatch } from '../format/batch.ts';
import {
  payloadBytesAt,
  SEQUENCED_HEADER_BYTES,
  sequenceAt,
  UNSEQUENCED,
  UNSEQUENCED_HEADER_BYTES,
} from '../format/record.ts';
import { FORMAT_VERSION, readSegmentHeader, SEGMENT_HEADER_BYTES, writeSegmentHeader } from '../format/segment.ts';
import type { SegmentFiles } from '../write/segment-files.ts';

/** What is written is synced at least so often, so that the last sync does not take long. */
const SYNC_BYTES = 4 * 1024 * 1024;

/** Where a block's records are in the new file. */
export interface MovedBlock {
  readonly block: SegmentBlock;
  readonly position: number;
  readonly end: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly records: number;
  readonly sequencedBytes: number;
}

export interface CopiedSegment {
  /** Where the new file ends. */
  readonly end: number;
  readonly moved: readonly MovedBlock[];
}

export interface SegmentCopierOptions {
  readonly logId: Buffer;
  readonly segmentFiles: SegmentFiles;
  /** Waits until so many bytes may be read and written; rejects when the copying is to end. */
  afford(bytes: number): Promise<void>;
}

export class SegmentCopier {
  private readonly options: SegmentCopierOptions;
  private readonly header = new BatchHeader();

  constructor(options: SegmentCopierOptions) {
    this.options = options;
  }

  /**
   * Writes the header and the live records to `file`; undefined if this segment had better stay as it is. Not all of it is on
   * the disk then.
   */
  async copy(segment: Segment, isLive: (seq: number) => boolean, file: LogFile): Promise<CopiedSegment | undefined> {
    const moved: MovedBlock[] = [];
    await writeFile(file, await this.headerOf(segment), 0);
    let position = SEGMENT_HEADER_BYTES;
    let unsynced = 0;
    const out = Buffer.allocUnsafeSlow(segment.blockBytes + BATCH_HEADER_BYTES);
    for (const block of segment.blocks) {
      await this.options.afford(block.end);
      if (block.live === 0) continue;
      const bytes = block.resident ? block.buffer : await this.read(segment, block);
      const kept = this.filter(segment, block, bytes, isLive, out, moved.length + 1);
      if (kept === undefined) return undefined;
      if (kept.records === 0) {
        if (block.live > 0) return undefined; // somebody refers to it whom the owner does not know of
        continue;
      }
      moved.push({ ...kept, block, position });
      await writeFile(file, out.subarray(0, kept.end), position);
      position += kept.end;
      unsynced += kept.end;
      if (unsynced >= SYNC_BYTES) {
        await syncFile(file);
        unsynced = 0;
      }
    }
    return { end: position, moved };
  }

  /** The same header, one generation on. */
  private async headerOf(segment: Segment): Promise<Buffer> {
    const buffer = Buffer.alloc(SEGMENT_HEADER_BYTES);
    // Also opens the file: what is read while the names change is read from the old one.
    const n = await this.readAt(segment, 0, buffer);
    const known = readSegmentHeader(buffer, n);
    const { number, blockBytes, generation, firstBatch } = segment;
    writeSegmentHeader(buffer, {
      version: FORMAT_VERSION,
      previous: 0,
      firstSeq: 0,
      checkpoint: 0,
      beganAtMs: 0,
      firstBatch,
      ...known,
      logId: this.options.logId,
      number,
      blockBytes,
      generation: generation + 1,
    });
    return buffer;
  }

  private async read(segment: Segment, block: SegmentBlock): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(block.end);
    const n = await this.readAt(segment, block.position, buffer);
    return buffer.subarray(0, n);
  }

  private readAt(segment: Segment, position: number, into: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.options.segmentFiles.read(segment, position, into, into.length, (error, n) => {
        if (error !== undefined) reject(error);
        else resolve(n);
      });
    });
  }

  /** Copies what is live of a block into one batch at the start of `out`; undefined if the block is damaged. */
  private filter(
    segment: Segment,
    block: SegmentBlock,
    bytes: Buffer,
    isLive: (seq: number) => boolean,
    out: Buffer,
    number: number,
  ): Omit<MovedBlock, 'block' | 'position'> | undefined {
    const { header } = this;
    const logId = this.options.logId;
    const limit = Math.min(block.end, bytes.length);
    let to = BATCH_HEADER_BYTES;
    let records = 0;
    let firstSeq = -1;
    let lastSeq = -1;
    for (let at = block.start; at < block.end; at = align8(header.end)) {
      if (!readBatch(bytes, at, limit, logId, segment.number, header)) return undefined;
      for (let from = header.payloadStart; from < header.end; ) {
        const length = payloadBytesAt(bytes, from);
        if (bytes[from]! >= UNSEQUENCED) {
          from += UNSEQUENCED_HEADER_BYTES + length;
          continue;
        }
        const next = from + SEQUENCED_HEADER_BYTES + length;
        const seq = sequenceAt(bytes, from);
        if (isLive(seq)) {
          bytes.copy(out, to, from, next);
          to += next - from;
          records++;
          if (firstSeq < 0) firstSeq = seq;
          lastSeq = seq;
        }
        from = next;
      }
    }
    const batch = new BatchHeader();
    batch.payloadBytes = to - BATCH_HEADER_BYTES;
    batch.number = number;
    batch.open = batch.payloadBytes;
    batch.records = records;
    batch.generation = segment.generation + 1;
    sealBatch(out, logId, segment.number, batch);
    const end = align8(to);
    out.fill(0, to, end);
    return { end, firstSeq, lastSeq, records, sequencedBytes: batch.payloadBytes };
  }
}
