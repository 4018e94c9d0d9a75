/**
 * Finds channels that have held a delivery unsettled for too long (`AmqpOptions.consumerTimeoutMs`). Nothing is noted for a
 * delivery: at every tick the highest delivery tag is, so a tag given before the oldest note is older than the whole limit.
 */

/** A delivery is found overdue at most this part of the limit late. */
export const TICKS_PER_TIMEOUT = 30;

/** A channel's unsettled deliveries: `TagWindow`. */
interface HeldTags {
  /** The oldest unsettled tag, 0 for none. */
  first(): number;
  readonly lastTag: number;
}

export class AckTimeout {
  /** The highest tag at each of the last ticks, oldest first. */
  private readonly notes: number[] = [];

  /** To be called TICKS_PER_TIMEOUT times in each limit. True if a delivery has been held for the whole of it. */
  tick(held: HeldTags): boolean {
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
