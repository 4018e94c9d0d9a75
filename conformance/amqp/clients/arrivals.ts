/** What a broker sends of its own accord, in order, and how a scenario waits for it: for a number, never for a while. */
import { within } from '../../support/inbox.ts';

/** How long a scenario waits for what must come. Generous: it is only used up when something is wrong. */
export const PATIENCE_MS = 8_000;

export class Arrivals<T> {
  readonly all: T[] = [];
  private readonly what: string;
  private taken = 0;
  private wanted = 0;
  private arrived: () => void = () => {};
  private failed: ((error: Error) => void) | undefined = undefined;
  private failure: Error | undefined = undefined;

  constructor(what: string) {
    this.what = what;
  }

  push(item: T): void {
    this.all.push(item);
    if (this.all.length - this.taken >= this.wanted) this.arrived();
  }

  /** Nothing more will come. */
  fail(error: Error): void {
    this.failure = error;
    this.failed?.(error);
  }

  /** The next `count` that nobody has taken yet. */
  async next(count: number, timeoutMs = PATIENCE_MS): Promise<readonly T[]> {
    if (this.all.length - this.taken < count) {
      if (this.failure !== undefined) throw this.failure;
      const waiting = new Promise<void>((resolve, reject) => {
        this.wanted = count;
        this.arrived = resolve;
        this.failed = reject;
      });
      await within(waiting, timeoutMs, () => {
        const there = this.all.length - this.taken;
        return `${this.what}: ${there} of ${count} after ${timeoutMs} ms`;
      });
    }
    const items = this.all.slice(this.taken, this.taken + count);
    this.taken += count;
    return items;
  }
}

/** A promise that is settled from outside, and that nobody has to listen to. */
export class Later<T> {
  readonly promise: Promise<T>;
  resolve: (value: T) => void = () => {};
  reject: (error: Error) => void = () => {};

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => {});
  }
}
