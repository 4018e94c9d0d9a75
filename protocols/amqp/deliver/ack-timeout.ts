/**
 * How long a channel has held deliveries that it has not settled. Nothing is noted for a delivery: at every tick the highest
 * delivery tag is, so a tag that was given before the oldest note is older than the whole row of them.
 */

/** A delivery is found overdue at most this part of the limit late. */
export const TICKS_PER_TIMEOUT = 30;

interface Held {
  /** The oldest unsettled tag, 0 for none. */
  first(): number;
  readonly lastTag: number;
}

export class AckWatch {
  /** The highest tag at each of the last ticks, oldest first. */
  private readonly notes: number[] = [];

  /** True if a delivery has been held for the whole limit. */
  tick(held: Held): boolean {
    const oldest = held.first();
    if (oldest === 0) {
      this.notes.length = 0;
      return false;
    }
    this.notes.push(held.lastTag);
    if (this.notes.length <= TICKS_PER_TIMEOUT) return false;
    return oldest <= this.notes.shift()!;
  }
}
