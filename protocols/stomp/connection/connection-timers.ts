/**
 * The timers of one connection: the time for CONNECT, then heart-beats both ways [STOMP 1.2, Heart-beating]. One timer a
 * direction, each looking now and then at a flag that the traffic sets: no timer is touched for a frame.
 */
import { type Clock, TICK_MS, Timer } from '../../../src/api/index.ts';
import type { HeartbeatAgreement } from './heartbeat.ts';

/** What the timers look at and what they do. */
export interface ConnectionTimersHost {
  handshakeTimedOut(): void;
  /** Something was sent since the last call. */
  takeSent(): boolean;
  /** Something was received since the last call, or nothing could be because reading was suspended. */
  takeReceived(): boolean;
  sendHeartbeat(): void;
  heartbeatMissed(): void;
}

export class ConnectionTimers {
  private readonly clock: Clock;
  private readonly host: ConnectionTimersHost;
  private readonly handshake: Timer;
  private sender: Timer | undefined = undefined;
  private receiver: Timer | undefined = undefined;

  constructor(clock: Clock, host: ConnectionTimersHost) {
    this.clock = clock;
    this.host = host;
    this.handshake = new Timer(() => host.handshakeTimedOut());
  }

  startHandshake(timeoutMs: number): void {
    this.clock.schedule(this.handshake, timeoutMs);
  }

  /** CONNECT has been answered. */
  endHandshake(): void {
    this.clock.cancel(this.handshake);
  }

  startHeartbeats(agreement: HeartbeatAgreement): void {
    const { clock, host } = this;
    if (agreement.sendMs > 0) {
      // Looked at twice in the agreed time, so that a silence never lasts longer than that.
      const everyMs = Math.max(TICK_MS, agreement.sendMs / 2 - TICK_MS);
      const sender = new Timer(() => {
        if (!host.takeSent()) host.sendHeartbeat();
        clock.schedule(sender, everyMs);
      });
      this.sender = sender;
      clock.schedule(sender, everyMs);
    }
    if (agreement.receiveMs > 0) {
      let missed = 0;
      host.takeReceived(); // CONNECT itself is no heart-beat
      const receiver = new Timer(() => {
        missed = host.takeReceived() ? 0 : missed + 1;
        // A margin for error, as the specification advises: the client is gone after two silent periods.
        if (missed >= 2) host.heartbeatMissed();
        else clock.schedule(receiver, agreement.receiveMs);
      });
      this.receiver = receiver;
      clock.schedule(receiver, agreement.receiveMs);
    }
  }

  stopHeartbeats(): void {
    if (this.sender !== undefined) this.clock.cancel(this.sender);
    if (this.receiver !== undefined) this.clock.cancel(this.receiver);
  }

  /** The connection has ended. */
  stop(): void {
    this.endHandshake();
    this.stopHeartbeats();
  }
}
