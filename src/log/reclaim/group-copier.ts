/**
 * Copies what somebody refers to of a segment into a new file in the order of groups: what will be read together lies together, however
 * it came. Blocks that follow one another make a part, whose records are sorted by group and, within one, by number. They lie in short
 * batches; behind them a directory says which batch holds which number (`format/directory.ts`).
 *
 *     before   │ a1 b1 c1 d1 a2 b2 c2 d2 │ a3 b3 c3 d3 … │      blocks
 *     after    │ a1 a2 a3 … │ b1 b2 b3 … │ c1 … │ d1 … │ directory │      a part
 *
 * Numbers stay, and so do the ranges of them: a part's lie between those of its neighbours. A part is held in memory while it is written.
 *
 * Refuses, as `SegmentCopier` does: to copy a segment in which something is damaged, or of which the owner does not know what it refers to.
 */
import type { Segment, SegmentBlock } from '../blocks/segment.ts';
import { type LogFile, syncFile, writeFile } from '../files/files.ts';
import { align8, BATCH_HEADER_BYTES, BatchHeader, batchEndsAt, readBatch, sealBatch } from '../format/batch.ts';
import { type Directory, directoryOf } from '../format/directory.ts';
import {
  payloadBytesAt,
  SEQUENCED_HEADER_BYTES,
  sequenceAt,
  UNSEQUENCED,
  UNSEQUENCED_HEADER_BYTES,
} from '../format/record.ts';
import { GROUPED_VERSION, SEGMENT_HEADER_BYTES } from '../format/segment.ts';
import { batchBytesOf } from '../options.ts';
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

/** A part takes so many blocks at most: what is held in memory of it. */
const PART_BLOCKS = 32;
/** And about so many records: they are put in order in one go. */
const PART_RECORDS = 65_536;

/** Memory that is used for a part of a segment. */
export function partBytes({ blocks, blockBytes }: Segment): number {
  let bytes = 0;
  for (const { end } of blocks) bytes += end;
  return Math.min(bytes, PART_BLOCKS * blockBytes);
}

/** The records of one part: their bytes, and what they are sorted by. */
class Part {
  readonly blocks: SegmentBlock[] = [];
  /** Records as they were read, with what lay between them. */
  buffer: Buffer;
  used = 0;
  /** Of each record: its number, which of the groups it is in, and where it begins. */
  seqs: number[] = [];
  private groupOf: number[] = [];
  starts: number[] = [];
  /** Groups as they came, and how many records each has. */
  private readonly places = new Map<number, number>();
  private readonly sizes: number[] = [];
  private ascending = true;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  get count(): number {
    return this.seqs.length;
  }

  /** Empties it, to be filled again. */
  reset(): void {
    this.blocks.length = 0;
    this.used = 0;
    this.seqs = [];
    this.groupOf = [];
    this.starts = [];
    this.places.clear();
    this.sizes.length = 0;
    this.ascending = true;
  }

  hasRoomFor(block: SegmentBlock, bytesMax: number): boolean {
    if (this.blocks.length === 0) return true;
    if (this.used + block.end > bytesMax || this.count + block.records > PART_RECORDS) return false;
    return block.lastSeq - this.blocks[0]!.firstSeq < 0xffff_ffff;
  }

