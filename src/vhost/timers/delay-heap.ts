/**
 * What is delayed, by when it is due: two heaps, and what is due soon lies in the smaller one. Whoever reads ahead is shown each entry as it goes from one
 * to the other, some at a time, so that a look at what is due soon costs what is new in it.
 *
 * ```
 *  add ──▶ rest ──look, some at a time──▶ soon ──▶ shift
 *   └────── due by when was looked at already ──▲
 * ```
 */
import { DueHeap, type Earliest, type HeapWalk } from './due-heap.ts';

export class DelayHeap {
  private readonly soon = new DueHeap();
  private readonly rest = new DueHeap();
  /** Until then everything has been looked at, or comes later than a look and is in memory. */
  private lookedTo = Number.NEGATIVE_INFINITY;
  /** The latest that has been taken out since `snapshot`. */
  private passedDue = -1;
  private passedSeq = -1;
  /** Those that were taken out before their time since `snapshot`, until `forgetSnapshot`; null: nobody asks. */
  private takenOut: Set<number> | null = null;

  get size(): number {
    return this.soon.size + this.rest.size;
  }

  /** Whoever has the earliest. */
  private get first(): DueHeap {
    const { soon, rest } = this;
    if (rest.size === 0) return soon;
    if (soon.size === 0) return rest;
    return soon.due < rest.due || (soon.due === rest.due && soon.seq < rest.seq) ? soon : rest;
  }

  /** Epoch milliseconds of the earliest; only if `size` is not 0, as `seq` and `tag`. */
  get due(): number {
    return this.first.due;
  }

  get seq(): number {
    return this.first.seq;
  }

  get tag(): number {
    return this.first.tag;
  }

  /** When the earliest is due that nobody has looked at; Infinity: there is none. */
  get unseenDue(): number {
    return this.rest.size === 0 ? Number.POSITIVE_INFINITY : this.rest.due;
  }

  /** @param tag 32 bits of the owner's own */
  add(due: number, seq: number, tag: number): void {
    (due <= this.lookedTo ? this.soon : this.rest).add(due, seq, tag);
  }

  /** Takes out the earliest. */
  shift(): void {
    const { first } = this;
    const { due, seq } = first;
    // One that came later with an earlier time leaves what has passed as it is.
    if (this.isPending(due, seq)) {
      this.passedDue = due;
      this.passedSeq = seq;
    }
    first.shift();
  }

  /** Shows those that are due by then, in order, and nobody has looked at: `max` of them at most. True: there are no others. */
  look(dueBy: number, max: number, visit: (due: number, seq: number, tag: number) => void): boolean {
    const { soon, rest } = this;
    for (let left = max; rest.size > 0 && rest.due <= dueBy; left--) {
      if (left === 0) return false;
      const { due, seq, tag } = rest;
      rest.shift();
      soon.add(due, seq, tag);
      this.lookedTo = Math.max(this.lookedTo, due);
      visit(due, seq, tag);
    }
    this.lookedTo = Math.max(this.lookedTo, dueBy);
    return true;
  }

  /** The first `max` at most that are due by then, in order; they stay here. */
  earliest(dueBy: number, max: number): Earliest {
    const soon = this.soon.earliest(dueBy, max);
    const rest = this.rest.earliest(dueBy, max);
    const all: Earliest = { dues: [], seqs: [], tags: [], to: Math.min(soon.to, rest.to) };
    let i = 0;
    let j = 0;
    while (all.seqs.length < max && (i < soon.seqs.length || j < rest.seqs.length)) {
      const first = j === rest.seqs.length || (i < soon.seqs.length && !before(rest, j, soon, i));
      const [from, at] = first ? [soon, i++] : [rest, j++];
      all.dues.push(from.dues[at]!);
      all.seqs.push(from.seqs[at]!);
      all.tags.push(from.tags[at]!);
    }
    return all;
  }

  /** Takes one out before its time, wherever it is. Undefined: it is not here. */
  remove(seq: number): { readonly due: number; readonly tag: number } | undefined {
    const removed = this.soon.remove(seq) ?? this.rest.remove(seq);
    if (removed !== undefined) this.takenOut?.add(seq);
    return removed;
  }

  /** Undefined: it is not here. */
  find(seq: number): { readonly due: number; readonly seq: number; readonly tag: number } | undefined {
    return this.soon.find(seq) ?? this.rest.find(seq);
  }

  /** As `DueHeap.walk`. What goes over while it lasts is shown again where it comes to. */
  walk(visit: (due: number, seq: number, tag: number) => void): Pick<HeapWalk, 'next' | 'end'> {
    const walks = [this.rest.walk(visit), this.soon.walk(visit)];
    return {
      next: () => walks.some((walk) => walk.next()),
      end: () => {
        for (const walk of walks) walk.end();
      },
    };
  }

  forEach(visit: (seq: number, tag: number) => void): void {
    this.soon.forEach(visit);
    this.rest.forEach(visit);
  }

  /** A copy of all entries, in no particular order. `isPending` tells, until the next one, which are still here. */
  snapshot(): { readonly dues: Float64Array; readonly seqs: Float64Array; readonly tags: Uint32Array } {
    this.passedDue = -1;
    this.passedSeq = -1;
    this.takenOut = new Set();
    const { soon, rest } = this;
    const dues = new Float64Array(this.size);
    const seqs = new Float64Array(this.size);
    const tags = new Uint32Array(this.size);
    for (const [heap, at] of [
      [soon, 0],
      [rest, soon.size],
    ] as const) {
      const copy = heap.snapshot();
      heap.forgetSnapshot();
      dues.set(copy.dues, at);
      seqs.set(copy.seqs, at);
      tags.set(copy.tags, at);
    }
    return { dues, seqs, tags };
  }

  /** Nobody will ask `isPending` any more. */
  forgetSnapshot(): void {
    this.takenOut = null;
  }

  /**
   * Whether an entry of the last snapshot is still here. Entries leave in order, so those are gone that are not behind the
   * latest that has left; but for those that were taken out before their time, of which each is known.
   */
  isPending(due: number, seq: number): boolean {
    if (this.takenOut?.has(seq) === true) return false;
    return due > this.passedDue || (due === this.passedDue && seq > this.passedSeq);
  }
}

function before(a: Earliest, i: number, b: Earliest, j: number): boolean {
  return a.dues[i]! < b.dues[j]! || (a.dues[i] === b.dues[j] && a.seqs[i]! < b.seqs[j]!);
}
