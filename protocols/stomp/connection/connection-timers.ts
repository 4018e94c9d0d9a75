/**
 * The timers of one connection: the time for CONNECT, then heart-beats both ways [STOMP 1.2, Heart-beating]. One timer a
 * direction, each looking now and then at a flag that the traffic sets: no timer is touched for a frame.
 */
import { type Clock, type ReadGate, TICK_MS, Timer } from '../../../src/api/index.ts';
import type { FrameOutput } from './frame-output.ts';
import type { HeartbeatAgreement } from './heartbeat.ts';

/** What ends the connection. */
export interface ConnectionTimersHost {
  /** No CONNECT came in time. */
  handshakeTimedOut(): void;
  /** Two periods have passed in which nothing came. */
  heartbeatMissed(): void;
  /** A SEND has waited as long as it may. */
  heldTooLong(): void;
}

export class ConnectionTimers {
  /** Set by whoever receives something from the client. */
  received = false;
  private readonly clock: Clock;
  private readonly output: Pick<FrameOutput, 'wrote' | 'heartbeat'>;
  private readonly gate: Pick<ReadGate, 'paused'>;
  private readonly host: ConnectionTimersHost;
  private readonly handshake: Timer;
  private sender: Timer | undefined = undefined;
  private receiver: Timer | undefined = undefined;
  private held: Timer | undefined = undefined;

  /**
   * @param output its `wrote` is taken back, each time it is looked at
   * @param gate nothing can be received while it is closed
   */
  constructor(
    clock: Clock,
    output: Pick<FrameOutput, 'wrote' | 'heartbeat'>,
    gate: Pick<ReadGate, 'paused'>,
    host: ConnectionTimersHost,
  ) {
    this.clock = clock;
    this.output = output;
    this.gate = gate;
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
    const { clock, output, host } = this;
    if (agreement.sendMs > 0) {
      // Looked at twice in the agreed time, so that a silence never lasts longer than that.
      const everyMs = Math.max(TICK_MS, agreement.sendMs / 2 - TICK_MS);
      const sender = new Timer(() => {
        if (!output.wrote) output.heartbeat();
        output.wrote = false;
        clock.schedule(sender, everyMs);
      });
      this.sender = sender;
      clock.schedule(sender, everyMs);
    }
    if (agreement.receiveMs > 0) {
      let missed = 0;
      this.received = false; // CONNECT itself is no heart-beat
      const receiver = new Timer(() => {
        missed = this.received || this.gate.paused ? 0 : missed + 1;
        this.received = false;
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

  /** A SEND waits. @param maxMs 0: as long as it has to */
  heldBack(maxMs: number): void {
    if (maxMs === 0 || this.held?.scheduled === true) return;
    const { clock, host } = this;
    this.held ??= new Timer(() => host.heldTooLong());
    clock.schedule(this.held, maxMs);
  }

  /** It need not wait any more. */
  heldNoMore(): void {
    if (this.held !== undefined) this.clock.cancel(this.held);
  }

  /** The connection has ended. */
  stop(): void {
    this.endHandshake();
    this.heldNoMore();
    this.stopHeartbeats();
  }
}
