/**
 * The deliveries of one channel or session that are not settled: from their numbers, which begin at 1, to (holder, slot). For adapters.
 *
 * Tags are given in order, so a window of them lies in a ring of parallel arrays:
 *
 *       oldest                        next
 *         v                            v
 *     [ . | 7 | 8 | - | 10 | 11 | 12 | . ]      - settled out of order; the window begins at the oldest that is not
 *
 * A client that keeps one message for ever would stretch the window without end. When the window has become long and
 * mostly empty, its oldest entries move to a map (`stragglers`).
 */

const SIZE_MIN = 16;
/** Windows up to this are never thinned out. */
const WINDOW_MAX = 4096;

interface Straggler<Holder> {
  readonly holder: Holder;
  readonly slot: number;
}

export class TagWindow<Holder> {
  /** The highest tag given; tags begin at 1. [§1.1 delivery-tag] */
  lastTag = 0;
  /** How many are unsettled. */
  count = 0;
  /** What `take` or `find` found. */
  holder: Holder | undefined = undefined;
  slot = 0;
  private oldest = 1;
  private holders: (Holder | undefined)[] = [];
  private slots = new Int32Array(0);
  private mask = -1;
  private readonly stragglers = new Map<number, Straggler<Holder>>();

  /** Gives the next tag to a delivery that need not be settled. */
  skip(): number {
    if (this.oldest > this.lastTag) {
      // An empty window moves along for nothing.
      this.oldest = this.lastTag + 2;
      return ++this.lastTag;
    }
    return this.add(undefined, 0);
  }

  /** Gives the next tag to a delivery. */
  push(holder: Holder, slot: number): number {
    this.count++;
    return this.add(holder, slot);
  }

  has(tag: number): boolean {
    if (tag < this.oldest) return this.stragglers.has(tag);
    return tag <= this.lastTag && this.holders[tag & this.mask] !== undefined;
  }

  /** As `take`, but it stays. */
  find(tag: number): boolean {
    const straggler = tag < this.oldest ? this.stragglers.get(tag) : undefined;
    const at = tag & this.mask;
    this.holder = tag < this.oldest ? straggler?.holder : tag <= this.lastTag ? this.holders[at] : undefined;
    this.slot = straggler?.slot ?? this.slots[at] ?? 0;
    return this.holder !== undefined;
  }

  /** Takes `tag` out; false if it is unknown or settled. Result in `holder` and `slot`. */
  take(tag: number): boolean {
    if (tag < this.oldest) {
      const straggler = this.stragglers.get(tag);
      if (straggler === undefined) return false;
      this.stragglers.delete(tag);
      this.holder = straggler.holder;
      this.slot = straggler.slot;
      this.count--;
      return true;
    }
    if (tag > this.lastTag) return false;
    const at = tag & this.mask;
    const holder = this.holders[at];
    if (holder === undefined) return false;
    this.holders[at] = undefined;
    this.holder = holder;
    this.slot = this.slots[at]!;
    this.count--;
    if (tag === this.oldest) this.advance();
    return true;
  }

  /** The oldest unsettled tag, 0 if there is none. */
  first(): number {
    if (this.count === 0) return 0;
    if (this.stragglers.size > 0) for (const tag of this.stragglers.keys()) return tag;
    if (this.holders[this.oldest & this.mask] === undefined) this.advance();
    return this.oldest;
  }

  /** Puts back what `take` took (a rolled-back acknowledgement). */
  restore(tag: number, holder: Holder, slot: number): void {
    this.count++;
    if (tag >= this.oldest && tag <= this.lastTag && this.mask >= 0) {
      this.holders[tag & this.mask] = holder;
      this.slots[tag & this.mask] = slot;
      return;
    }
    this.stragglers.set(tag, { holder, slot });
    // `first` relies on the map's order.
    const sorted = [...this.stragglers].sort((a, b) => a[0] - b[0]);
    this.stragglers.clear();
    for (const [key, value] of sorted) this.stragglers.set(key, value);
  }

  /** Puts another holder in the place of `holder` where its slot is one of these; returns those that there were. */
  replace(holder: Holder, by: Holder, slots: ReadonlySet<number>): number[] {
    const found: number[] = [];
    for (const [tag, { holder: of, slot }] of this.stragglers) {
      if (of !== holder || !slots.has(slot)) continue;
      this.stragglers.set(tag, { holder: by, slot });
      found.push(slot);
    }
    for (let tag = this.oldest; tag <= this.lastTag; tag++) {
      const at = tag & this.mask;
      if (this.holders[at] !== holder || !slots.has(this.slots[at]!)) continue;
      this.holders[at] = by;
      found.push(this.slots[at]!);
    }
    return found;
  }

  private add(holder: Holder | undefined, slot: number): number {
    const tag = this.lastTag + 1;
    if (tag - this.oldest > this.mask) this.makeRoom();
    this.lastTag = tag;
    const at = tag & this.mask;
    this.holders[at] = holder;
    this.slots[at] = slot;
    return tag;
  }

  /** Moves the window's start to the oldest entry that is unsettled. */
  private advance(): void {
    let oldest = this.oldest;
    while (oldest <= this.lastTag && this.holders[oldest & this.mask] === undefined) oldest++;
    this.oldest = oldest;
  }

  private makeRoom(): void {
    const window = this.lastTag + 1 - this.oldest;
    const live = this.count - this.stragglers.size;
    if (window >= WINDOW_MAX && live < window / 4) {
      // Oldest first, so that the map stays in order.
      const until = this.oldest + window / 2;
      for (let tag = this.oldest; tag < until; tag++) {
        const at = tag & this.mask;
        const holder = this.holders[at];
        if (holder === undefined) continue;
        this.stragglers.set(tag, { holder, slot: this.slots[at]! });
        this.holders[at] = undefined;
      }
      this.oldest = until;
      this.advance();
      return;
    }
    const size = Math.max(SIZE_MIN, (this.mask + 1) * 2);
    const holders = new Array<Holder | undefined>(size).fill(undefined);
    const slots = new Int32Array(size);
    for (let tag = this.oldest; tag <= this.lastTag; tag++) {
      holders[tag & (size - 1)] = this.holders[tag & this.mask];
      slots[tag & (size - 1)] = this.slots[tag & this.mask]!;
    }
    this.holders = holders;
    this.slots = slots;
    this.mask = size - 1;
  }
}
