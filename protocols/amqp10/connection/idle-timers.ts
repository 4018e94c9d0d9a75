/**
 * The timers of one connection: the deadline of the handshake and of the answer to close, and silence both ways. [§2.4.5]
 *
 * An empty frame goes out at half the time that the client allows for silence, whatever else was sent: one that waited for silence
 * would come up to half of it too late for clients that are strict. Received bytes only set `received`.
 */
import { type Clock, Timer } from '../../../src/api/index.ts';
import type { Amqp10Limits } from '../options.ts';

/** What a client may ask for at least, so that nobody is kept busy with its silence. */
const SILENCE_LEAST_MS = 1_000;
/** Parts of the idle time-out in which nothing may come. */
const SILENT_TICKS_MAX = 4;

export interface IdleTimersOwner {
  /** Write an empty frame. */
  keepAlive(): void;
  /** True while nothing is read from the client, so that its silence means nothing. */
  readonly readPaused: boolean;
  /** The client is lost. */
  silent(): void;
  /** The client was too slow to log in, or to answer close. */
  deadlinePassed(): void;
}

export class IdleTimers {
  /** Set by whoever reads from the client. */
  received = false;
  private silentTicks = 0;
  private sendMs = 0;
  private readonly clock: Clock;
  private readonly limits: Amqp10Limits;
  private readonly owner: IdleTimersOwner;
  private readonly deadline: Timer;
  private readonly sending = new Timer(() => this.send());
  private readonly watching = new Timer(() => this.watch());

  constructor(clock: Clock, limits: Amqp10Limits, owner: IdleTimersOwner) {
    this.clock = clock;
    this.limits = limits;
    this.owner = owner;
    this.deadline = new Timer(() => owner.deadlinePassed());
    clock.schedule(this.deadline, limits.handshakeTimeoutMs);
  }

  /** @param peerMs for how long the client lets the broker be silent; undefined: for ever */
  opened(peerMs: number | undefined): void {
    this.clock.cancel(this.deadline);
    if (peerMs !== undefined) {
      this.sendMs = Math.max(SILENCE_LEAST_MS, peerMs) / 2;
      this.clock.schedule(this.sending, this.sendMs);
    }
    if (this.limits.idleTimeoutMs > 0) this.clock.schedule(this.watching, this.limits.idleTimeoutMs / SILENT_TICKS_MAX);
  }

  closing(): void {
    this.stop();
    this.clock.schedule(this.deadline, this.limits.closeTimeoutMs);
  }

  stop(): void {
    this.clock.cancel(this.deadline);
    this.clock.cancel(this.sending);
    this.clock.cancel(this.watching);
  }

  private send(): void {
    this.clock.schedule(this.sending, this.sendMs);
    this.owner.keepAlive();
  }

  private watch(): void {
    if (this.received || this.owner.readPaused) {
      this.received = false;
      this.silentTicks = 0;
    } else if (++this.silentTicks >= SILENT_TICKS_MAX) {
      this.owner.silent();
      return;
    }
    this.clock.schedule(this.watching, this.limits.idleTimeoutMs / SILENT_TICKS_MAX);
  }
}
