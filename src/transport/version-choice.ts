/**
 * The choice between versions of one protocol that share a port, each with an adapter of its own: by the client's first bytes.
 *
 *     accepted by the protocol ──▶ first bytes ──▶ one of its versions says that it is it: that one, which gets the same bytes
 *                                             ──▶ none of them: the protocol itself, whatever it makes of them
 *
 * The protocol has the connection from the beginning: a client that says nothing is silent towards it.
 */
import type { BrokerServices } from '../api/broker.ts';
import type { ConnectionHandler, Protocol } from '../api/protocol.ts';
import type { Carrier } from './carrier.ts';
import { DETECT_BYTES_MAX } from './detection.ts';

export class VersionChoice implements ConnectionHandler {
  readonly authenticated = false;
  private gathered: Buffer | undefined = undefined;
  private readonly carrier: Carrier;
  private readonly broker: BrokerServices;
  private readonly versions: readonly Protocol[];
  private readonly handler: ConnectionHandler;

  /** @param handler the protocol's own, for whoever is none of the versions */
  constructor(carrier: Carrier, broker: BrokerServices, versions: readonly Protocol[], handler: ConnectionHandler) {
    this.carrier = carrier;
    this.broker = broker;
    this.versions = versions;
    this.handler = handler;
  }

  data(chunk: Buffer): void {
    const first = this.gathered === undefined ? chunk : Buffer.concat([this.gathered, chunk]);
    const seen = first.length > DETECT_BYTES_MAX ? first.subarray(0, DETECT_BYTES_MAX) : first;
    let open = false;
    for (const version of this.versions) {
      const answer = version.detect(seen);
      if (answer === true) {
        this.handler.closed();
        this.carrier.assignProtocol(version);
        this.handOn(version.accept(this.carrier, this.broker), first);
        return;
      }
      if (answer === undefined) open = true;
    }
    if (open && first.length < DETECT_BYTES_MAX) this.gathered = Buffer.from(first);
    else this.handOn(this.handler, first);
  }

  private handOn(handler: ConnectionHandler, first: Buffer): void {
    this.gathered = undefined;
    this.carrier.attach(handler);
    handler.data(first);
  }

  get heldBytes(): number {
    return this.gathered?.length ?? 0;
  }

  drained(): void {
    this.handler.drained();
  }

  exceeded(reason: string): void {
    if (this.handler.exceeded !== undefined) this.handler.exceeded(reason);
    else this.handler.shutdown(reason);
  }

  shutdown(reason: string): void {
    this.handler.shutdown(reason);
  }

  closed(): void {
    this.handler.closed();
  }
}
