/**
 * The blocks of one store in the order of their numbers: which block has number n? That is asked for every delivery, so
 * before it searches it looks at the blocks of the last two answers (two queues being read in turn are common) and at the one
 * after.
 */
import { Block } from './block.ts';

/** Stands for "none", so that a look at the last block needs no test for undefined. */
const NONE = new Block(-1);

export class BlockTable<B extends Block> {
  /** Blocks with at least one sequenced record. */
  private readonly blocks: B[] = [];
  private head = 0;
  private lastIndex = 0;
  private last: Block = NONE;
  private lastButOne: Block = NONE;

  get length(): number {
    return this.blocks.length - this.head;
  }

  /** The highest number in any block, 0 if there is none. */
  get lastSeq(): number {
    return this.length === 0 ? 0 : this.blocks[this.blocks.length - 1]!.lastSeq;
  }

  push(block: B): void {
    this.blocks.push(block);
  }

  /** The block in whose range the number falls. */
  find(seq: number): B | undefined {
    const last = this.last;
    if (seq >= last.firstSeq && seq <= last.lastSeq) return last as B;
    const other = this.lastButOne;
    if (seq >= other.firstSeq && seq <= other.lastSeq) {
      this.lastButOne = last;
      this.last = other;
      return other as B;
    }
    return this.findSlow(seq);
  }

  private findSlow(seq: number): B | undefined {
    const blocks = this.blocks;
    const next = blocks[this.lastIndex + 1];
    if (next !== undefined && seq >= next.firstSeq && seq <= next.lastSeq) {
      this.lastIndex++;
      this.lastButOne = this.last;
      this.last = next;
      return next;
    }
    let low = this.head;
    let high = blocks.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const block = blocks[middle]!;
      if (seq < block.firstSeq) high = middle - 1;
      else if (seq > block.lastSeq) low = middle + 1;
      else {
        this.lastIndex = middle;
        this.lastButOne = this.last;
        this.last = block;
        return block;
      }
    }
    return undefined;
  }

  /** Takes out all blocks that `gone` holds for, from the front up to the first it does not hold for. */
  dropFront(gone: (block: B) => boolean): void {
    const before = this.head;
    while (this.head < this.blocks.length && gone(this.blocks[this.head]!)) this.head++;
    if (this.head === before) return;
    this.forget();
    if (this.head > 64 && this.head * 2 > this.blocks.length) {
      this.blocks.splice(0, this.head);
      this.head = 0;
    }
  }

  /** Takes out every block that `gone` holds for, wherever they are. */
  dropWhere(gone: (block: B) => boolean): void {
    this.forget();
    const { blocks } = this;
    let kept = 0;
    for (let i = this.head; i < blocks.length; i++) {
      const block = blocks[i]!;
      if (!gone(block)) blocks[kept++] = block;
    }
    blocks.length = kept;
    this.head = 0;
    this.lastIndex = kept;
  }

  /** Calls `visit` with each block that holds numbers from `first` to `last`, and how many numbers of its range those are. */
  forRange(first: number, last: number, visit: (block: B, count: number) => void): void {
    const { blocks } = this;
    let low = this.head;
    let high = blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (blocks[middle]!.lastSeq < first) low = middle + 1;
      else high = middle;
    }
    for (; low < blocks.length && blocks[low]!.firstSeq <= last; low++) {
      const block = blocks[low]!;
      visit(block, Math.min(last, block.lastSeq) - Math.max(first, block.firstSeq) + 1);
    }
  }

  /** The blocks, in order. Not while any are put in or taken out. */
  *[Symbol.iterator](): Generator<B> {
    for (let i = this.head; i < this.blocks.length; i++) yield this.blocks[i]!;
  }

  /** Takes out one block, wherever it is. */
  remove(block: B): void {
    this.forget();
    if (this.blocks[this.head] === block) {
      this.dropFront((front) => front === block);
      return;
    }
    const at = this.indexOf(block);
    if (at >= 0) this.blocks.splice(at, 1);
  }

  private indexOf(block: B): number {
    let low = this.head;
    let high = this.blocks.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const there = this.blocks[middle]!;
      if (there === block) return middle;
      if (there.firstSeq < block.firstSeq) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  private forget(): void {
    this.last = NONE;
    this.lastButOne = NONE;
    this.lastIndex = this.blocks.length;
  }
}