  /** Room for so many bytes behind what is there. */
  reserve(bytes: number): void {
    if (this.used + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(this.used + bytes);
    this.buffer.copy(larger, 0, 0, this.used);
    this.buffer = larger;
  }

  record(seq: number, group: number, start: number): void {
    const { seqs, sizes } = this;
    let place = this.places.get(group);
    if (place === undefined) {
      place = sizes.length;
      this.places.set(group, place);
      sizes.push(0);
    }
    sizes[place]!++;
    if (seqs.length > 0 && seq < seqs[seqs.length - 1]!) this.ascending = false;
    seqs.push(seq);
    this.groupOf.push(place);
    this.starts.push(start);
  }

  /**
   * Puts the records in the order of their numbers, and returns in which they are to lie: by group, then by number. What was found out of each
   * while it was read makes that a matter of counting, since nobody else is served meanwhile.
   */
  order(): Uint32Array {
    if (!this.ascending) this.sort();
    const { sizes, groupOf, count } = this;
    // Groups by their own numbers: what one rewriting has brought together lies in the same order after the next.
    const sorted = [...this.places].sort(([a], [b]) => a - b);
    const next = new Uint32Array(sizes.length);
    let at = 0;
    for (const [, place] of sorted) {
      next[place] = at;
      at += sizes[place]!;
    }
    const order = new Uint32Array(count);
    for (let i = 0; i < count; i++) order[next[groupOf[i]!]!++] = i;
    return order;
  }

  /** What lay by group before does not come in the order of numbers. */
  private sort(): void {
    const { seqs, groupOf, starts, count } = this;
    const first = seqs.reduce((least, seq) => Math.min(least, seq));
    const places = 2 ** Math.ceil(Math.log2(count + 1));
    const keys = new Float64Array(count);
    for (let i = 0; i < count; i++) keys[i] = (seqs[i]! - first) * places + i;
    keys.sort();
    const from = Array.from(keys, (key) => key % places);
    this.seqs = from.map((i) => seqs[i]!);
    this.groupOf = from.map((i) => groupOf[i]!);
    this.starts = from.map((i) => starts[i]!);
  }
}

export class GroupCopier implements Copier {
  private readonly options: CopierOptions;
  private readonly header = new BatchHeader();
  /** Memory for a part, while one segment follows another. */
  private spare: Buffer = Buffer.alloc(0);

  constructor(options: CopierOptions) {
    this.options = options;
  }

  /** No other segment follows for now. */
  rest(): void {
    this.spare = Buffer.alloc(0);
  }

