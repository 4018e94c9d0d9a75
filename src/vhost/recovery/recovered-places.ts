/**
 * Where a recovered queue's messages belong, by their numbers: groups and tenants, as the log says. What was settled since is
 * among them: nobody asks for it.
 */
import type { MessagePlace } from '../../queue/order/queue-order.ts';

/** A number and the index of its place are sorted as one, as long as both go into 53 bits. */
const INDEX_UNIT = 2 ** 22;
const SPAN_MAX = 2 ** 31;

export class RecoveredPlaces {
  private readonly places: MessagePlace[] = [];
  private readonly indexes = new Map<string, number>();
  private readonly closing = new Set<number>();
  private seqs = new Float64Array(64);
  private indexOf = new Uint32Array(64);
  private count = 0;
  private sorted = true;
  /** The one that was found last. */
  private at = -1;

  add(place: MessagePlace, seq: number): void {
    if (place.closes) this.closing.add(seq);
    if (place.group === null && place.tenant === '') return;
    if (this.count === this.seqs.length) this.grow();
    if (this.count > 0 && seq <= this.seqs[this.count - 1]!) this.sorted = false;
    this.seqs[this.count] = seq;
    this.indexOf[this.count++] = this.index(place);
  }

  private index(place: MessagePlace): number {
    const id = `${place.tenant.length}:${place.tenant}${place.group === null ? '' : `+${place.group}`}`;
    let index = this.indexes.get(id);
    if (index === undefined) {
      index = this.places.length;
      this.indexes.set(id, index);
      this.places.push({ tenant: place.tenant, group: place.group, closes: false });
    }
    return index;
  }

  private grow(): void {
    const seqs = new Float64Array(this.count * 2);
    seqs.set(this.seqs);
    this.seqs = seqs;
    const indexOf = new Uint32Array(this.count * 2);
    indexOf.set(this.indexOf);
    this.indexOf = indexOf;
  }

  clear(): void {
    this.count = 0;
    this.sorted = true;
    this.closing.clear();
    this.places.length = 0;
    this.indexes.clear();
    this.at = -1;
  }

  /** Where a message belongs; undefined: to no group and no tenant. Those that are asked for in order are found at once. */
  of(seq: number): MessagePlace | undefined {
    this.sort();
    const found = this.find(seq);
    const place = found < 0 ? undefined : this.places[this.indexOf[found]!]!;
    if (place === undefined || !this.closing.has(seq)) return place;
    return { ...place, closes: true };
  }

  private find(seq: number): number {
    const { seqs, count } = this;
    if (this.at + 1 < count && seqs[this.at + 1] === seq) return ++this.at;
    let low = 0;
    let high = count - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (seqs[middle]! < seq) low = middle + 1;
      else if (seqs[middle]! > seq) high = middle - 1;
      else {
        this.at = middle;
        return middle;
      }
    }
    return -1;
  }

  private sort(): void {
    if (this.sorted) return;
    this.sorted = true;
    const { seqs, indexOf, count } = this;
    let first = Number.POSITIVE_INFINITY;
    let last = 0;
    for (let i = 0; i < count; i++) {
      first = Math.min(first, seqs[i]!);
      last = Math.max(last, seqs[i]!);
    }
    if (last - first >= SPAN_MAX || this.places.length >= INDEX_UNIT) this.sortEntries();
    else {
      const both = new Float64Array(count);
      for (let i = 0; i < count; i++) both[i] = (seqs[i]! - first) * INDEX_UNIT + indexOf[i]!;
      both.sort();
      for (let i = 0; i < count; i++) {
        seqs[i] = Math.floor(both[i]! / INDEX_UNIT) + first;
        indexOf[i] = both[i]! % INDEX_UNIT;
      }
    }
  }

  private sortEntries(): void {
    const entries = Array.from({ length: this.count }, (_, i) => [this.seqs[i]!, this.indexOf[i]!] as const);
    entries.sort((a, b) => a[0] - b[0]);
    for (const [i, [seq, index]] of entries.entries()) {
      this.seqs[i] = seq;
      this.indexOf[i] = index;
    }
  }
}
