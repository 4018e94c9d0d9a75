/** The timers of one connection: the deadline of the handshake and of the answer to connection.close, and heartbeats. */
import { type Clock, Timer } from '../../../src/api/index.ts';
import type { AmqpLimits } from '../options.ts';
import { Heartbeat, type HeartbeatOwner } from './heartbeat.ts';

export interface ConnectionTimersOwner extends HeartbeatOwner {
  /** The client was too slow to log in, or to answer connection.close. */
  deadlinePassed(): void;
}

export class ConnectionTimers {
  private readonly clock: Clock;
  private readonly limits: AmqpLimits;
  private readonly heartbeat: Heartbeat;
  private readonly deadline: Timer;

  constructor(clock: Clock, limits: AmqpLimits, owner: ConnectionTimersOwner) {
    this.clock = clock;
    this.limits = limits;
    this.heartbeat = new Heartbeat(clock, owner);
    this.deadline = new Timer(() => owner.deadlinePassed());
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
  }

  /** connection.close has been sent. */
  closing(): void {
    this.clock.schedule(this.deadline, this.limits.closeTimeoutMs);
  }

  stop(): void {
    this.heartbeat.stop();
    this.clock.cancel(this.deadline);
  }
}
