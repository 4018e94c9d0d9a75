/**
 * Copies what somebody refers to of a segment into a new file: of each block its live sequenced records, in one batch. Numbers
 * stay; records without a number are left out.
 *
 * Refuses: to copy a segment in which something is damaged, or of which the owner does not know what it refers to.
 */
import { NO_BYTES } from '../blocks/block.ts';
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
import { FORMAT_VERSION, SEGMENT_HEADER_BYTES } from '../format/segment.ts';
import {
  type CopiedSegment,
  type Copier,
  type CopierOptions,
  type LiveRecords,
  type MovedBlock,
  nextHeader,
  readPart,
  SYNC_BYTES,
} from './rewriting.ts';

export class SegmentCopier implements Copier {
  private readonly options: CopierOptions;
  private readonly header = new BatchHeader();

  constructor(options: CopierOptions) {
    this.options = options;
  }

  async copy(segment: Segment, { isLive }: LiveRecords, file: LogFile): Promise<CopiedSegment | undefined> {
    const moved: MovedBlock[] = [];
    await writeFile(file, await nextHeader(this.options, segment, FORMAT_VERSION), 0);
    let position = SEGMENT_HEADER_BYTES;
    let unsynced = 0;
    const out = Buffer.allocUnsafeSlow(segment.blockBytes + BATCH_HEADER_BYTES);
    // One for all blocks: made anew for each they would be tens of megabytes, until the engine collects them.
    let into = NO_BYTES;
    for (const block of segment.blocks) {
      await this.options.afford(block.end);
      if (block.live === 0) continue;
      let bytes = block.buffer;
      if (!block.resident) {
        if (into.length < block.end) into = Buffer.allocUnsafeSlow(Math.max(block.end, segment.blockBytes));
        bytes = await this.read(segment, block, into);
      }
      const kept = this.filter(segment, block, bytes, isLive, out, moved.length + 1);
      if (kept === undefined) return undefined;
      if (kept.records === 0) {
        if (block.live > 0) return undefined; // somebody refers to it whom the owner does not know of
        continue;
      }
      moved.push({ ...kept, blocks: [block], position, grouped: false, directoryBytes: 0 });
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

  private async read(segment: Segment, block: SegmentBlock, into: Buffer): Promise<Buffer> {
    const n = await readPart(this.options.segmentFiles, segment, block.position, into.subarray(0, block.end));
    return into.subarray(0, n);
  }

  /** Copies what is live of a block into one batch at the start of `out`; undefined if the block is damaged. */
  private filter(
    segment: Segment,
    block: SegmentBlock,
    bytes: Buffer,
    isLive: (seq: number) => boolean,
    out: Buffer,
    number: number,
  ): Pick<MovedBlock, 'end' | 'firstSeq' | 'lastSeq' | 'records' | 'sequencedBytes'> | undefined {
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
