/**
 * Heartbeats of one connection, both ways. [§4.2.7]
 *
 * The timer fires every half interval, and a heartbeat goes out each time: one that waited for silence would come up to a
 * whole interval after the last byte, when clients that are strict have given the broker up. Nothing is scheduled for a
 * frame. Received bytes only set `received`. A client from which nothing has come for two intervals is lost.
 */
import { type Clock, Timer } from '../../../src/api/index.ts';

/** Half intervals of silence after which a client is given up. */
const SILENT_TICKS_MAX = 4;

export interface HeartbeatOwner {
  /** Write a heartbeat frame. */
  heartbeatDue(): void;
  /** True while we do not read from the client, so that its silence means nothing. */
  readonly readPaused: boolean;
  /** The client is lost; the timer does not go on. */
  heartbeatMissed(): void;
}

export class Heartbeat {
  /** Set by whoever reads from the client. */
  received = false;
  private silentTicks = 0;
  private halfMs = 0;
  private readonly timer = new Timer(() => this.tick());
  private readonly clock: Clock;
  private readonly owner: HeartbeatOwner;

  constructor(clock: Clock, owner: HeartbeatOwner) {
    this.clock = clock;
    this.owner = owner;
  }

  /** @param intervalS what was agreed; 0: no heartbeats */
  start(intervalS: number): void {
    if (intervalS === 0) return;
    this.halfMs = intervalS * 500;
    this.clock.schedule(this.timer, this.halfMs);
  }

  stop(): void {
    this.clock.cancel(this.timer);
  }

  private tick(): void {
    if (this.received || this.owner.readPaused) {
      this.received = false;
      this.silentTicks = 0;
    } else if (++this.silentTicks >= SILENT_TICKS_MAX) {
      this.owner.heartbeatMissed();
      return;
    }
    this.owner.heartbeatDue();
    this.clock.schedule(this.timer, this.halfMs);
  }
}
