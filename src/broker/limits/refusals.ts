/** How often each limit has refused something, in which protocol. */

export class LimitRefusals {
  /** By limit, then by protocol; '' where it is not known yet. */
  private readonly counts = new Map<string, Map<string, number>>();

  count(limit: string, protocol: string): void {
    let ofLimit = this.counts.get(limit);
    if (ofLimit === undefined) {
      ofLimit = new Map();
      this.counts.set(limit, ofLimit);
    }
    ofLimit.set(protocol, (ofLimit.get(protocol) ?? 0) + 1);
  }

  total(limit: string): number {
    let total = 0;
    for (const count of this.counts.get(limit)?.values() ?? []) total += count;
    return total;
  }

  /** Only what has happened. */
  *[Symbol.iterator](): Generator<{ limit: string; protocol: string; count: number }> {
    for (const [limit, ofLimit] of this.counts) {
      for (const [protocol, count] of ofLimit) yield { limit, protocol, count };
    }
  }
}
