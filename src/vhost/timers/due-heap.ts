/**
 * A heap of what is due when: binary, in typed arrays, earliest first, and in order of their numbers among those due at the same
 * millisecond. 20 bytes an entry, so that a million of them cost 20 MB and no object.
 */
const ROOM_MIN = 16;

/** The first of them, in order. */
export interface Earliest {
  readonly dues: number[];
  readonly seqs: number[];
  readonly tags: number[];
  /** All that are due before then are among them. */
  readonly to: number;
}

/** A look at all of them. */
export interface HeapWalk {
  /** @internal */
  at: number;
  /** @internal */
  readonly visit: (due: number, seq: number, tag: number) => void;
  /** Looks at one more. False: that was all. */
  next(): boolean;
  end(): void;
}

export class DueHeap {
  size = 0;
  private dues = new Float64Array(ROOM_MIN);
  private seqs = new Float64Array(ROOM_MIN);
  private tags = new Uint32Array(ROOM_MIN);
  /** The latest that has been taken out since `snapshot`. */
  private passedDue = -1;
  private passedSeq = -1;
  /** Those that were taken out before their time since `snapshot`, until `forgetSnapshot`; null: nobody asks. */
  private takenOut: Set<number> | null = null;
  /** Those that look at all of them. */
  private readonly walks = new Set<HeapWalk>();
  /** There are such. */
  private walked = false;

  /** Epoch milliseconds of the earliest; only if `size` is not 0, as `seq` and `tag`. */
  get due(): number {
    return this.dues[0]!;
  }

  get seq(): number {
    return this.seqs[0]!;
  }

  get tag(): number {
    return this.tags[0]!;
  }

  /** @param tag 32 bits of the owner's own */
  add(due: number, seq: number, tag: number): void {
    if (this.size === this.dues.length) this.grow();
    this.rise(this.size++, due, seq, tag);
  }

  /** Takes out the earliest. */
  shift(): void {
    // One that came later with an earlier time leaves what has passed as it is.
    if (this.isPending(this.dues[0]!, this.seqs[0]!)) {
      this.passedDue = this.dues[0]!;
      this.passedSeq = this.seqs[0]!;
    }
    const last = --this.size;
    if (last > 0) this.sink(0, this.dues[last]!, this.seqs[last]!, this.tags[last]!);
  }

  /** Takes one out before its time, wherever it is. Undefined: it is not here. */
  remove(seq: number): { readonly due: number; readonly tag: number } | undefined {
    const at = this.placeOf(seq);
    if (at < 0) return undefined;
    const removed = { due: this.dues[at]!, tag: this.tags[at]! };
    this.takenOut?.add(seq);
    const last = --this.size;
    if (at === last) return removed;
    const [due, moved, tag] = [this.dues[last]!, this.seqs[last]!, this.tags[last]!];
    if (at > 0 && this.before(due, moved, (at - 1) >> 1)) this.rise(at, due, moved, tag);
    else this.sink(at, due, moved, tag);
    return removed;
  }

  /** Undefined: it is not here. */
  find(seq: number): { readonly due: number; readonly seq: number; readonly tag: number } | undefined {
    const at = this.placeOf(seq);
    return at < 0 ? undefined : { due: this.dues[at]!, seq, tag: this.tags[at]! };
  }

  /** -1: nowhere. Looked for one by one, which a million of them take about a millisecond for. */
  private placeOf(seq: number): number {
    return this.seqs.subarray(0, this.size).indexOf(seq);
  }

  /**
   * Looks at all of them, in no order, as far at a time as whoever looks goes on; meanwhile others come and go. What is here all the while is
   * shown, perhaps more than once. End it.
   */
  walk(visit: (due: number, seq: number, tag: number) => void): HeapWalk {
    const { walks } = this;
    const walk: HeapWalk = {
      at: 0,
      visit,
      next: () => {
        if (walk.at >= this.size) return false;
        const at = walk.at++;
        visit(this.dues[at]!, this.seqs[at]!, this.tags[at]!);
        return true;
      },
      end: () => {
        walks.delete(walk);
        this.walked = walks.size > 0;
      },
    };
    walks.add(walk);
    this.walked = true;
    return walk;
  }

  /** The numbers and tags of the first `max` at most that are due by then, in order; they stay here. */
  earliest(dueBy: number, max: number): Earliest {
    const dues: number[] = [];
    const seqs: number[] = [];
    const tags: number[] = [];
    // What follows an entry in order is among its two children and those of the ones before: a heap of places.
    const next = new DueHeap();
    if (this.size > 0) next.add(this.dues[0]!, this.seqs[0]!, 0);
    while (next.size > 0 && next.due <= dueBy && seqs.length < max) {
      const at = next.tag;
      next.shift();
      dues.push(this.dues[at]!);
      seqs.push(this.seqs[at]!);
      tags.push(this.tags[at]!);
      for (let child = at * 2 + 1; child <= at * 2 + 2 && child < this.size; child++) {
        next.add(this.dues[child]!, this.seqs[child]!, child);
      }
    }
    return { dues, seqs, tags, to: next.size > 0 && next.due <= dueBy ? next.due : dueBy };
  }

  forEach(visit: (seq: number, tag: number) => void): void {
    for (let i = 0; i < this.size; i++) visit(this.seqs[i]!, this.tags[i]!);
  }

  /** A copy of all entries, in no particular order. `isPending` tells, until the next one, which are still here. */
  snapshot(): { readonly dues: Float64Array; readonly seqs: Float64Array; readonly tags: Uint32Array } {
    this.passedDue = -1;
    this.passedSeq = -1;
    this.takenOut = new Set();
    const { size } = this;
    return { dues: this.dues.slice(0, size), seqs: this.seqs.slice(0, size), tags: this.tags.slice(0, size) };
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

  private before(due: number, seq: number, other: number): boolean {
    const otherDue = this.dues[other]!;
    return due < otherDue || (due === otherDue && seq < this.seqs[other]!);
  }

  private rise(from: number, due: number, seq: number, tag: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(due, seq, parent)) break;
      this.move(parent, at);
      at = parent;
    }
    this.put(at, due, seq, tag);
  }

  private sink(from: number, due: number, seq: number, tag: number): void {
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= this.size) break;
      const right = child + 1;
      if (right < this.size && this.before(this.dues[right]!, this.seqs[right]!, child)) child = right;
      if (this.before(due, seq, child)) break;
      this.move(child, at);
      at = child;
    }
    this.put(at, due, seq, tag);
  }

  private move(from: number, to: number): void {
    this.dues[to] = this.dues[from]!;
    this.seqs[to] = this.seqs[from]!;
    this.tags[to] = this.tags[from]!;
    if (this.walked) this.came(to);
  }

  private put(at: number, due: number, seq: number, tag: number): void {
    this.dues[at] = due;
    this.seqs[at] = seq;
    this.tags[at] = tag;
    if (this.walked) this.came(at);
  }

  /** Something has come to a place: who has passed that place already would not see it. */
  private came(at: number): void {
    for (const walk of this.walks) if (at < walk.at) walk.visit(this.dues[at]!, this.seqs[at]!, this.tags[at]!);
  }

  private grow(): void {
    const room = this.dues.length * 2;
    const dues = new Float64Array(room);
    dues.set(this.dues);
    this.dues = dues;
    const seqs = new Float64Array(room);
    seqs.set(this.seqs);
    this.seqs = seqs;
    const tags = new Uint32Array(room);
    tags.set(this.tags);
    this.tags = tags;
  }
}
