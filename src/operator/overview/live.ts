/**
 * Who looks at the overview all the time: all are told at the same moments, from one look at the broker, and nothing is looked at while nobody
 * is there. Who does not read is told less often; nothing is made or kept for him.
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import { BrokerError } from '../../message/errors.ts';

export const LIVE_MS = 2_000;
/** Readers at a time. */
export const LIVE_READERS_MAX = 64;

export class LiveOverview {
  /** Counts the moments. */
  moment = 0;
  private readonly clock: Clock;
  private readonly readers = new Set<LiveReader>();
  private readonly timer = new Timer(() => this.tick());

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get readerCount(): number {
    return this.readers.size;
  }

  /** @param stillMay whether he may go on; asked at each moment @throws BrokerError unavailable: there are too many */
  read(stillMay: () => boolean): LiveReader {
    if (this.readers.size >= LIVE_READERS_MAX) {
      throw new BrokerError('unavailable', `there are ${LIVE_READERS_MAX} readers of the overview already`);
    }
    const reader = new LiveReader(stillMay, () => {
      this.readers.delete(reader);
      if (this.readers.size === 0) this.clock.cancel(this.timer);
    });
    if (this.readers.size === 0) this.begin();
    this.readers.add(reader);
    return reader;
  }

  close(): void {
    for (const reader of [...this.readers]) reader.end();
  }

  private begin(): void {
    this.moment++;
    this.clock.schedule(this.timer, LIVE_MS);
  }

  private tick(): void {
    this.begin();
    for (const reader of [...this.readers]) reader.tell();
  }
}

export class LiveReader {
  private readonly stillMay: () => boolean;
  private readonly onEnd: () => void;
  private ended = false;
  /** The moment that is now has not been taken: as it begins, there is one. */
  private due = true;
  private wake: (() => void) | null = null;

  constructor(stillMay: () => boolean, onEnd: () => void) {
    this.stillMay = stillMay;
    this.onEnd = onEnd;
  }

  get over(): boolean {
    return this.ended;
  }

  tell(): void {
    if (!this.stillMay()) this.end();
    this.due = true;
    this.wake?.();
  }

  /** Resolves at once if a moment has come since the last call, or with the next, or when it has ended. One call at a time. */
  async next(): Promise<void> {
    if (!this.due && !this.ended) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = null;
    }
    this.due = false;
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.onEnd();
    this.wake?.();
  }
}
