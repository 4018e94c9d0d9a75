/**
 * Positions of messages that consumers gave back: read before anything that was never handed out, so that each is again where
 * it was.
 *
 * What came back lately is a heap, so that each costs the same however many there are; what somebody wanted to see in order
 * is two arrays in descending order, whose last one goes out next.
 *
 * ```
 *  add ──▶ heap ──┬──▶ the smaller of the two goes out
 *           │     │
 *           └─ order: merged when it is read from the middle
 *                 │
 *         arrays ─┘
 * ```
 */
import type { QueueEntryFlags, VisitEntry } from '../entry-flags.ts';

export class ReturnedPositions {
  private seqs: number[] = [];
  private flagSets: number[] = [];
  /** Came back since the last look at all of them: a heap, the smallest first. */
  private readonly heapSeqs: number[] = [];
  private readonly heapFlags: number[] = [];

  get length(): number {
    return this.seqs.length + this.heapSeqs.length;
  }

  add(seq: number, flags: QueueEntryFlags): void {
    const { heapSeqs, heapFlags } = this;
    let at = heapSeqs.length;
    heapSeqs.push(seq);
    heapFlags.push(flags);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heapSeqs[parent]! <= seq) break;
      heapSeqs[at] = heapSeqs[parent]!;
      heapFlags[at] = heapFlags[parent]!;
      at = parent;
    }
    heapSeqs[at] = seq;
    heapFlags[at] = flags;
  }

  /** The next one is in the heap. */
  private get heapFirst(): boolean {
    const { heapSeqs, seqs } = this;
    return heapSeqs.length > 0 && (seqs.length === 0 || heapSeqs[0]! < seqs[seqs.length - 1]!);
  }

  headSeq(): number {
    return this.heapFirst ? this.heapSeqs[0]! : this.seqs[this.seqs.length - 1]!;
  }

  headFlags(): QueueEntryFlags {
    return this.heapFirst ? this.heapFlags[0]! : this.flagSets[this.flagSets.length - 1]!;
  }

  shift(): void {
    if (this.heapFirst) this.shiftHeap();
    else {
      this.seqs.pop();
      this.flagSets.pop();
    }
  }

  private shiftHeap(): void {
    const { heapSeqs, heapFlags } = this;
    const seq = heapSeqs.pop()!;
    const flags = heapFlags.pop()!;
    const size = heapSeqs.length;
    if (size === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && heapSeqs[child + 1]! < heapSeqs[child]!) child++;
      if (heapSeqs[child]! >= seq) break;
      heapSeqs[at] = heapSeqs[child]!;
      heapFlags[at] = heapFlags[child]!;
      at = child;
    }
    heapSeqs[at] = seq;
    heapFlags[at] = flags;
  }

  /** Up to `max` of those after `after`, in order. */
  readAfter(after: number, max: number, visit: VisitEntry): void {
    if (this.length === 0) return;
    this.order();
    let low = 0;
    let high = this.seqs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seqs[middle]! > after) low = middle + 1;
      else high = middle;
    }
    for (let i = low - 1, n = 0; i >= 0 && n < max; i--, n++) visit(this.seqs[i]!, this.flagSets[i]!);
  }

  /** Up to `max` of those before `before`, the last first. */
  readBefore(before: number, max: number, visit: VisitEntry): void {
    if (this.length === 0) return;
    this.order();
    let low = 0;
    let high = this.seqs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seqs[middle]! >= before) low = middle + 1;
      else high = middle;
    }
    for (let i = low, n = 0; i < this.seqs.length && n < max; i++, n++) visit(this.seqs[i]!, this.flagSets[i]!);
  }

  /** Where it is in the arrays, -1 if it is not there. */
  private find(seq: number): number {
    const { seqs } = this;
    let low = 0;
    let high = seqs.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (seqs[middle]! > seq) low = middle + 1;
      else if (seqs[middle]! < seq) high = middle - 1;
      else return middle;
    }
    return -1;
  }

  /** Takes out one; false if it is not here. */
  remove(seq: number): boolean {
    if (this.length === 0) return false;
    if (this.headSeq() === seq) {
      this.shift();
      return true;
    }
    this.order();
    const at = this.find(seq);
    if (at < 0) return false;
    this.seqs.splice(at, 1);
    this.flagSets.splice(at, 1);
    return true;
  }

  /** Recovery: changes the flags of one, if it is here. */
  amend(seq: number, flags: QueueEntryFlags): void {
    this.order();
    const at = this.find(seq);
    if (at >= 0) this.flagSets[at] = flags;
  }

  /** Sets `bits` in the flags of each. */
  mark(bits: number): void {
    this.order();
    for (let i = 0; i < this.flagSets.length; i++) this.flagSets[i] = (this.flagSets[i]! | bits) >>> 0;
  }

  forEach(visit: VisitEntry): void {
    this.order();
    for (let i = this.seqs.length - 1; i >= 0; i--) visit(this.seqs[i]!, this.flagSets[i]!);
  }

  clear(): void {
    this.seqs = [];
    this.flagSets = [];
    this.heapSeqs.length = 0;
    this.heapFlags.length = 0;
  }

  /** Puts what is in the heap among the others. */
  private order(): void {
    const { heapSeqs, heapFlags } = this;
    if (heapSeqs.length === 0) return;
    if (heapSeqs.length <= 8) {
      for (let i = 0; i < heapSeqs.length; i++) this.insert(heapSeqs[i]!, heapFlags[i]!);
    } else this.merge();
    heapSeqs.length = 0;
    heapFlags.length = 0;
  }

  private merge(): void {
    const { heapSeqs, heapFlags } = this;
    const order = Array.from(heapSeqs.keys()).sort((a, b) => heapSeqs[b]! - heapSeqs[a]!);
    const { seqs, flagSets } = this;
    this.seqs = [];
    this.flagSets = [];
    let at = 0;
    for (const i of order) {
      for (; at < seqs.length && seqs[at]! > heapSeqs[i]!; at++) {
        this.seqs.push(seqs[at]!);
        this.flagSets.push(flagSets[at]!);
      }
      this.seqs.push(heapSeqs[i]!);
      this.flagSets.push(heapFlags[i]!);
    }
    for (; at < seqs.length; at++) {
      this.seqs.push(seqs[at]!);
      this.flagSets.push(flagSets[at]!);
    }
  }

  private insert(seq: number, flags: QueueEntryFlags): void {
    let low = 0;
    let high = this.seqs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seqs[middle]! > seq) low = middle + 1;
      else high = middle;
    }
    this.seqs.splice(low, 0, seq);
    this.flagSets.splice(low, 0, flags);
  }
}
