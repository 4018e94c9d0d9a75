/** Which stretches of a block are read for records of it that are wanted, where they lie in the order of their numbers. */
import type { SegmentBlock } from '../blocks/segment.ts';
import { BATCH_HEADER_BYTES } from '../format/batch.ts';
import { batchBytesOf } from '../options.ts';
import { RecordSearch } from './record-search.ts';
import { MERGE_PART, type Piece, type Wanted } from './wanted.ts';

/** A block is read whole if so much of it, one part in this many, would be read in pieces. */
const WHOLE_PART = 4;
/** A block is read whole as well if one of so many records between the first and the last that are asked for is. */
const DENSE_PART = 8;

/** Undefined: the block had better be read whole. */
export function piecesOf(block: SegmentBlock, wanted: readonly Wanted[]): Piece[] | undefined {
  const { segment } = block;
  const batchBytes = batchBytesIn(block);
  // What is rewritten, and what comes from before batches were short, has batches as long as blocks.
  if (block.resident || block.waiting !== undefined || segment.longBatches || segment.generation > 0) return undefined;
  if (isDense(wanted)) return undefined;
  const pieces: Piece[] = [];
  let last: Piece | undefined;
  let bytes = 0;
  for (const one of wanted) {
    const search = new RecordSearch(one.seq, block, batchBytes);
    one.search = search;
    if (last !== undefined && search.from <= last.to + segment.blockBytes / MERGE_PART) {
      bytes += Math.max(0, search.to - last.to);
      last.to = Math.max(last.to, search.to);
      last.wanted.push(one);
    } else {
      bytes += search.to - search.from;
      last = { block, from: search.from, to: search.to, wanted: [one], generation: segment.generation };
      pieces.push(last);
    }
    if (bytes * WHOLE_PART > block.end) return undefined;
  }
  return pieces;
}

/** Whoever asks for these is going to need most of the block. */
function isDense(wanted: readonly Wanted[]): boolean {
  const range = wanted[wanted.length - 1]!.seq - wanted[0]!.seq;
  return wanted.length > 1 && wanted.length * DENSE_PART >= range;
}

/** What a batch takes in this block, as far as can be told. */
function batchBytesIn({ segment, records, sequencedBytes }: SegmentBlock): number {
  const recordBytes = records > 0 ? sequencedBytes / records : 0;
  return BATCH_HEADER_BYTES + Math.max(batchBytesOf(segment.blockBytes), 2 * recordBytes);
}
