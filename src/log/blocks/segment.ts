/**
 * A segment and its blocks as the log keeps them in memory: which records they hold, how many references those have, and
 * what of their file is on the disk.
 */
import type { SegmentFile } from '../files/segment-file.ts';
import type { TableEntry } from '../format/own-records.ts';
import { SEGMENT_HEADER_BYTES } from '../format/segment.ts';
import { Block } from './block.ts';

/** After so many records that were not found in a segment without reading a whole block, none is looked for in any other way. */
const MISSES_MAX = 8;

export class Segment {
  readonly number: number;
  readonly path: string;
  readonly blockBytes: number;
  generation = 0;
  file: SegmentFile | undefined = undefined;
  /** The file's name outlives a power failure. */
  named = false;
  /** Reads that are under way. */
  reading = 0;
  /** References to records in it. */
  live = 0;
  /** No more is appended to it. */
  sealed = false;
  /** It is being rewritten; it is no part of the log any more. */
  compacting = false;
  /** Rewriting it makes sense, as far as is known. */
  compactable = true;
  /** Who copies its file: it stays as it is meanwhile. */
  pins = 0;
  /** Its messages lie as they may: in the order of groups, or they would gain nothing by it. */
  settled = false;
  /** When it was first seen that it could be written again; monotonic ms. */
  waitingSinceMs: number | undefined = undefined;
  /** Bytes of its file that a rewrite does not win. */
  overheadBytes = 0;
  gone = false;
  /** Its blocks that hold sequenced records, in order. */
  readonly blocks: SegmentBlock[] = [];
  /** What it takes up on the disk, once it is sealed. */
  fileBytes = 0;
  /** Number of the first batch in it; known for replayed ones. */
  firstBatch = 0;
  /** Records that were looked for in it and not found without reading a whole block. */
  misses = 0;
  /** Records in it that say anything; a replayed one without any is dropped. */
  meaningfulRecords = 0;

  constructor(number: number, path: string, blockBytes: number) {
    this.number = number;
    this.path = path;
    this.blockBytes = blockBytes;
  }

  /** Its batches are too long to be read alone, as an earlier version wrote them. */
  get longBatches(): boolean {
    return this.misses >= MISSES_MAX;
  }

  /** What its file takes up. */
  get diskBytes(): number {
    return Math.max(this.fileBytes, this.file?.preparedBytes ?? 0);
  }

  /** What is alive in its sealed blocks, as far as can be told without asking: references may be several to one record. */
  get liveBytes(): number {
    if (this.live === 0) return 0;
    let bytes = 0;
    for (const block of this.blocks) {
      if (block.records > 0) bytes += block.sequencedBytes * Math.min(1, block.live / block.records);
    }
    return bytes;
  }
}

export class SegmentBlock extends Block {
  readonly segment: Segment;
  /** Where in the file it begins. */
  position: number;
  /** Once it is sealed: its sequenced records, and the bytes that they take. */
  records = 0;
  sequencedBytes = 0;
  /**
   * Its records lie in the order of groups, not of their numbers, and it may be much longer than others: it is never in memory as a
   * whole. A directory of so many bytes lies behind it; 0: none does.
   */
  grouped = false;
  directoryBytes = 0;

  constructor(segment: Segment, index: number, position = index * segment.blockBytes) {
    super(index);
    this.segment = segment;
    this.position = position;
  }

  /** Where in it the first batch begins: the first block of a file begins with the segment's header. */
  get start(): number {
    return this.position === 0 ? SEGMENT_HEADER_BYTES : 0;
  }
}

/** A block that lies in a file, as a table describes it. */
export function coldBlock(segment: Segment, entry: TableEntry): SegmentBlock {
  const block = new SegmentBlock(segment, segment.blocks.length, entry.position);
  block.end = entry.end;
  block.firstSeq = entry.firstSeq;
  block.lastSeq = entry.lastSeq;
  block.records = entry.records;
  block.sequencedBytes = entry.sequencedBytes;
  block.grouped = entry.grouped;
  block.directoryBytes = entry.directoryBytes;
  if (entry.grouped) segment.settled = true;
  markOnDisk(block);
  return block;
}

/** Marks all of the block as written and synced: it comes from the disk. */
export function markOnDisk(block: Block): void {
  block.sealed = true;
  block.takenTo = block.end;
  block.flushedTo = block.end;
}
