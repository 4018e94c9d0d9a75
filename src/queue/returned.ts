/** What consumers gave back: read before anything that was never handed out, so that it is again where it was. */

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

  /** Up to `max` of those after `after`, in order. */
  readAfter(after: number, max: number, visit: (seq: number, word: number) => void): void {
    if (this.length === 0) return;
    this.order();
    let low = 0;
    let high = this.seqs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seqs[middle]! > after) low = middle + 1;
      else high = middle;
    }
    for (let i = low - 1, n = 0; i >= 0 && n < max; i--, n++) visit(this.seqs[i]!, this.words[i]!);
  }

  /** Takes out one; false if it is not here. */
  bury(seq: number): boolean {
    this.order();
    const at = this.seqs.indexOf(seq);
    if (at < 0) return false;
    this.seqs.splice(at, 1);
    this.words.splice(at, 1);
    return true;
  }

  /** Recovery: changes the word of one, if it is here. */
  amend(seq: number, word: number): void {
    this.order();
    const at = this.seqs.indexOf(seq);
    if (at >= 0) this.words[at] = word;
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
