/**
 * Heart-beats both ways [STOMP 1.2, Heart-beating]. One timer a direction, each looking now and then at a flag that the
 * traffic sets: no timer is touched for a frame.
 *
 *     client's header   x,y    sends at least every x ms; wants something at least every y ms
 *     ours              y',x'  the same from our side: x' and y' are x and y, but no less than the configured minimum
 */
import { type Clock, TICK_MS, Timer } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';

/** What was agreed on, ms; 0 for none. */
export interface HeartbeatAgreement {
  /** We send at least this often. */
  readonly sendMs: number;
  /** The client sends at least this often. */
  readonly receiveMs: number;
}

/** Reads the `heart-beat` header of CONNECT; undefined is `0,0`. */
export function agreeHeartbeat(header: string | undefined, minimumMs: number): HeartbeatAgreement {
  if (header === undefined) return { sendMs: 0, receiveMs: 0 };
  const numbers = /^ *(\d{1,18}) *, *(\d{1,18}) *$/.exec(header);
  if (numbers === null) throw new FrameError('Invalid header', "'heart-beat' must be two numbers, as in 10000,10000.");
  const atLeast = (wantedMs: number): number => (wantedMs === 0 ? 0 : Math.min(Math.max(wantedMs, minimumMs), 2 ** 31));
  return { receiveMs: atLeast(Number(numbers[1])), sendMs: atLeast(Number(numbers[2])) };
}

/** What the heart-beat looks at and what it does. */
export interface HeartbeatHost {
  /** Something was sent since the last call. */
  takeSent(): boolean;
  /** Something was received since the last call, or nothing could be because reading was suspended. */
  takeReceived(): boolean;
  sendHeartbeat(): void;
  heartbeatMissed(): void;
}

export class Heartbeat {
  private readonly clock: Clock;
  private readonly host: HeartbeatHost;
  private sender: Timer | undefined = undefined;
  private receiver: Timer | undefined = undefined;

  constructor(clock: Clock, host: HeartbeatHost) {
    this.clock = clock;
    this.host = host;
  }

  start(agreement: HeartbeatAgreement): void {
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

  stop(): void {
    if (this.sender !== undefined) this.clock.cancel(this.sender);
    if (this.receiver !== undefined) this.clock.cancel(this.receiver);
  }
}
