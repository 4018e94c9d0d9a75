/** The last of what comes: so many a second are taken in, so many are kept, and all others are a number. */
export class Ring<T> {
  private readonly kept: number;
  private readonly aSecond: number;
  private held: T[] = [];
  private secondBegan = Number.NEGATIVE_INFINITY;
  private inSecond = 0;
  /** Taken in since the beginning. */
  shown = 0;
  /** Not taken in since then. */
  passed = 0;

  constructor(kept: number, aSecond: number) {
    this.kept = kept;
    this.aSecond = aSecond;
  }

  /** The oldest first. */
  get rows(): readonly T[] {
    return this.held;
  }

  /** @param paused nothing is taken in: what is read stays where it is */
  take(one: T, nowMs: number, paused: boolean): void {
    if (nowMs - this.secondBegan >= 1_000) {
      this.secondBegan = nowMs;
      this.inSecond = 0;
    }
    if (paused || this.inSecond >= this.aSecond) {
      this.passed++;
      return;
    }
    this.inSecond++;
    this.shown++;
    this.held.push(one);
    if (this.held.length > this.kept) this.held.shift();
  }

  /** So many did not even come here. */
  pass(number: number): void {
    this.passed += number;
  }
}
