/** Times, counted in steps of 2 %: from a microsecond to some minutes, in one small array. */
const STEP = 1.02;
const LEAST_MS = 0.001;
const STEPS = 1_000;

export class Latencies {
  count = 0;
  maxMs = 0;
  private readonly counts = new Float64Array(STEPS);

  add(ms: number, times = 1): void {
    const step = ms <= LEAST_MS ? 0 : Math.min(STEPS - 1, Math.ceil(Math.log(ms / LEAST_MS) / Math.log(STEP)));
    this.counts[step]! += times;
    this.count += times;
    if (ms > this.maxMs) this.maxMs = ms;
  }

  /** What this part of them is not above, in milliseconds; undefined if there is none. @param part 0 to 1 */
  percentile(part: number): number | undefined {
    if (this.count === 0) return undefined;
    let left = Math.ceil(this.count * part);
    for (const [step, times] of this.counts.entries()) {
      left -= times;
      if (left <= 0) return Math.min(this.maxMs, LEAST_MS * STEP ** step);
    }
    return this.maxMs;
  }
}
