/**
 * A histogram: how many of something were so large or so long, counted where it happens. What is added touches two numbers of
 * a fixed array and allocates nothing, so it may stand on the way of each message.
 */

/** Upper bounds of what takes time, in milliseconds. */
export const LATENCY_BOUNDS_MS: readonly number[] = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500];

export class Histogram {
  /** Upper bounds, rising; a value that is equal to one lies within it. */
  readonly bounds: readonly number[];
  /** How many lie in each, not counting those in the ones before; and one more for what is beyond all of them. */
  readonly counts: Float64Array;
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[] = LATENCY_BOUNDS_MS) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** @param times how often */
  add(value: number, times = 1): void {
    const { bounds } = this;
    let i = 0;
    while (i < bounds.length && value > bounds[i]!) i++;
    this.counts[i]! += times;
    this.count += times;
    this.sum += value * times;
  }

  /** Adds all of another one with the same bounds. */
  addAll(other: Histogram): void {
    for (let i = 0; i < this.counts.length; i++) this.counts[i]! += other.counts[i]!;
    this.count += other.count;
    this.sum += other.sum;
  }
}
