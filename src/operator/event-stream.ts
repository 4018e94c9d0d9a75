/**
 * Events for one reader, who takes them when he can: so many are kept for him, the oldest go, and he is told how many. Whatever happens
 * in the broker is not held up by it.
 */
import type { BrokerEvent, BrokerEvents } from '../broker/events.ts';
import { type Clock, Timer } from '../clock/clock.ts';

export interface TimedEvent {
  /** Counts what happened since the stream began, from 1: numbers that are missing were dropped. */
  readonly number: number;
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly event: BrokerEvent;
}

export const EVENTS_KEPT_MAX = 1_024;

export class EventStream {
  /** Events that its reader has not got, because he was too slow. */
  dropped = 0;
  private readonly source: BrokerEvents;
  private readonly clock: Clock;
  private readonly wants: ((event: BrokerEvent) => boolean) | undefined;
  private kept: TimedEvent[] = [];
  private head = 0;
  private number = 0;
  private wake: (() => void) | null = null;
  private readonly idle = new Timer(() => this.wake?.());
  private readonly listener = (event: BrokerEvent): void => this.heard(event);
  private ended = false;
  private readonly onEnd: () => void;

  /** @param wants which of them; undefined: all */
  constructor(
    source: BrokerEvents,
    clock: Clock,
    wants: ((event: BrokerEvent) => boolean) | undefined,
    onEnd: () => void,
  ) {
    this.onEnd = onEnd;
    this.source = source;
    this.clock = clock;
    this.wants = wants;
    source.add(this.listener);
  }

  private heard(event: BrokerEvent): void {
    if (this.wants?.(event) === false) return;
    this.kept.push({ number: ++this.number, atMs: this.clock.epochMs(), event });
    if (this.kept.length - this.head > EVENTS_KEPT_MAX) {
      this.head++;
      this.dropped++;
      // What was passed over is let go of now and then, so that each costs the same.
      if (this.head >= EVENTS_KEPT_MAX) {
        this.kept = this.kept.slice(this.head);
        this.head = 0;
      }
    }
    this.wake?.();
  }

  /** Nothing follows. */
  get over(): boolean {
    return this.ended;
  }

  /** All that are kept, at once or when the next comes; none: nothing has for `idleMs`, or the stream has ended. One call at a time. */
  async next(idleMs: number): Promise<readonly TimedEvent[]> {
    if (this.kept.length === this.head && !this.ended) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        this.clock.schedule(this.idle, idleMs);
      });
      this.wake = null;
      this.clock.cancel(this.idle);
    }
    const events = this.head === 0 ? this.kept : this.kept.slice(this.head);
    this.kept = [];
    this.head = 0;
    return events;
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.onEnd();
    this.source.remove(this.listener);
    this.wake?.();
  }
}
