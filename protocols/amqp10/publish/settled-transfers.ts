/**
 * What the broker has settled of what the client has sent, once it is safe: one disposition for as many deliveries in a row as have the
 * same outcome. [§2.7.6]
 */
import type { ConfirmRing, ConfirmSink, Mark } from '../../../src/api/index.ts';
import { ACCEPTED_STATE, type DeliveryState, RELEASED_STATE } from '../codec/delivery-state.ts';
import { RECEIVER } from '../codec/performatives.ts';
import { dispositionValue } from '../codec/transfers.ts';
import { RESOURCE_LIMIT_EXCEEDED } from '../connection/conditions.ts';
import type { SessionHost } from '../session/session-host.ts';

const REFUSED_STATE: DeliveryState = {
  kind: 'rejected',
  error: { condition: RESOURCE_LIMIT_EXCEEDED, description: 'the broker, or a queue that is full, did not take it' },
};

/** What a confirmed delivery becomes: in the id that the ring gets, beside the delivery's own. */
const TAKEN = 0;
const UNROUTABLE = 1;
const OUTCOMES = 2;

/** The session, as settling sees it. */
export interface SettlingSession {
  readonly channel: number;
  readonly host: SessionHost;
  /** Fewer wait than did. */
  settledSome(): void;
}

export class SettledTransfers implements ConfirmSink {
  private ring: ConfirmRing | null = null;
  private readonly session: SettlingSession;
  private first = -1;
  private last = -1;
  private state: DeliveryState = ACCEPTED_STATE;

  constructor(session: SettlingSession) {
    this.session = session;
  }

  /** How many wait. */
  get size(): number {
    return this.ring?.size ?? 0;
  }

  /** @param routed some queue took it, or would have */
  push(deliveryId: number, mark: Mark, routed: boolean): void {
    this.ring ??= this.session.host.session.confirms(this);
    this.ring.push(deliveryId * OUTCOMES + (routed ? TAKEN : UNROUTABLE), mark);
  }

  /** Not taken, for a reason of its own: told at once. */
  reject(deliveryId: number, state: DeliveryState): void {
    this.send(deliveryId, deliveryId, state);
  }

  confirm(id: number, refused: boolean): void {
    const deliveryId = Math.floor(id / OUTCOMES);
    const state = refused ? REFUSED_STATE : id % OUTCOMES === UNROUTABLE ? RELEASED_STATE : ACCEPTED_STATE;
    if (state !== this.state || deliveryId !== this.last + 1 || this.first < 0) {
      this.tell();
      this.first = deliveryId;
      this.state = state;
    }
    this.last = deliveryId;
  }

  confirmEnd(): void {
    this.tell();
    // Who had to wait for answers may send on.
    if (!this.session.host.gone) this.session.settledSome();
  }

  private tell(): void {
    if (this.first >= 0 && !this.session.host.gone) this.send(this.first, this.last, this.state);
    this.first = -1;
  }

  close(): void {
    this.ring?.close();
    this.ring = null;
  }

  private send(first: number, last: number, state: DeliveryState): void {
    const { host, channel } = this.session;
    host.writer.send(channel, dispositionValue({ role: RECEIVER, first, last, settled: true, state }));
  }
}
