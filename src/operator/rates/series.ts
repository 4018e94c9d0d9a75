/**
 * A series: a row of numbers of one thing, looked at every SAMPLE_MS, the last of them kept in a ring. Two rows are enough to say how
 * fast something goes; who asks how it went gets a longer ring from then on.
 */

/** Milliseconds between samples. */
export const SAMPLE_MS = 5_000;
/** Rows of a series whose rates are asked for, and of one whose history is: ten minutes, and the row they begin at. */
export const ROWS_FOR_RATES = 2;
export const ROWS_FOR_HISTORY = 121;

/** Of a series that goes back for an hour: of so many samples one is kept for that long, as many as of the others. */
export const KEPT_LONGER = 6;

export interface Sample {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly value: number;
}

/** How far back, and how far apart. Milliseconds. */
export interface History {
  readonly ageMs: number;
  readonly stepMs: number;
}

export class Series {
  /** When somebody last wanted to know, and when something last changed; milliseconds of the clock. */
  askedAtMs = 0;
  changedAtMs = 0;
  private readonly width: number;
  private readonly read: (row: Float64Array) => void;
  private rows: number;
  private values: Float64Array;
  private times: Float64Array;
  private size = 0;
  /** Where the last row is. */
  private last = -1;

  /** @param read writes a row of `width` numbers, as of now */
  constructor(width: number, read: (row: Float64Array) => void) {
    this.width = width;
    this.read = read;
    this.rows = ROWS_FOR_RATES;
    this.values = new Float64Array(width * this.rows);
    this.times = new Float64Array(this.rows);
  }

  get keepsHistory(): boolean {
    return this.rows === ROWS_FOR_HISTORY;
  }

  /** Keeps this many rows from now on, those that are there among them. */
  keep(rows: number): void {
    if (rows === this.rows) return;
    const kept = Math.min(rows, this.size);
    const values = new Float64Array(this.width * rows);
    const times = new Float64Array(rows);
    for (let i = 0; i < kept; i++) {
      const at = this.place(kept - 1 - i);
      values.set(this.values.subarray(at * this.width, (at + 1) * this.width), i * this.width);
      times[i] = this.times[at]!;
    }
    this.values = values;
    this.times = times;
    this.rows = rows;
    this.size = kept;
    this.last = kept - 1;
  }

  /** As if nobody had looked yet. */
  forget(): void {
    this.size = 0;
    this.last = -1;
  }

  /** Takes a row. */
  sample(nowMs: number, epochMs: number): void {
    const before = this.last;
    this.last = (this.last + 1) % this.rows;
    const row = this.values.subarray(this.last * this.width, (this.last + 1) * this.width);
    this.read(row);
    this.times[this.last] = epochMs;
    if (this.size < this.rows) this.size++;
    if (before < 0) {
      this.changedAtMs = nowMs;
      return;
    }
    for (let i = 0; i < this.width; i++) {
      if (this.values[before * this.width + i] === row[i]) continue;
      this.changedAtMs = nowMs;
      return;
    }
  }

  /** Change a second, between the last two samples. 0 before there are two. */
  rate(column: number): number {
    if (this.size < 2) return 0;
    const [now, before] = [this.last, this.place(1)];
    const seconds = (this.times[now]! - this.times[before]!) / 1000;
    return seconds <= 0 ? 0 : (this.value(now, column) - this.value(before, column)) / seconds;
  }

  /** The newest first; as many as there are. */
  samples(column: number, { ageMs, stepMs }: History): Sample[] {
    const found: Sample[] = [];
    if (this.size === 0) return found;
    const newest = this.times[this.last]!;
    let next = newest;
    for (let back = 0; back < this.size; back++) {
      const at = this.place(back);
      const atMs = this.times[at]!;
      if (newest - atMs > ageMs) break;
      // Ticks are not exact.
      if (atMs > next + SAMPLE_MS / 2) continue;
      found.push({ atMs, value: this.value(at, column) });
      next = atMs - stepMs;
    }
    return found;
  }

  private value(row: number, column: number): number {
    return this.values[row * this.width + column]!;
  }

  /** Where the row is that is so many before the last. */
  private place(back: number): number {
    return (this.last - back + this.rows) % this.rows;
  }
}

/** The last ten minutes at every sample, and the last hour at every KEPT_LONGER-th: two rings of one size. */
export class LongSeries {
  private readonly minutes: Series;
  private readonly hour: Series;

  constructor(width: number, read: (row: Float64Array) => void) {
    this.minutes = new Series(width, read);
    this.hour = new Series(width, read);
    this.minutes.keep(ROWS_FOR_HISTORY);
    this.hour.keep(ROWS_FOR_HISTORY);
  }

  /** @param number of this look, the same for all that are looked at in it */
  sample(number: number, nowMs: number, epochMs: number): void {
    this.minutes.sample(nowMs, epochMs);
    if (number % KEPT_LONGER === 0) this.hour.sample(nowMs, epochMs);
  }

  rate(column: number): number {
    return this.minutes.rate(column);
  }

  of(span: Span): Series {
    return this[span];
  }

  forget(): void {
    this.minutes.forget();
    this.hour.forget();
  }
}

/** Ten minutes, or an hour. */
export type Span = 'minutes' | 'hour';

/** All that there are. */
export const EVERY_SAMPLE: History = { ageMs: Number.POSITIVE_INFINITY, stepMs: 0 };

/** How fast a number rose before each sample but the oldest; what began anew has risen by nothing. The newest first. */
export function risesOf(samples: readonly Sample[]): Sample[] {
  return samples.slice(0, -1).map(({ atMs, value }, i) => {
    const before = samples[i + 1]!;
    const seconds = (atMs - before.atMs) / 1000;
    return { atMs, value: seconds <= 0 ? 0 : Math.max(0, value - before.value) / seconds };
  });
}
