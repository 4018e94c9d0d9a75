/**
 * Slots of unsettled deliveries: numbered places in typed arrays for what consumers hold. A slot is what an adapter keeps
 * beside its delivery tag or packet id; it is used again once the delivery has ended.
 */
import type { QueueConsumer } from '../dispatch/consumer.ts';
import type { QueueEntryFlags, VisitEntry } from '../entry-flags.ts';

export class DeliverySlots {
  private seqs = new Float64Array(0);
  private flagSets = new Uint32Array(0);
  /** Order of first delivery, for replays. */
  private order = new Float64Array(0);
  private holders: (QueueConsumer | null)[] = [];
  private free = new Int32Array(0);
  private freeCount = 0;
  private nextOrder = 1;
  private sought = 0;
  /** Held anew, in the order that the deliveries of then had; null while nothing was. */
  private renewed: Map<number, number> | null = null;
  /** Slots in use. */
  size = 0;

  add(seq: number, flags: QueueEntryFlags, holder: QueueConsumer): number {
    if (this.freeCount === 0) this.grow();
    const slot = this.free[--this.freeCount]!;
    this.seqs[slot] = seq;
    this.flagSets[slot] = flags;
    this.order[slot] = this.nextOrder++;
    this.holders[slot] = holder;
    this.size++;
    return slot;
  }

  /** Null for a slot that is not in use. */
  holder(slot: number): QueueConsumer | null {
    return this.holders[slot] ?? null;
  }

  seq(slot: number): number {
    return this.seqs[slot]!;
  }

  flags(slot: number): QueueEntryFlags {
    return this.flagSets[slot]!;
  }

  remove(slot: number): void {
    this.holders[slot] = null;
    this.free[this.freeCount++] = slot;
    this.size--;
  }

  /** The highest place in the order of deliveries that was given so far. */
  get latestOrder(): number {
    return this.nextOrder - 1;
  }

  /** Where a delivery stands in the order of first deliveries. */
  orderOf(slot: number): number {
    return this.order[slot]!;
  }

  /** The slot of the oldest delivery that each holder has, among the first `max` slots. */
  oldest(max: number): Map<QueueConsumer, number> {
    const found = new Map<QueueConsumer, number>();
    const { holders, order } = this;
    const end = Math.min(max, holders.length);
    for (let slot = 0; slot < end; slot++) {
      const holder = holders[slot]!;
      if (holder === null) continue;
      const known = found.get(holder);
      if (known === undefined || order[slot]! < order[known]!) found.set(holder, slot);
    }
    return found;
  }

  /** It counts as delivered now, for how long it may be held. */
  renew(slot: number): void {
    this.renewed ??= new Map();
    this.renewed.set(slot, this.nextOrder++);
  }

  /** The same of all that `holder` holds. */
  renewAll(holder: QueueConsumer): void {
    holder.renewed = this.nextOrder++;
  }

  /** Renewals of what has gone. */
  forgetRenewals(): void {
    const { renewed } = this;
    if (renewed === null) return;
    for (const [slot, order] of renewed) {
      if ((this.holders[slot] ?? null) === null || this.order[slot]! > order) renewed.delete(slot);
    }
    if (renewed.size === 0) this.renewed = null;
  }

  /** Those from slot `first` up to `end`, not included, that are held for longer than they may be; null for none. */
  overdue(first: number, end: number): Map<QueueConsumer, number[]> | null {
    const { holders, order, renewed } = this;
    let found: Map<QueueConsumer, number[]> | null = null;
    for (let slot = first; slot < end && slot < holders.length; slot++) {
      const holder = holders[slot]!;
      if (holder === null || holder.watch === null || order[slot]! > holder.watch.overdue) continue;
      if (holder.renewed > holder.watch.overdue) continue; // it was given before that, or it would not be here
      if (renewed !== null && (renewed.get(slot) ?? 0) > holder.watch.overdue) continue;
      found ??= new Map();
      const slots = found.get(holder);
      if (slots === undefined) found.set(holder, [slot]);
      else slots.push(slot);
    }
    return found;
  }

  /** The slots that `holder` holds, in the order of their first delivery. */
  heldBy(holder: QueueConsumer): number[] {
    if (holder.passive) return this.holders[holder.gotSlot] === holder ? [holder.gotSlot] : [];
    const slots: number[] = [];
    let first = Number.POSITIVE_INFINITY;
    let last = 0;
    for (let slot = 0; slot < this.holders.length && slots.length < holder.held; slot++) {
      if (this.holders[slot] !== holder) continue;
      slots.push(slot);
      const order = this.order[slot]!;
      if (order < first) first = order;
      if (order > last) last = order;
    }
    // Mostly they were handed out one soon after the other: then each has its place, and nothing has to be compared.
    if (slots.length < 64 || last - first > 8 * slots.length) {
      return slots.sort((a, b) => this.order[a]! - this.order[b]!);
    }
    const places = new Int32Array(last - first + 1).fill(-1);
    for (const slot of slots) places[this.order[slot]! - first] = slot;
    slots.length = 0;
    for (const slot of places) if (slot >= 0) slots.push(slot);
    return slots;
  }

  forEach(visit: VisitEntry): void {
    for (let slot = 0; slot < this.holders.length; slot++) {
      if (this.holders[slot] !== null) visit(this.seqs[slot]!, this.flagSets[slot]!);
    }
  }

  /** Slots there are, in use or not. */
  get capacity(): number {
    return this.holders.length;
  }

  /** Those in use from slot `first` up to `end`, which is not included. */
  forEachSlot(first: number, end: number, visit: VisitEntry): void {
    for (let slot = first; slot < end && slot < this.holders.length; slot++) {
      if (this.holders[slot] !== null) visit(this.seqs[slot]!, this.flagSets[slot]!);
    }
  }

  /** Some slot in use, as long as nothing is added: for those who take out all. There must be one. */
  nextInUse(): number {
    while ((this.holders[this.sought] ?? null) === null) this.sought = (this.sought + 1) % this.holders.length;
    return this.sought;
  }

  private grow(): void {
    const before = this.holders.length;
    const after = Math.max(16, before * 2);
    const seqs = new Float64Array(after);
    seqs.set(this.seqs);
    this.seqs = seqs;
    const flagSets = new Uint32Array(after);
    flagSets.set(this.flagSets);
    this.flagSets = flagSets;
    const order = new Float64Array(after);
    order.set(this.order);
    this.order = order;
    this.free = new Int32Array(after);
    // One after the other: an array that is written to far past its end becomes a hash table, at seconds for some millions.
    for (let slot = before; slot < after; slot++) this.holders.push(null);
    for (let slot = after - 1; slot >= before; slot--) this.free[this.freeCount++] = slot;
  }
}
