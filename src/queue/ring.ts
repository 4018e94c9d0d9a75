/**
 * A ring of positions: sequence numbers and words side by side in one typed array that grows and shrinks by halves. Side by
 * side, because with thousands of queues each push and each shift is a walk through cold memory, and this is one line of it.
 */

const CAPACITY_MIN = 16;
const NO_CELLS = new Float64Array(0);
/** A word that no message has: every bit set, attempts saturated, reserved data. */
export const BURIED = 0xffff_ffff;

export class Ring {
  length = 0;
  /** Number, word, number, word …: twice the capacity. */
  private cells = NO_CELLS;
  private mask = -1;
  private head = 0;

  push(seq: number, word: number): void {
    if (this.length > this.mask) this.resize(Math.max(CAPACITY_MIN, this.length * 2));
    const at = ((this.head + this.length) & this.mask) * 2;
    this.cells[at] = seq;
    this.cells[at + 1] = word;
    this.length++;
  }

  seqAt(i: number): number {
    return this.cells[((this.head + i) & this.mask) * 2]!;
  }

  wordAt(i: number): number {
    return this.cells[((this.head + i) & this.mask) * 2 + 1]!;
  }

  setWord(i: number, word: number): void {
    this.cells[((this.head + i) & this.mask) * 2 + 1] = word;
  }

  headSeq(): number {
    return this.cells[this.head * 2]!;
  }

  headWord(): number {
    return this.cells[this.head * 2 + 1]!;
  }

  shift(): void {
    this.head = (this.head + 1) & this.mask;
    this.length--;
    // What was once long gives its memory back in halves.
    if (this.mask >= 1024 && this.length * 8 < this.mask) this.resize((this.mask + 1) >> 1);
  }

  /** Where a sequence number is, or -1. The ring is in ascending order. */
  find(seq: number): number {
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seqAt(middle) < seq) low = middle + 1;
      else high = middle;
    }
    return low < this.length && this.seqAt(low) === seq ? low : -1;
  }

  /** Replaces everything. */
  fill(seqs: Float64Array, words: Uint32Array, count: number): void {
    let capacity = CAPACITY_MIN;
    while (capacity < count) capacity *= 2;
    if (this.mask + 1 < capacity) {
      this.cells = new Float64Array(capacity * 2);
      this.mask = capacity - 1;
    }
    for (let i = 0; i < count; i++) {
      this.cells[i * 2] = seqs[i]!;
      this.cells[i * 2 + 1] = words[i]!;
    }
    this.head = 0;
    this.length = count;
  }

  clear(): void {
    this.cells = NO_CELLS;
    this.mask = -1;
    this.head = 0;
    this.length = 0;
  }

  private resize(capacity: number): void {
    const cells = new Float64Array(capacity * 2);
    for (let i = 0; i < this.length; i++) {
      cells[i * 2] = this.seqAt(i);
      cells[i * 2 + 1] = this.wordAt(i);
    }
    this.cells = cells;
    this.mask = capacity - 1;
    this.head = 0;
  }
}