  async copy(segment: Segment, live: LiveRecords, file: LogFile): Promise<CopiedSegment | undefined> {
    const bytesMax = PART_BLOCKS * segment.blockBytes;
    const out = new PartWriter(this.options, segment, file);
    await writeFile(file, await nextHeader(this.options, segment, GROUPED_VERSION), 0);
    const bufferBytes = partBytes(segment);
    const part = new Part(this.spare.length >= bufferBytes ? this.spare : Buffer.allocUnsafeSlow(bufferBytes));
    this.spare = part.buffer;
    for (const block of segment.blocks) {
      if (block.live === 0) continue;
      if (!part.hasRoomFor(block, bytesMax)) {
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
    part.reserve(block.end);
    const from = part.used;
    const end = from + block.end;
    let at = from + block.start;
    for (let filled = from; filled < end; ) {
      const bytes = Math.min(segment.blockBytes, end - filled);
      await this.options.afford(bytes);
      const into = part.buffer.subarray(filled, filled + bytes);
      if ((await readPart(segmentFiles, segment, block.position + filled - from, into)) < bytes) return false;
      filled += bytes;
      while (at < end) {
        // The rest of a batch comes with the next piece.
        const whole = at + BATCH_HEADER_BYTES <= filled && batchEndsAt(part.buffer, at) <= filled;
        if (!whole && filled < end) break;
        if (!readBatch(part.buffer, at, end, logId, segment.number, header)) return false;
        this.records(part, header, live);
        at = align8(header.end);
      }
    }
    part.used = end;
    if (part.count === before) return block.live === 0;
    part.blocks.push(block);
    return true;
  }

  private records(part: Part, { payloadStart, end }: BatchHeader, live: LiveRecords): void {
    const { buffer } = part;
    for (let at = payloadStart; at < end; ) {
      const length = payloadBytesAt(buffer, at);
      if (buffer[at]! < UNSEQUENCED) {
        const seq = sequenceAt(buffer, at);
        if (live.isLive(seq)) part.record(seq, live.groupOf(seq), at);
        at += SEQUENCED_HEADER_BYTES + length;
      } else at += UNSEQUENCED_HEADER_BYTES + length;
    }
  }
}

/** Writes parts one behind the other. */
class PartWriter {
  position = SEGMENT_HEADER_BYTES;
  readonly moved: MovedBlock[] = [];
  private readonly options: CopierOptions;
  private readonly segment: Segment;
  private readonly file: LogFile;
  private readonly batchBytes: number;
  private readonly header = new BatchHeader();
  /** What has not been written yet, and where a batch is open in it. */
  private out: Buffer;
  private used = 0;
  private unsynced = 0;
  /** Batches are numbered through the whole segment, from 1. */
  private batch = 1;

  constructor(options: CopierOptions, segment: Segment, file: LogFile) {
    this.options = options;
    this.segment = segment;
    this.file = file;
    // Never longer than a block, as everywhere.
    this.batchBytes = Math.min(batchBytesOf(segment.blockBytes), segment.blockBytes - BATCH_HEADER_BYTES - 8);
    this.out = Buffer.allocUnsafeSlow(segment.blockBytes);
  }

  /** False if it cannot be done. */
  async write(part: Part): Promise<boolean> {
    const { position } = this;
    const order = part.order();
    const { buffer, starts, seqs, blocks, count } = part;
    const batchOf = new Uint16Array(count);
    const ends = [0];
    let sequencedBytes = 0;
    let payload = 0;
    let records = 0;
    for (let i = 0; i < count; i++) {
      const which = order[i]!;
      const start = starts[which]!;
      const length = SEQUENCED_HEADER_BYTES + payloadBytesAt(buffer, start);
      if (payload > 0 && payload + length > this.batchBytes) {
        ends.push(ends[ends.length - 1]! + this.seal(payload, records));
        payload = 0;
        records = 0;
      }
      // A batch is begun where it has room whatever comes.
      if (payload === 0) await this.makeRoom(BATCH_HEADER_BYTES + Math.max(length, this.batchBytes) + 8);
      const at = this.used + BATCH_HEADER_BYTES + payload;
      buffer.copy(this.out, at, start, start + length);
      payload += length;
      records++;
      sequencedBytes += length;
      batchOf[which] = ends.length - 1;
    }
    ends.push(ends[ends.length - 1]! + this.seal(payload, records));
    const directory = directoryOf(seqs, batchOf, ends);
    if (directory === undefined) return false;
    const end = this.position + this.used - position;
    const directoryBytes = await this.writeDirectory(directory);
    const known = { position, end, firstSeq: seqs[0]!, lastSeq: seqs[count - 1]!, records: count, sequencedBytes };
    this.moved.push({ ...known, blocks: [...blocks], grouped: true, directoryBytes });
    await this.flush();
    return true;
  }

  private async writeDirectory(directory: Directory): Promise<number> {
    const { segment } = this;
    const { fileBytes } = directory;
    await this.makeRoom(fileBytes);
    directory.write(this.out, this.used, this.options.logId, segment.number, segment.generation + 1);
    this.used += fileBytes;
    return fileBytes;
  }

  /** Ends the batch; returns what it takes. */
  private seal(payload: number, records: number): number {
    const { header, segment, out } = this;
    header.at = this.used;
    header.payloadBytes = payload;
    header.number = this.batch++;
    header.open = payload;
    header.records = records;
    header.generation = segment.generation + 1;
    sealBatch(out, this.options.logId, segment.number, header);
    const end = align8(header.end);
    out.fill(0, header.end, end);
    const bytes = end - this.used;
    this.used = end;
    return bytes;
  }

  private async makeRoom(bytes: number): Promise<void> {
    if (this.used + bytes <= this.out.length) return;
    await this.flush();
    if (bytes > this.out.length) this.out = Buffer.allocUnsafeSlow(bytes);
  }

  private async flush(): Promise<void> {
    const { used, file } = this;
    if (used === 0) return;
    await this.options.afford(0);
    await writeFile(file, this.out.subarray(0, used), this.position);
    this.position += used;
    this.used = 0;
    this.unsynced += used;
    if (this.unsynced < SYNC_BYTES) return;
    await syncFile(file);
    this.unsynced = 0;
  }
}
