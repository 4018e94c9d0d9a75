/**
 * Detection of the protocol that a client speaks, by its first bytes, where an operator wants several on one port.
 *
 *     first bytes ──▶ exactly one can still be it and says yes ──▶ that adapter, which gets the same bytes again
 *                 ──▶ all say no, 16 bytes were not enough, or 10 s have passed ──▶ destroyed, counted
 *
 * Nothing is answered to a client that is not understood: there is no telling in which form.
 */

import type { ConnectionHandler, Protocol } from '../api/protocol.ts';
import { type Clock, Timer } from '../clock/clock.ts';

export const DETECT_BYTES_MAX = 16;
export const DETECT_TIMEOUT_MS = 10_000;

/** The protocol that claims `first`; undefined if more bytes could tell, null if none ever will. */
export function detect(protocols: readonly Protocol[], first: Buffer): Protocol | undefined | null {
  let open = false;
  for (const protocol of protocols) {
    const answer = protocol.detect(first);
    if (answer === true) return protocol;
    if (answer === undefined) open = true;
  }
  return open && first.length < DETECT_BYTES_MAX ? undefined : null;
}

export class Detection implements ConnectionHandler {
  readonly authenticated = false;
  private gathered: Buffer | undefined = undefined;
  private done = false;
  private readonly protocols: readonly Protocol[];
  private readonly clock: Clock;
  private readonly timer: Timer;
  private readonly onFound: (protocol: Protocol, first: Buffer) => void;
  private readonly onUnknown: () => void;

  constructor(
    protocols: readonly Protocol[],
    clock: Clock,
    onFound: (protocol: Protocol, first: Buffer) => void,
    onUnknown: () => void,
    timeoutMs = DETECT_TIMEOUT_MS,
  ) {
    this.protocols = protocols;
    this.clock = clock;
    this.onFound = onFound;
    this.onUnknown = onUnknown;
    this.timer = new Timer(() => this.giveUp());
    clock.schedule(this.timer, timeoutMs);
  }

  data(chunk: Buffer): void {
    if (this.done) return;
    const first = this.gathered === undefined ? chunk : Buffer.concat([this.gathered, chunk]);
    const found = detect(this.protocols, first.length > DETECT_BYTES_MAX ? first.subarray(0, DETECT_BYTES_MAX) : first);
    if (found === undefined) {
      // The chunk is the transport's; what must outlive this call is copied.
      this.gathered = Buffer.from(first);
    } else if (found === null) {
      this.giveUp();
    } else {
      this.finish();
      this.onFound(found, first);
    }
  }

  get heldBytes(): number {
    return this.gathered?.length ?? 0;
  }

  drained(): void {}

  closed(): void {
    this.finish();
  }

  /** A client that has not said what it speaks cannot be told anything. */
  shutdown(): void {
    this.giveUp();
  }

  private giveUp(): void {
    if (this.done) return;
    this.finish();
    this.onUnknown();
  }

  private finish(): void {
    this.done = true;
    this.clock.cancel(this.timer);
  }
}
