/**
 * The first few of very many, in an order: a heap that holds no more than those, with the last of them on top. A thing and what it is
 * sorted by lie in two arrays beside each other, so that nothing is made for each that comes by.
 */
export class FirstFew<E, K = undefined> {
  private readonly max: number;
  private readonly compare: (a: E, aKey: K, b: E, bKey: K) => number;
  private readonly entries: E[] = [];
  private readonly keys: K[] = [];

  /** @param compare a total order: no two things are equal in it */
  constructor(max: number, compare: (a: E, aKey: K, b: E, bKey: K) => number) {
    this.max = max;
    this.compare = compare;
  }

  offer(entry: E, key: K): void {
    const { entries, keys, max } = this;
    if (entries.length < max) {
      entries.push(entry);
      keys.push(key);
      this.up(entries.length - 1);
    } else if (max > 0 && this.compare(entry, key, entries[0]!, keys[0]!) < 0) this.replaceTop(entry, key);
  }

  get size(): number {
    return this.entries.length;
  }

  /** The last of those that are left: there is one. */
  get last(): { readonly entry: E; readonly key: K } {
    return { entry: this.entries[0]!, key: this.keys[0]! };
  }

  /** Takes it out. */
  takeLast(): E {
    const { entries } = this;
    const taken = entries[0]!;
    const entry = entries.pop()!;
    const key = this.keys.pop()!;
    if (entries.length > 0) this.replaceTop(entry, key);
    return taken;
  }

  private up(from: number): void {
    const { entries, keys, compare } = this;
    const entry = entries[from]!;
    const key = keys[from]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (compare(entry, key, entries[parent]!, keys[parent]!) <= 0) break;
      entries[at] = entries[parent]!;
      keys[at] = keys[parent]!;
      at = parent;
    }
    entries[at] = entry;
    keys[at] = key;
  }

  private replaceTop(entry: E, key: K): void {
    const { entries, keys, compare } = this;
    const { length } = entries;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      const other = child + 1;
      if (other < length && compare(entries[other]!, keys[other]!, entries[child]!, keys[child]!) > 0) child = other;
      if (compare(entries[child]!, keys[child]!, entry, key) <= 0) break;
      entries[at] = entries[child]!;
      keys[at] = keys[child]!;
      at = child;
    }
    entries[at] = entry;
    keys[at] = key;
  }
}
