/**
 * Everything on one connection that happens by the clock: the deadline of the handshake and of the answer to
 * connection.close, heartbeats, and the watch over deliveries that nobody settles.
 */
import { type Clock, Timer } from '../../../src/api/index.ts';
import { TICKS_PER_TIMEOUT } from '../deliver/ack-timeout.ts';
import type { AmqpLimits } from '../options.ts';
import { Heartbeat, type HeartbeatOwner } from './heartbeat.ts';

export interface ClockworkOwner extends HeartbeatOwner {
  /** The client was too slow to log in, or to answer connection.close. */
  deadlinePassed(): void;
  /** Close the channels that have held a delivery for too long. */
  watchAcks(): void;
}

export class Clockwork {
  private readonly clock: Clock;
  private readonly limits: AmqpLimits;
  private readonly heartbeat: Heartbeat;
  private readonly deadline: Timer;
  private readonly acks: Timer;

  constructor(clock: Clock, limits: AmqpLimits, owner: ClockworkOwner) {
    this.clock = clock;
    this.limits = limits;
    this.heartbeat = new Heartbeat(clock, owner);
    this.deadline = new Timer(() => owner.deadlinePassed());
    this.acks = new Timer(() => {
      owner.watchAcks();
      this.watchAcksLater();
    });
    clock.schedule(this.deadline, limits.handshakeTimeoutMs);
  }

  /** The client has said something. */
  heard(): void {
    this.heartbeat.heard = true;
  }

  /** @param heartbeatS what was agreed; 0: no heartbeats */
  tuned(heartbeatS: number): void {
    this.heartbeat.start(heartbeatS);
  }

  /** The handshake is over. */
  running(): void {
    this.clock.cancel(this.deadline);
    this.watchAcksLater();
  }

  /** connection.close has been sent. */
  closing(): void {
    this.clock.schedule(this.deadline, this.limits.closeTimeoutMs);
  }

  stop(): void {
    this.heartbeat.stop();
    this.clock.cancel(this.deadline);
    this.clock.cancel(this.acks);
  }

  private watchAcksLater(): void {
    const { consumerTimeoutMs } = this.limits;
    if (consumerTimeoutMs > 0) this.clock.schedule(this.acks, consumerTimeoutMs / TICKS_PER_TIMEOUT);
  }
}
