/**
 * Paces the copying of segments, in bytes: so many as are appended meanwhile and half as many again, so that it keeps up with
 * any load and takes no more than it must; and a little every tick when nothing is being written.
 */
import { type Clock, Timer } from '../../clock/clock.ts';

const TICK_MS = 20;
const APPENDED_FACTOR = 1.5;
/** Blocks that may be copied in a tick in which nothing is written, and that may be saved up. */
const IDLE_BLOCKS = 2;
const CREDIT_BLOCKS = 4;

export class CopyBudget {
  private readonly clock: Clock;
  private readonly blockBytes: number;
  private readonly busy: () => boolean;
  private credit = 0;
  private stopped = false;
  private waiting: (() => void) | undefined = undefined;
  private readonly ticking = new Timer(() => this.tick());

  /** @param busy a flush is under way, so that nothing is granted for a tick */
  constructor(clock: Clock, blockBytes: number, busy: () => boolean) {
    this.clock = clock;
    this.blockBytes = blockBytes;
    this.busy = busy;
  }

  /** So many bytes were appended and written. */
  appended(bytes: number): void {
    this.grant(bytes * APPENDED_FACTOR);
  }

  /** Waits until so much may be read and written, or until it is stopped. */
  async afford(bytes: number): Promise<void> {
    while (this.credit <= 0 && !this.stopped) {
      await new Promise<void>((go) => {
        this.waiting = go;
        if (!this.ticking.scheduled) this.clock.schedule(this.ticking, TICK_MS);
      });
    }
    this.credit -= bytes;
  }

  stop(): void {
    this.stopped = true;
    this.clock.cancel(this.ticking);
    this.waiting?.();
  }

  private grant(bytes: number): void {
    this.credit = Math.min(this.credit + bytes, CREDIT_BLOCKS * this.blockBytes);
    const { waiting } = this;
    if (this.credit <= 0 || waiting === undefined) return;
    this.waiting = undefined;
    waiting();
  }

  private tick(): void {
    if (this.waiting === undefined) return;
    if (!this.busy()) this.grant(IDLE_BLOCKS * this.blockBytes);
    if (this.waiting !== undefined) this.clock.schedule(this.ticking, TICK_MS);
  }
}
