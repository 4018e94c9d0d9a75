/**
 * The timers of one connection: the deadline of the handshake and of the answer to connection.close, heartbeats, and the
 * time-out of deliveries that nobody settles.
 */
import { type Clock, Timer } from '../../../src/api/index.ts';
import { TICKS_PER_TIMEOUT } from '../deliver/ack-timeout.ts';
import type { AmqpLimits } from '../options.ts';
import { Heartbeat, type HeartbeatOwner } from './heartbeat.ts';

export interface ConnectionTimersOwner extends HeartbeatOwner {
  /** The client was too slow to log in, or to answer connection.close. */
  deadlinePassed(): void;
  /** Close the channels that have held a delivery for too long. */
  closeOverdueChannels(): void;
}

export class ConnectionTimers {
  private readonly clock: Clock;
  private readonly limits: AmqpLimits;
  private readonly heartbeat: Heartbeat;
  private readonly deadline: Timer;
  private readonly ackTimeout: Timer;

  constructor(clock: Clock, limits: AmqpLimits, owner: ConnectionTimersOwner) {
    this.clock = clock;
    this.limits = limits;
    this.heartbeat = new Heartbeat(clock, owner);
    this.deadline = new Timer(() => owner.deadlinePassed());
    this.ackTimeout = new Timer(() => {
      owner.closeOverdueChannels();
      this.scheduleAckTimeout();
    });
    clock.schedule(this.deadline, limits.handshakeTimeoutMs);
  }

  /** Bytes have come from the client. */
  received(): void {
    this.heartbeat.received = true;
  }

  /** @param heartbeatS what was agreed; 0: no heartbeats */
  negotiated(heartbeatS: number): void {
    this.heartbeat.start(heartbeatS);
  }

  /** The handshake is over. */
  opened(): void {
    this.clock.cancel(this.deadline);
    this.scheduleAckTimeout();
  }

  /** connection.close has been sent. */
  closing(): void {
    this.clock.schedule(this.deadline, this.limits.closeTimeoutMs);
  }

  stop(): void {
    this.heartbeat.stop();
    this.clock.cancel(this.deadline);
    this.clock.cancel(this.ackTimeout);
  }

  private scheduleAckTimeout(): void {
    const { consumerTimeoutMs } = this.limits;
    if (consumerTimeoutMs > 0) this.clock.schedule(this.ackTimeout, consumerTimeoutMs / TICKS_PER_TIMEOUT);
  }
}
