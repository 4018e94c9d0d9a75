/**
 * What a queue's latest messages have in common: the route that they came along, and so their address. Kept where a consumer may be
 * refused messages by their addresses: what was decided of one that came along a route holds for the others, and is found by a comparison
 * of two numbers.
 *
 *     came along the same route as the last ──▶ one of the run        any other ──▶ a new run begins with it, of its route if it has one
 */
export class Arrivals {
  /** Null: nothing is known of what came last. */
  private route: object | null = null;
  private first = 0;
  private last = 0;

  /** Messages have come whose numbers follow one another. @param route null: each by itself, or it is not known */
  came(seq: number, count: number, route: object | null): void {
    // It has waited elsewhere, and is older than what is here.
    if (seq < this.first) return;
    if (seq > this.last) {
      if (route !== this.route) {
        this.route = route;
        this.first = seq;
      }
      this.last = seq + count - 1;
    } else this.route = null;
  }

  /** What the message that is here under this number has come along; null: it is not known. */
  routeOf(seq: number): object | null {
    return seq >= this.first && seq <= this.last ? this.route : null;
  }
}
