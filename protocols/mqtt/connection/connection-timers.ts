/**
 * The timer of one connection: until CONNECT has been answered it bounds the handshake, then it watches for the client's
 * silence [section 3.1.2.10].
 */
import { type Clock, Timer } from '../../../src/api/index.ts';

export interface TimersOwner {
  /** Nothing is read of the client now, so nothing can be heard of it. */
  readonly readPaused: boolean;
  /** CONNECT has not been answered in time. */
  handshakeTimedOut(): void;
  /** Nothing was heard for one and a half keep alive periods. */
  keepAliveTimedOut(): void;
}

export class ConnectionTimers {
  private lastHeardMs = 0;
  /** 0: there is no keep alive. */
  private silenceMaxMs = 0;
  private connected = false;
  private readonly timer = new Timer(() => this.timedOut());
  private readonly clock: Clock;
  private readonly owner: TimersOwner;

  constructor(clock: Clock, owner: TimersOwner, handshakeTimeoutMs: number) {
    this.clock = clock;
    this.owner = owner;
    clock.schedule(this.timer, handshakeTimeoutMs);
  }

  /** Something of the client's has been read: heard is what was read, not what has come, which may have waited. */
  heard(): void {
    this.lastHeardMs = this.clock.monotonicMs();
  }

  /**
   * CONNECT has been accepted: the time for the handshake is over.
   * @param keepAliveS seconds, 0 for none; silence of one and a half of it ends the connection [MQTT-3.1.2-24]
   */
  accepted(keepAliveS: number): void {
    this.clock.cancel(this.timer);
    this.silenceMaxMs = keepAliveS * 1500;
    if (keepAliveS > 0) this.clock.schedule(this.timer, this.silenceMaxMs);
  }

  /** CONNACK has been sent. */
  opened(): void {
    this.connected = true;
  }

  close(): void {
    this.clock.cancel(this.timer);
  }

  private timedOut(): void {
    if (!this.connected) {
      this.owner.handshakeTimedOut();
      return;
    }
    const nowMs = this.clock.monotonicMs();
    if (this.owner.readPaused) this.lastHeardMs = nowMs;
    const silentMs = nowMs - this.lastHeardMs;
    if (silentMs < this.silenceMaxMs) this.clock.schedule(this.timer, this.silenceMaxMs - silentMs);
    else this.owner.keepAliveTimedOut();
  }
}
