/**
 * What a queue holds of its messages: sequence numbers and words, in typed arrays, never objects.
 *
 * `Positions` is the ring of those not yet handed out, in order of arrival. `Returned` is the small ordered set of those
 * that came back; it is read before the ring's head, so a returned message is again where it was.
 */

const CAPACITY_MIN = 16;
/** A word that no message has: every bit set, attempts saturated, reserved data. */
const BURIED = 0xffff_ffff;

export class Positions {
  private seqs = new Float64Array(0);
  private words = new Uint32Array(0);
  private head = 0;
  length = 0;

  push(seq: number, word: number): void {
    if (this.length === this.seqs.length) this.resize(Math.max(CAPACITY_MIN, this.length * 2));
    const at = (this.head + this.length) & (this.seqs.length - 1);
    this.seqs[at] = seq;
    this.words[at] = word;
    this.length++;
  }

  /** Undefined behaviour when empty: look at `length` first. */
  headSeq(): number {
    return this.seqs[this.head]!;
  }

  headWord(): number {
    return this.words[this.head]!;
  }

  lastSeq(): number {
    return this.length === 0 ? 0 : this.seqs[(this.head + this.length - 1) & (this.seqs.length - 1)]!;
  }

  shift(): void {
    this.head = (this.head + 1) & (this.seqs.length - 1);
    this.length--;
    // A queue that was once long gives its memory back in halves.
    if (this.seqs.length > 1024 && this.length * 8 < this.seqs.length) this.resize(this.seqs.length >> 1);
  }

  /**
   * Recovery: takes out one sequence number, wherever it is, in O(log length). Its place stays until `compact`.
   * Returns its word, or -1 if it is not here.
   */
  bury(seq: number): number {
    const at = this.find(seq);
    if (at < 0) return -1;
    const word = this.words[at]!;
    if (word === BURIED) return -1;
    this.words[at] = BURIED;
    while (this.length > 0 && this.words[this.head] === BURIED) this.shift();
    return word;
  }

  /** Recovery: changes the word of one sequence number, if it is here. */
  amend(seq: number, change: (word: number) => number): void {
    const at = this.find(seq);
    if (at >= 0 && this.words[at] !== BURIED) this.words[at] = change(this.words[at]!);
  }

  private find(seq: number): number {
    const mask = this.seqs.length - 1;
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seqs[(this.head + middle) & mask]! < seq) low = middle + 1;
      else high = middle;
    }
    if (low >= this.length) return -1;
    const at = (this.head + low) & mask;
    return this.seqs[at] === seq ? at : -1;
  }

  /** Recovery is over: closes the gaps that `bury` left, and sets `bits` in every word. */
  compact(bits: number): void {
    const mask = this.seqs.length - 1;
    let kept = 0;
    for (let i = 0; i < this.length; i++) {
      const from = (this.head + i) & mask;
      const word = this.words[from]!;
      if (word === BURIED) continue;
      const to = (this.head + kept++) & mask;
      this.seqs[to] = this.seqs[from]!;
      this.words[to] = (word | bits) >>> 0;
    }
    this.length = kept;
  }

  forEach(visit: (seq: number, word: number) => void): void {
    const mask = this.seqs.length - 1;
    for (let i = 0; i < this.length; i++) {
      const word = this.words[(this.head + i) & mask]!;
      if (word !== BURIED) visit(this.seqs[(this.head + i) & mask]!, word);
    }
  }

  clear(): void {
    this.seqs = new Float64Array(0);
    this.words = new Uint32Array(0);
    this.head = 0;
    this.length = 0;
  }

  private resize(capacity: number): void {
    const seqs = new Float64Array(capacity);
    const words = new Uint32Array(capacity);
    const mask = this.seqs.length - 1;
    for (let i = 0; i < this.length; i++) {
      seqs[i] = this.seqs[(this.head + i) & mask]!;
      words[i] = this.words[(this.head + i) & mask]!;
    }
    this.seqs = seqs;
    this.words = words;
    this.head = 0;
  }
}

/**
 * Kept in descending order, so that the next one to go out is the last one of the arrays. What comes back is put in order
 * when it is looked at: one at a time where there are few, by one sort where a consumer gave back thousands.
 */
export class Returned {
  private seqs: number[] = [];
  private words: number[] = [];
  /** Came back since the last look, in any order. */
  private readonly freshSeqs: number[] = [];
  private readonly freshWords: number[] = [];

  get length(): number {
    return this.seqs.length + this.freshSeqs.length;
  }

  add(seq: number, word: number): void {
    this.freshSeqs.push(seq);
    this.freshWords.push(word);
  }

  headSeq(): number {
    if (this.freshSeqs.length > 0) this.order();
    return this.seqs[this.seqs.length - 1]!;
  }

  headWord(): number {
    if (this.freshSeqs.length > 0) this.order();
    return this.words[this.words.length - 1]!;
  }

  shift(): void {
    if (this.freshSeqs.length > 0) this.order();
    this.seqs.pop();
    this.words.pop();
  }

  /** Recovery: takes out one; its word, or -1. */
  bury(seq: number): number {
    this.order();
    const at = this.seqs.indexOf(seq);
    if (at < 0) return -1;
    const word = this.words[at]!;
    this.seqs.splice(at, 1);
    this.words.splice(at, 1);
    return word;
  }

  /** Sets `bits` in every word. */
  mark(bits: number): void {
    this.order();
    for (let i = 0; i < this.words.length; i++) this.words[i] = (this.words[i]! | bits) >>> 0;
  }

  forEach(visit: (seq: number, word: number) => void): void {
    this.order();
    for (let i = this.seqs.length - 1; i >= 0; i--) visit(this.seqs[i]!, this.words[i]!);
  }

  clear(): void {
    this.seqs = [];
    this.words = [];
    this.freshSeqs.length = 0;
    this.freshWords.length = 0;
  }

  private order(): void {
    if (this.freshSeqs.length <= 8) {
      for (let i = 0; i < this.freshSeqs.length; i++) this.insert(this.freshSeqs[i]!, this.freshWords[i]!);
    } else {
      const all = [...this.seqs.entries()].map(([i, seq]) => ({ seq, word: this.words[i]! }));
      for (let i = 0; i < this.freshSeqs.length; i++) all.push({ seq: this.freshSeqs[i]!, word: this.freshWords[i]! });
      all.sort((a, b) => b.seq - a.seq);
      this.seqs = all.map((entry) => entry.seq);
      this.words = all.map((entry) => entry.word);
    }
    this.freshSeqs.length = 0;
    this.freshWords.length = 0;
  }

  private insert(seq: number, word: number): void {
    let low = 0;
    let high = this.seqs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seqs[middle]! > seq) low = middle + 1;
      else high = middle;
    }
    this.seqs.splice(low, 0, seq);
    this.words.splice(low, 0, word);
  }
}
