/** The wait for a file descriptor where none is left: whatever found none is tried again every 100 ms until there is one. */
import { type Clock, Timer } from '../../clock/clock.ts';

const WAIT_MS = 100;

export class DescriptorWait {
  private readonly clock: Clock;
  private readonly onScarce: (scarce: boolean) => void;
  private waiting: (() => void)[] = [];
  private scarce = false;
  private readonly tryAgain = new Timer(() => this.goOn());

  /** @param onScarce called with true when the first must wait, with false when none must any more */
  constructor(clock: Clock, onScarce: (scarce: boolean) => void) {
    this.clock = clock;
    this.onScarce = onScarce;
  }

  /** Calls `again` later; the caller has nothing to lose but time. */
  later(again: () => void): void {
    this.waiting.push(again);
    if (!this.scarce) this.onScarce(true);
    this.scarce = true;
    if (!this.tryAgain.scheduled) this.clock.schedule(this.tryAgain, WAIT_MS);
  }

  /** A file could be opened. */
  found(): void {
    if (!this.scarce || this.waiting.length > 0) return;
    this.scarce = false;
    this.onScarce(false);
  }

  /** Everything that waits is tried once more, now. */
  stop(): void {
    this.clock.cancel(this.tryAgain);
    this.goOn();
  }

  private goOn(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const again of waiting) again();
  }
}
