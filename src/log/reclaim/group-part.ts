/**
 * The records of one part, which is about to be written in the order of groups: their bytes, and what they are sorted by. The bytes lie in
 * buffers as long as blocks, which are lent by the blocks that are kept for reading.
 */
import type { ResidentBlocks } from '../blocks/resident-blocks.ts';
import type { Segment, SegmentBlock } from '../blocks/segment.ts';

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

/** Buffers of one length, taken from those for blocks where they are as long. */
export class PartMemory {
  readonly chunkBytes: number;
  private readonly residents: ResidentBlocks<SegmentBlock>;
  private readonly chunks: Buffer[] = [];
  private out: Buffer | undefined = undefined;

  constructor(residents: ResidentBlocks<SegmentBlock>, chunkBytes: number) {
    this.residents = residents;
    this.chunkBytes = chunkBytes;
  }

  private take(): Buffer {
    const { residents, chunkBytes } = this;
    return residents.blockBytes === chunkBytes ? residents.take() : Buffer.allocUnsafeSlow(chunkBytes);
  }

  /** The `index`-th: the same one each time. */
  chunk(index: number): Buffer {
    this.chunks[index] ??= this.take();
    return this.chunks[index];
  }

  /** One more, for what is about to be written. */
  get outgoing(): Buffer {
    this.out ??= this.take();
    return this.out;
  }

  /** Gives all of them back. */
  release(): void {
    for (const chunk of this.chunks) this.residents.giveBack(chunk);
    if (this.out !== undefined) this.residents.giveBack(this.out);
    this.chunks.length = 0;
    this.out = undefined;
  }
}

export class Part {
  readonly blocks: SegmentBlock[] = [];
  /** Of each record, in the order of their numbers once they are in order. */
  seqs: number[] = [];
  private readonly memory: PartMemory;
  /** The chunk that is being filled, and what is used of it. */
  private filling = 0;
  private used = 0;
  private groupOf: number[] = [];
  /** Where each record begins: chunk by chunk. */
  private starts: number[] = [];
  /** Groups as they came, and how many records each has. */
  private readonly places = new Map<number, number>();
  private readonly sizes: number[] = [];
  private ascending = true;

  constructor(memory: PartMemory) {
    this.memory = memory;
  }

  get count(): number {
    return this.seqs.length;
  }

  /** Empties it, to be filled again. */
  reset(): void {
    this.blocks.length = 0;
    this.filling = 0;
    this.used = 0;
    this.seqs = [];
    this.groupOf = [];
    this.starts = [];
    this.places.clear();
    this.sizes.length = 0;
    this.ascending = true;
  }

  hasRoomFor(block: SegmentBlock): boolean {
    if (this.blocks.length === 0) return true;
    const { chunkBytes } = this.memory;
    const more = this.used + block.end <= chunkBytes ? 0 : Math.ceil(block.end / chunkBytes);
    if (this.filling + 1 + more > PART_BLOCKS || this.count + block.records > PART_RECORDS) return false;
    return block.lastSeq - this.blocks[0]!.firstSeq < 0xffff_ffff;
  }

  /** Room for so many bytes in one piece, a chunk's at most: `bytes` of `chunk` from `at` on. What is not `taken` is used again. */
  room(bytes: number): { readonly chunk: Buffer; readonly at: number } {
    if (this.used + bytes > this.memory.chunkBytes) {
      this.filling++;
      this.used = 0;
    }
    return { chunk: this.memory.chunk(this.filling), at: this.used };
  }

  /** So many bytes of the room are to stay. */
  taken(bytes: number): void {
    this.used += bytes;
  }

  /** A record that begins at `at` of the chunk that is being filled. */
  record(seq: number, group: number, at: number): void {
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
    this.starts.push(this.filling * this.memory.chunkBytes + at);
  }

  /** Where the `index`-th record begins, in `chunkOf` it. */
  startOf(index: number): number {
    return this.starts[index]! % this.memory.chunkBytes;
  }

  chunkOf(index: number): Buffer {
    return this.memory.chunk(Math.floor(this.starts[index]! / this.memory.chunkBytes));
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
