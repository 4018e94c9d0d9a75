/**
 * References to records: only their sum is kept, for each block and each segment. Blocks without any leave memory at the end
 * of the turn; segments without any are reclaimed or, when little of them is alive, rewritten.
 */
import { BlockTable } from '../blocks/block-table.ts';
import type { ResidentBlocks } from '../blocks/resident-blocks.ts';
import type { Segment, SegmentBlock } from '../blocks/segment.ts';
import { Reclaimer } from './reclaimer.ts';

export interface ReferencesOptions {
  readonly residents: ResidentBlocks<SegmentBlock>;
  /** What recovery found, in order. */
  readonly segments: Segment[];
  readonly blocks: readonly SegmentBlock[];
  /** There is something to give up at the end of the turn. */
  wake(): void;
}

export class References {
  /** Segments in use, in order; the last one is being written. */
  readonly segments: Segment[];
  readonly table = new BlockTable<SegmentBlock>();
  readonly residents: ResidentBlocks<SegmentBlock>;
  readonly reclaimer = new Reclaimer();
  /** Segments whose files were given back. */
  removedSegments = 0;
  /** References were taken away since `takeReleased`. */
  private released = false;
  /** Blocks without references, to be evicted at the end of the turn if that is still so. */
  private readonly evictable: SegmentBlock[] = [];
  private readonly wake: () => void;

  private readonly mayEvict = (block: SegmentBlock): boolean =>
    block.sealed && block.takenTo >= block.end && block.flushedTo === block.takenTo;
  private readonly evict = (block: SegmentBlock): void => this.residents.evict(block);

  constructor(options: ReferencesOptions) {
    this.residents = options.residents;
    this.segments = options.segments;
    this.wake = options.wake;
    for (const block of options.blocks) this.table.push(block);
  }

  /** See `RecordStore.addLive`. @param filling the block being filled, which most are for */
  addLive(filling: SegmentBlock, seq: number, n: number): void {
    const found = seq >= filling.firstSeq && seq <= filling.lastSeq ? filling : this.table.find(seq);
    if (found === undefined) return;
    found.live += n;
    found.segment.live += n;
  }

  /** See `Log.addLiveRange`. */
  addLiveRange(firstSeq: number, count: number): void {
    this.table.forRange(firstSeq, firstSeq + count - 1, (block, n) => {
      block.live += n;
      block.segment.live += n;
    });
  }

  /** See `RecordStore.release`. */
  release(seq: number, n: number): void {
    const block = this.table.find(seq);
    if (block === undefined) return;
    block.live -= n;
    block.segment.live -= n;
    this.released = true;
    if (block.live === 0 && block.sealed) {
      if (block.segment.live === 0) this.reclaimer.due = true;
      if (block.resident) this.evictable.push(block);
      this.wake();
    }
  }

  /** Whether references were taken away since it was last asked. */
  takeReleased(): boolean {
    const { released } = this;
    this.released = false;
    return released;
  }

  blockSealed(block: SegmentBlock): void {
    if (block.live === 0) this.evictable.push(block);
  }

  blockFlushed(block: SegmentBlock): void {
    if (block.sealed && block.live === 0) this.evictable.push(block);
  }

  segmentSealed(segment: Segment): void {
    if (segment.live === 0) this.reclaimer.due = true;
  }

  /** At the end of a turn: evicts blocks that nobody needs, now that nobody can be reading them, and keeps to the budget. */
  evictUnused(): void {
    const { evictable } = this;
    if (evictable.length > 0) {
      for (const block of evictable) if (block.live === 0 && block.resident && this.mayEvict(block)) this.evict(block);
      evictable.length = 0;
    }
    this.residents.endOfTurn(this.mayEvict, this.evict);
  }

  /** Forgets the blocks of segments that are said to be gone on the disk. */
  dropSegments(gone: readonly Segment[]): void {
    this.table.dropWhere((block) => {
      if (!block.segment.gone) return false;
      block.gone = true;
      if (block.resident) this.evict(block);
      return true;
    });
    this.removedSegments += gone.length;
  }

  /** Segments before segment `safe` of which a part is alive, and which a rewrite may make smaller. */
  *compactable(safe: number): Generator<Segment> {
    if (!this.reclaimer.counted) return;
    for (const segment of this.segments) {
      if (segment.number >= safe) return;
      if (segment.live > 0 && segment.compactable && segment.pins === 0) yield segment;
    }
  }

  /** Bytes of records that somebody refers to, estimated: references may be several to one record. It walks all blocks. */
  get liveBytes(): number {
    let bytes = 0;
    for (const segment of this.segments) bytes += segment.liveBytes;
    return bytes;
  }

  /** What the segments' files take up. */
  get diskBytes(): number {
    let bytes = 0;
    for (const segment of this.segments) bytes += segment.diskBytes;
    return bytes;
  }
}
