/**
 * The next few of a queue's unsettled messages by number. Slots are in no order, so all of them are looked through, a part at a time,
 * for each KEPT of them.
 */
import type { QueueEntryFlags, VisitEntry } from '../entry-flags.ts';
import type { DeliverySlots } from '../unsettled/delivery-slots.ts';

/** What is kept of them at a time. */
const KEPT = 2048;
/** Slots that are looked through in one part. */
const PART = 8192;

interface Entry {
  readonly seq: number;
  readonly flags: QueueEntryFlags;
}

export class NextUnsettled {
  private readonly sign: number;
  private kept: Entry[] = [];
  /** The first slot that has not been looked at; -1: nothing is being looked for. */
  private slot = -1;
  /** There is nothing beyond those that are kept. */
  private whole = false;
  private begun = false;

  constructor(backwards: boolean) {
    this.sign = backwards ? -1 : 1;
  }

  /** Looks through one part; true once the next few after `last` are known. */
  read(slots: DeliverySlots | null, last: number): boolean {
    if (slots === null) return true;
    if (this.slot < 0) {
      if (this.begun && (this.whole || this.kept.some(({ seq }) => this.isAfter(seq, last)))) return true;
      this.begun = true;
      this.slot = 0;
      this.kept = [];
      this.whole = true;
    }
    slots.forEachSlot(this.slot, this.slot + PART, (seq, flags) => {
      if (this.isAfter(seq, last)) this.keep({ seq, flags });
    });
    this.slot += PART;
    if (this.slot < slots.capacity) return false;
    this.slot = -1;
    this.sort();
    return true;
  }

  /** Up to `max` of those that are kept and come after `last`. */
  first(last: number, max: number, visit: VisitEntry): void {
    let left = max;
    for (const { seq, flags } of this.kept) {
      if (left === 0) return;
      if (!this.isAfter(seq, last)) continue;
      visit(seq, flags);
      left--;
    }
  }

  private isAfter(seq: number, last: number): boolean {
    return this.sign * (seq - last) > 0;
  }

  private keep(entry: Entry): void {
    this.kept.push(entry);
    if (this.kept.length >= 2 * KEPT) this.sort();
  }

  private sort(): void {
    this.kept.sort((a, b) => this.sign * (a.seq - b.seq));
    if (this.kept.length <= KEPT) return;
    this.kept.length = KEPT;
    this.whole = false;
  }
}
