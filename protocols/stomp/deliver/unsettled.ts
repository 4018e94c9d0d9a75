/**
 * The unsettled deliveries of one subscription, in the order of their delivery: where ACK and NACK find theirs by its token.
 *
 *     deliver               ACK, NACK outside a transaction
 *     ───────▶ UNSETTLED ──────────────────────────────────▶ free
 *               │      ▲                                      ▲
 *       ACK,    │      │ ABORT                                │ COMMIT
 *       NACK in │      │                                      │
 *       one     ▼      │                                      │
 *               ENLISTED ─────────────────────────────────────┘
 *
 * One that was held for too long is TAKEN_BACK from then until its client answers, which changes nothing.
 *
 * An entry has an index, which is used again, and the delivery's number, which is not: a token gives both, so that it is
 * found in one step and a stale one is told from a new one. The entries are linked in order for cumulative ACKs. No
 * object is made for a delivery, and memory follows what is unsettled, not what has passed.
 */
const FREE = 0;
const UNSETTLED = 1;
const ENLISTED = 2;
const TAKEN_BACK = 3;
const NONE = -1;

export class UnsettledDeliveries {
  /** How many there are, those of open transactions included. */
  size = 0;
  /** Index of the oldest one, -1 if there is none. */
  first = NONE;
  private last = NONE;
  private free = NONE;
  private states = new Uint8Array(0);
  /** The broker's slots (`Consumer.settle`), by index. */
  private slots = new Float64Array(0);
  /** The deliveries' numbers, by index. */
  private numbers = new Float64Array(0);
  private nexts = new Int32Array(0);
  private previous = new Int32Array(0);

  /** Adds a delivery as the youngest and returns its index. */
  add(slot: number, number: number): number {
    if (this.free === NONE) this.grow();
    const index = this.free;
    this.free = this.nexts[index]!;
    this.states[index] = UNSETTLED;
    this.slots[index] = slot;
    this.numbers[index] = number;
    this.nexts[index] = NONE;
    this.previous[index] = this.last;
    if (this.last === NONE) this.first = index;
    else this.nexts[this.last] = index;
    this.last = index;
    this.size++;
    return index;
  }

  /** Whether the delivery of that number is at that index still, enlisted or not. */
  has(index: number, number: number): boolean {
    return index < this.states.length && this.states[index] !== FREE && this.numbers[index] === number;
  }

  /** Whether an open transaction is to settle it. */
  isEnlisted(index: number): boolean {
    return this.states[index] === ENLISTED;
  }

  /** Whether the broker has taken it back: there is nothing to settle. */
  isTakenBack(index: number): boolean {
    return this.states[index] === TAKEN_BACK;
  }

  /** The broker takes these back; returns the slots of those that no open transaction is to settle. */
  letGo(slots: readonly number[]): number[] {
    const wanted = new Set(slots);
    const found: number[] = [];
    for (let index = this.first; index !== NONE; index = this.nexts[index]!) {
      if (this.states[index] !== UNSETTLED || !wanted.has(this.slots[index]!)) continue;
      this.states[index] = TAKEN_BACK;
      found.push(this.slots[index]!);
    }
    return found;
  }

  /** The slot that `Consumer.settle` takes. */
  slot(index: number): number {
    return this.slots[index]!;
  }

  /** The delivery's number, from 1. */
  number(index: number): number {
    return this.numbers[index]!;
  }

  /** Index of the next younger one, -1 after the last. */
  next(index: number): number {
    return this.nexts[index]!;
  }

  /** A transaction is to settle it. */
  enlist(index: number): void {
    this.states[index] = ENLISTED;
  }

  /** The transaction was aborted: the delivery is as before, at its old place. */
  delist(index: number): void {
    this.states[index] = UNSETTLED;
  }

  /** It is settled, or was given back. */
  remove(index: number): void {
    const next = this.nexts[index]!;
    const previous = this.previous[index]!;
    if (previous === NONE) this.first = next;
    else this.nexts[previous] = next;
    if (next === NONE) this.last = previous;
    else this.previous[next] = previous;
    this.states[index] = FREE;
    this.nexts[index] = this.free;
    this.free = index;
    this.size--;
  }

  private grow(): void {
    const before = this.states.length;
    const after = before === 0 ? 16 : before * 2;
    this.states = widened(this.states, new Uint8Array(after));
    this.slots = widened(this.slots, new Float64Array(after));
    this.numbers = widened(this.numbers, new Float64Array(after));
    this.nexts = widened(this.nexts, new Int32Array(after));
    this.previous = widened(this.previous, new Int32Array(after));
    for (let index = after - 1; index >= before; index--) {
      this.nexts[index] = this.free;
      this.free = index;
    }
  }
}

function widened<T extends Uint8Array | Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
