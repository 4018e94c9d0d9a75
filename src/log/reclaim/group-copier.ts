/**
 * Copies what somebody refers to of a segment into a new file in the order of groups: what will be read together lies together, however
 * it came. Blocks that follow one another make a part, whose records are sorted by group and, within one, by number. They lie in short
 * batches; behind them a directory says which batch holds which number (`format/directory.ts`).
 *
 *     before   │ a1 b1 c1 d1 a2 b2 c2 d2 │ a3 b3 c3 d3 … │      blocks
 *     after    │ a1 a2 a3 … │ b1 b2 b3 … │ c1 … │ d1 … │ directory │      a part
 *
 * Numbers stay, and so do the ranges of them: a part's lie between those of its neighbours. A part is held in memory while it is written, in
 * buffers that blocks kept for reading have made room for.
 *
 * Refuses, as `SegmentCopier` does: to copy a segment in which something is damaged, or of which the owner does not know what it refers to.
 */
import type { ResidentBlocks } from '../blocks/resident-blocks.ts';
import type { Segment, SegmentBlock } from '../blocks/segment.ts';
import { type LogFile, writeFile } from '../files/files.ts';
import { align8, BATCH_HEADER_BYTES, BatchHeader, batchEndsAt, readBatch } from '../format/batch.ts';
import {
  payloadBytesAt,
  SEQUENCED_HEADER_BYTES,
  sequenceAt,
  UNSEQUENCED,
  UNSEQUENCED_HEADER_BYTES,
} from '../format/record.ts';
import { GROUPED_VERSION } from '../format/segment.ts';
import { Part, PartMemory } from './group-part.ts';
import { PartWriter } from './part-writer.ts';
import {
  type CopiedSegment,
  type Copier,
  type CopierOptions,
  type LiveRecords,
  nextHeader,
  readPart,
} from './rewriting.ts';

export class GroupCopier implements Copier {
  private readonly options: CopierOptions;
  private readonly residents: ResidentBlocks<SegmentBlock>;
  private readonly header = new BatchHeader();
  /** Memory for a part, while one segment follows another. */
  private memory: PartMemory | undefined = undefined;

  constructor(options: CopierOptions, residents: ResidentBlocks<SegmentBlock>) {
    this.options = options;
    this.residents = residents;
  }

  /** No other segment follows for now. */
  rest(): void {
    this.memory?.release();
    this.memory = undefined;
  }

  async copy(segment: Segment, live: LiveRecords, file: LogFile): Promise<CopiedSegment | undefined> {
    await writeFile(file, await nextHeader(this.options, segment, GROUPED_VERSION), 0);
    if (this.memory?.chunkBytes !== segment.blockBytes) this.rest();
    this.memory ??= new PartMemory(this.residents, segment.blockBytes);
    const part = new Part(this.memory);
    const out = new PartWriter(this.options, segment, file, this.memory.outgoing);
    for (const block of segment.blocks) {
      if (block.live === 0) continue;
      if (!part.hasRoomFor(block)) {
        if (!(await out.write(part))) return undefined;
        part.reset();
      }
      if (!(await this.read(segment, block, live, part))) return undefined;
    }
    if (part.count > 0 && !(await out.write(part))) return undefined;
    return { end: out.position, moved: out.moved };
  }

  /** Reads a block into a part; false if it is damaged, or somebody refers to it whom the owner does not know of. */
  private async read(segment: Segment, block: SegmentBlock, live: LiveRecords, part: Part): Promise<boolean> {
    const { header } = this;
    const { logId, segmentFiles } = this.options;
    const before = part.count;
    for (let from = block.start; from < block.end; ) {
      const bytes = Math.min(segment.blockBytes, block.end - from);
      await this.options.afford(bytes);
      const { chunk, at } = part.room(bytes);
      const n = await readPart(segmentFiles, segment, block.position + from, chunk.subarray(at, at + bytes));
      if (n < bytes) return false;
      const end = at + bytes;
      let next = at;
      while (next < end) {
        // The rest of a batch comes with the next piece, which begins with it.
        const whole = next + BATCH_HEADER_BYTES <= end && batchEndsAt(chunk, next) <= end;
        if (!whole && from + bytes < block.end) break;
        if (!readBatch(chunk, next, end, logId, segment.number, header)) return false;
        this.records(part, chunk, header, live);
        next = align8(header.end);
      }
      if (next === at) return false; // no batch is longer than a block
      part.taken(Math.min(next, end) - at);
      from += next - at;
    }
    if (part.count === before) return block.live === 0;
    part.blocks.push(block);
    return true;
  }

  private records(part: Part, chunk: Buffer, { payloadStart, end }: BatchHeader, live: LiveRecords): void {
    for (let at = payloadStart; at < end; ) {
      const length = payloadBytesAt(chunk, at);
      if (chunk[at]! < UNSEQUENCED) {
        const seq = sequenceAt(chunk, at);
        if (live.isLive(seq)) part.record(seq, live.groupOf(seq), at);
        at += SEQUENCED_HEADER_BYTES + length;
      } else at += UNSEQUENCED_HEADER_BYTES + length;
    }
  }
}
