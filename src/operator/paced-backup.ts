/**
 * A backup as it is read over HTTP: a piece a turn at most, as an operator's long work is done, and no faster than was asked for. So
 * clients wait for one piece and never for a file.
 */
import type { BackedUpFile, Backup } from '../broker/backup.ts';
import { type Clock, Timer } from '../clock/clock.ts';
import type { Pace } from './listing/pace.ts';

/** Bytes a second: slower would run into the bound on how long the log keeps files for it (`broker/backup.ts`). */
export const RATE_MIN = 1024 * 1024;

/** So far ahead of its rate it may be, and so much it may make up for: timers are no finer than some 20 ms. */
const AHEAD_MS = 50;

export class PacedBackup {
  private readonly backup: Backup;
  private readonly pace: Pace;
  private readonly clock: Clock;
  private readonly bytesPerMs: number;
  /** Milliseconds of the clock: before that nothing is read. */
  private nextMs: number;
  /** Goes on with what waits for its time. */
  private goOn: () => void = () => {};
  private readonly waiting = new Timer(() => this.goOn());

  /** @param rate bytes a second; 0: as fast as clients do not notice */
  constructor(backup: Backup, pace: Pace, clock: Clock, rate: number) {
    this.backup = backup;
    this.pace = pace;
    this.clock = clock;
    this.bytesPerMs = rate / 1_000;
    this.nextMs = clock.monotonicMs();
  }

  get files(): readonly BackedUpFile[] {
    return this.backup.files;
  }

  /** As `Backup.read` does. @throws BrokerError unavailable */
  async *read(at: number): AsyncGenerator<Buffer> {
    await this.turn();
    for await (const piece of this.backup.read(at)) {
      yield piece;
      if (this.bytesPerMs > 0) await this.due(piece.length / this.bytesPerMs);
      await this.turn();
    }
  }

  close(): void {
    this.clock.cancel(this.waiting);
    this.goOn();
    this.backup.close();
  }

  private turn(): Promise<void> {
    return this.pace.next();
  }

  /** Waits once it is worth a timer. What it was too slow for before that is not made up for. */
  private async due(tookMs: number): Promise<void> {
    const nowMs = this.clock.monotonicMs();
    this.nextMs = Math.max(this.nextMs, nowMs - AHEAD_MS) + tookMs;
    if (this.nextMs - nowMs < AHEAD_MS) return;
    await new Promise<void>((resolve) => {
      this.goOn = resolve;
      this.clock.schedule(this.waiting, this.nextMs - nowMs);
    });
  }
}
