/** Answers that are kept for a while: bounded in their number and their age. Who was not asked for longest goes first. */

interface Kept<V> {
  readonly value: V;
  readonly untilMs: number;
}

export class AnswerCache<V> {
  private readonly entries = new Map<string, Kept<V>>();
  private readonly entriesMax: number;
  private readonly nowMs: () => number;

  /** @param nowMs monotonic */
  constructor(entriesMax: number, nowMs: () => number) {
    this.entriesMax = entriesMax;
    this.nowMs = nowMs;
  }

  get size(): number {
    return this.entries.size;
  }

  get(key: string): V | undefined {
    const kept = this.entries.get(key);
    if (kept === undefined) return undefined;
    this.entries.delete(key);
    if (kept.untilMs <= this.nowMs()) return undefined;
    this.entries.set(key, kept);
    return kept.value;
  }

  set(key: string, value: V, lifetimeMs: number): void {
    this.entries.delete(key);
    this.entries.set(key, { value, untilMs: this.nowMs() + lifetimeMs });
    if (this.entries.size <= this.entriesMax) return;
    const [oldest] = this.entries.keys();
    this.entries.delete(oldest!);
  }

  clear(): void {
    this.entries.clear();
  }
}
