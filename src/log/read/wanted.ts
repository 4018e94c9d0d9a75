/** Records that are asked for and not in memory, and the stretches of blocks that are read for them. */
import type { Waiting } from '../blocks/block.ts';
import type { SegmentBlock } from '../blocks/segment.ts';
import type { Directory } from '../format/directory.ts';
import type { RecordSearch } from './record-search.ts';

/** Memory for windows up to this length is used again. */
export const WINDOW_BYTES = 64 * 1024;
/** Windows that are no further apart than this part of a block are read in one. */
export const MERGE_PART = 64;

/** A record that was asked for. */
export class Wanted {
  readonly seq: number;
  block: SegmentBlock;
  /** Those who wait for it; none if it is read ahead. */
  readonly waiting: Waiting['done'][] = [];
  onUse: (() => void) | undefined;
  search: RecordSearch | undefined = undefined;
  /** Where it is being looked for by a directory's word. */
  piece: Piece | undefined = undefined;

  constructor(seq: number, block: SegmentBlock, onUse: (() => void) | undefined) {
    this.seq = seq;
    this.block = block;
    this.onUse = onUse;
  }
}

/** A stretch of a block to be read, and the records that are looked for in it. */
export interface Piece {
  readonly block: SegmentBlock;
  readonly from: number;
  to: number;
  readonly wanted: Wanted[];
  /** Of the segment, when that was found out. */
  readonly generation: number;
  /** It was found out from this one. */
  readonly directory?: Directory;
}
