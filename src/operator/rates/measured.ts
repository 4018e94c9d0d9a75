/** Numbers of one thing as of now, how fast each goes, and how it went. */
import type { History, Sample, Series } from './series.ts';

export interface Measured<C extends string> {
  value(column: C): number;
  /** A second, over the last interval between samples. */
  rate(column: C): number;
  /** The newest first. Empty where no history is kept. */
  samples(column: C, history: History): readonly Sample[];
}

/** Of one thing, or of several together: their sums. */
export class MeasuredRows<C extends string> implements Measured<C> {
  private readonly columns: readonly C[];
  private readonly row: Float64Array;
  private readonly series: readonly Series[];

  /** @param row the numbers as of now */
  constructor(columns: readonly C[], row: Float64Array, series: readonly Series[]) {
    this.columns = columns;
    this.row = row;
    this.series = series;
  }

  value(column: C): number {
    return this.row[this.columns.indexOf(column)]!;
  }

  rate(column: C): number {
    const at = this.columns.indexOf(column);
    let rate = 0;
    for (const series of this.series) rate += series.rate(at);
    return rate;
  }

  samples(column: C, history: History): readonly Sample[] {
    const at = this.columns.indexOf(column);
    const [first, ...others] = this.series.map((series) => series.samples(at, history));
    if (first === undefined || others.length === 0) return first ?? [];
    // All of them are sampled one after the other, at the same times but for milliseconds.
    return first.map(({ atMs, value }, i) => ({
      atMs,
      value: others.reduce((sum, samples) => sum + (samples[i]?.value ?? 0), value),
    }));
  }
}
