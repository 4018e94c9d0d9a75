/** What became of the last messages of a redrive, one by one: a bounded memory, gone with the broker. The counts are what is kept. */
import type { LeftReason } from './plan.ts';

/** Of one redrive. */
export const OUTCOMES_KEPT_MAX = 1_000;

export interface MessageOutcome {
  /** Where it was in its queue. */
  readonly position: number;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** Undefined: it was moved. */
  readonly left: LeftReason | undefined;
  /** The queue or exchange that it went to, or was to go to; '' for nobody knows. */
  readonly to: string;
}

const LEFT: readonly (LeftReason | undefined)[] = [undefined, 'no-origin', 'unroutable', 'access-refused'];

export class Outcomes {
  private readonly positions = new Float64Array(OUTCOMES_KEPT_MAX);
  private readonly times = new Float64Array(OUTCOMES_KEPT_MAX);
  private readonly how = new Uint8Array(OUTCOMES_KEPT_MAX);
  private readonly targets: string[] = [];
  private count = 0;

  get size(): number {
    return Math.min(this.count, OUTCOMES_KEPT_MAX);
  }

  add(position: number, atMs: number, left: LeftReason | undefined, to: string): void {
    const at = this.count++ % OUTCOMES_KEPT_MAX;
    this.positions[at] = position;
    this.times[at] = atMs;
    this.how[at] = LEFT.indexOf(left);
    this.targets[at] = to;
  }

  /** The latest first. */
  page(skip: number, take: number): MessageOutcome[] {
    const found: MessageOutcome[] = [];
    for (let i = skip; i < this.size && found.length < take; i++) {
      const at = (this.count - 1 - i) % OUTCOMES_KEPT_MAX;
      found.push({
        ...{ position: this.positions[at]!, atMs: this.times[at]!, left: LEFT[this.how[at]!], to: this.targets[at]! },
      });
    }
    return found;
  }
}
