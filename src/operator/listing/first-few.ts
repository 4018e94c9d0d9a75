/**
 * The first few of very many, in an order: a heap that holds no more than those, with the last of them on top. A thing and what it is
 * sorted by lie in two arrays beside each other, so that nothing is made for each that comes by. Emptied it can be filled again.
 */
export class FirstFew<E, K = undefined> {
  private readonly max: number;
  private readonly compare: (a: E, aKey: K, b: E, bKey: K) => number;
  private readonly entries: (E | undefined)[];
  private readonly keys: (K | undefined)[];
  size = 0;

  /**
   * @param compare a total order: no two things are equal in it
   * @param expected how many will come by, if that is known: arrays that grow are copied again and again
   */
  constructor(max: number, compare: (a: E, aKey: K, b: E, bKey: K) => number, expected = 0) {
    this.max = max;
    this.compare = compare;
    const room = Math.min(max, expected);
    this.entries = new Array(room);
    this.keys = new Array(room);
  }

  offer(entry: E, key: K): void {
    const { entries, keys, max } = this;
    if (this.size < max) this.put(this.size++, entry, key);
    else if (max > 0 && this.compare(entry, key, entries[0] as E, keys[0] as K) < 0) this.replaceTop(entry, key);
  }

  /** The last of those that are left: there is one. */
  get last(): { readonly entry: E; readonly key: K } {
    return { entry: this.entries[0] as E, key: this.keys[0] as K };
  }

  /** It holds as many as it may. */
  get full(): boolean {
    return this.size === this.max && this.max > 0;
  }

  /** What the last is sorted by: there is one. */
  get lastKey(): K {
    return this.keys[0] as K;
  }

  /** Takes it out. */
  takeLast(): E {
    const { entries, keys } = this;
    const taken = entries[0] as E;
    const at = --this.size;
    const entry = entries[at] as E;
    const key = keys[at] as K;
    entries[at] = undefined;
    keys[at] = undefined;
    if (at > 0) this.replaceTop(entry, key);
    return taken;
  }

  private put(from: number, entry: E, key: K): void {
    const { entries, keys, compare } = this;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (compare(entry, key, entries[parent] as E, keys[parent] as K) <= 0) break;
      entries[at] = entries[parent];
      keys[at] = keys[parent];
      at = parent;
    }
    entries[at] = entry;
    keys[at] = key;
  }

  private replaceTop(entry: E, key: K): void {
    const { compare, size } = this;
    // Up to `size` there are some.
    const entries = this.entries as E[];
    const keys = this.keys as K[];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      const other = child + 1;
      if (other < size && compare(entries[other]!, keys[other] as K, entries[child]!, keys[child] as K) > 0)
        child = other;
      if (compare(entries[child]!, keys[child] as K, entry, key) <= 0) break;
      entries[at] = entries[child]!;
      keys[at] = keys[child] as K;
      at = child;
    }
    entries[at] = entry;
    keys[at] = key;
  }
}
