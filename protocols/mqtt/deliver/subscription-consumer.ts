/**
 * One consumer of one client: of its own session's queue, or of a shared subscription's. It outlives connections.
 */
import { type Consumer, type DeliverySink, type MessageView, RELEASED } from '../../../src/api/index.ts';
import type { Qos } from '../codec/publish.ts';
import type { DeliveryWriter } from './delivery-writer.ts';

export class SubscriptionConsumer implements DeliverySink {
  readonly queue: string;
  /** Of a shared subscription. */
  readonly shared: boolean;
  /** The most that the client asked for. */
  granted: Qos;
  /** A share's member: the publisher's retain flag is kept. (The session's own queue has it from its bindings.) */
  asPublished = false;
  /** A share's member: its subscription identifier, and that as a property; 0 and null for none. */
  identifier = 0;
  identifiers: Buffer | null = null;
  /** A share's member: which messages it wants; '' for all. */
  selector = '';
  /** Null before `consume`, and once the queue is gone. */
  consumer: Consumer | null = null;
  /** The connection's, while there is one. */
  outbound: DeliveryWriter | null = null;
  /** After a reconnect: slot to packet identifier of what is to be sent again. Null when there is nothing. */
  again: Map<number, number> | null = null;
  private readonly lost: (feed: SubscriptionConsumer, reason: 'queue-deleted' | 'operator') => void;

  constructor(
    queue: string,
    shared: boolean,
    granted: Qos,
    lost: (feed: SubscriptionConsumer, reason: 'queue-deleted' | 'operator') => void,
  ) {
    this.queue = queue;
    this.shared = shared;
    this.granted = granted;
    this.lost = lost;
  }

  setIdentifier(identifier: number, bytes: Buffer | null): void {
    this.identifier = identifier;
    this.identifiers = bytes;
  }

  deliver(view: MessageView, slot: number): void {
    if (this.outbound !== null) this.outbound.deliver(this, view, slot);
    else if (slot >= 0) this.consumer?.settle(slot, RELEASED);
  }

  cancelled(reason: 'queue-deleted' | 'operator'): void {
    this.lost(this, reason);
  }
}
