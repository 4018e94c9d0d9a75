/**
 * The schedule of flushes and syncs: when what was appended is written, and when what was written is synced.
 *
 *     durability   written                      synced
 *     fsync        at the end of the turn (1)   with every flush
 *     interval     at the end of the turn (1)   every `intervalMs`, and when a segment is about to go
 *     none         at the end of the turn (1)   when a segment is about to go
 *
 * (1) or, with `flushDelayMs`, so much later, unless there is a lot by then.
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import type { Durability, LogOptions } from '../options.ts';

const DEFAULT_INTERVAL_MS = 200;
const DEFAULT_FLUSH_BYTES = 1024 * 1024;

export class SyncSchedule {
  readonly durability: Durability;
  /** The next flush must sync, whatever the durability. */
  syncDue = false;
  private readonly clock: Clock;
  private readonly intervalMs: number;
  private readonly delayMs: number;
  private readonly bytesMax: number;
  private readonly syncing: Timer;
  private readonly waiting: Timer;
  private waited = false;

  /** @param wake makes the log look at the end of the turn */
  constructor(options: LogOptions, wake: () => void) {
    this.durability = options.durability ?? 'fsync';
    this.clock = options.clock;
    this.intervalMs = options.intervalMs ?? DEFAULT_INTERVAL_MS;
    this.delayMs = options.flushDelayMs ?? 0;
    this.bytesMax = options.flushBytesMax ?? DEFAULT_FLUSH_BYTES;
    this.syncing = new Timer(() => {
      this.syncDue = true;
      wake();
    });
    this.waiting = new Timer(() => {
      this.waited = true;
      wake();
    });
  }

  /** Whether `bytes` are to be written now; if not, it is asked again when they are. */
  mayFlush(bytes: number): boolean {
    if (this.delayMs === 0 || this.waited || this.syncDue || bytes >= this.bytesMax) return true;
    if (!this.waiting.scheduled) this.clock.schedule(this.waiting, this.delayMs);
    return false;
  }

  /** A flush begins; true if it must sync. */
  flushing(): boolean {
    this.waited = false;
    this.clock.cancel(this.waiting);
    if (this.durability === 'fsync') return true;
    const sync = this.syncDue;
    this.syncDue = false;
    if (sync) this.clock.cancel(this.syncing);
    else if (this.durability === 'interval' && !this.syncing.scheduled) {
      this.clock.schedule(this.syncing, this.intervalMs);
    }
    return sync;
  }

  stop(): void {
    this.clock.cancel(this.syncing);
    this.clock.cancel(this.waiting);
  }
}
