/** A ring of positions: sequence numbers and words, in typed arrays that grow and shrink by halves. */

const CAPACITY_MIN = 16;
const NO_SEQS = new Float64Array(0);
const NO_WORDS = new Uint32Array(0);
/** A word that no message has: every bit set, attempts saturated, reserved data. */
export const BURIED = 0xffff_ffff;

export class Ring {
  length = 0;
  private seqs = NO_SEQS;
  private words = NO_WORDS;
  private head = 0;

  push(seq: number, word: number): void {
    if (this.length === this.seqs.length) this.resize(Math.max(CAPACITY_MIN, this.length * 2));
    const at = (this.head + this.length) & (this.seqs.length - 1);
    this.seqs[at] = seq;
    this.words[at] = word;
    this.length++;
  }

  seqAt(i: number): number {
    return this.seqs[(this.head + i) & (this.seqs.length - 1)]!;
  }

  wordAt(i: number): number {
    return this.words[(this.head + i) & (this.seqs.length - 1)]!;
  }

  setWord(i: number, word: number): void {
    this.words[(this.head + i) & (this.seqs.length - 1)] = word;
  }

  headSeq(): number {
    return this.seqs[this.head]!;
  }

  headWord(): number {
    return this.words[this.head]!;
  }

  shift(): void {
    this.head = (this.head + 1) & (this.seqs.length - 1);
    this.length--;
    // What was once long gives its memory back in halves.
    if (this.seqs.length > 1024 && this.length * 8 < this.seqs.length) this.resize(this.seqs.length >> 1);
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
    if (this.seqs.length < capacity) {
      this.seqs = new Float64Array(capacity);
      this.words = new Uint32Array(capacity);
    }
    for (let i = 0; i < count; i++) {
      this.seqs[i] = seqs[i]!;
      this.words[i] = words[i]!;
    }
    this.head = 0;
    this.length = count;
  }

  clear(): void {
    this.seqs = NO_SEQS;
    this.words = NO_WORDS;
    this.head = 0;
    this.length = 0;
  }

  private resize(capacity: number): void {
    const seqs = new Float64Array(capacity);
    const words = new Uint32Array(capacity);
    for (let i = 0; i < this.length; i++) {
      seqs[i] = this.seqAt(i);
      words[i] = this.wordAt(i);
    }
    this.seqs = seqs;
    this.words = words;
    this.head = 0;
  }
}
