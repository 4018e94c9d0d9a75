/**
 * One consumer of one client: of its own session's queue, or of a shared subscription's. It outlives connections: the writer
 * of the connection at hand is put in when there is one.
 */
import {
  type CancelReason,
  type Consumer,
  type DeliverySink,
  type MessageView,
  RELEASED,
} from '../../../src/api/index.ts';
import type { Qos } from '../codec/publish.ts';

/** Writes deliveries to a client; `DeliveryWriter` in fact. */
export interface MessageWriter {
  /** @param slot names the delivery in `consumer.handle.settle`; -1: it is settled already */
  deliver(consumer: SubscriptionConsumer, view: MessageView, slot: number): void;
  /** As `DeliverySink.overdue`. */
  letGo(consumer: SubscriptionConsumer, slots: readonly number[]): readonly number[];
}

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
  /** A share's member: how long its client wants its deliveries leased for, ms; 0: what the queue says. */
  leaseMs = 0;
  /** A share's member: what it asks for when it begins. */
  claims: readonly string[] = [];
  /** A lease of the session's own queue would not be one: what it holds is its client's in any case. */
  readonly overdue?: (slots: readonly number[]) => readonly number[];
  /** What the broker has given for it: settles, wakes, cancels. Null before `Session.consume`, and once the queue is gone. */
  handle: Consumer | null = null;
  /** The connection's, while there is one. */
  writer: MessageWriter | null = null;
  /** After a reconnect: slot to packet identifier of what is to be sent again. Null when there is nothing. */
  again: Map<number, number> | null = null;
  private readonly lost: (consumer: SubscriptionConsumer, reason: CancelReason) => void;

  constructor(
    queue: string,
    shared: boolean,
    granted: Qos,
    lost: (consumer: SubscriptionConsumer, reason: CancelReason) => void,
  ) {
    this.queue = queue;
    this.shared = shared;
    this.granted = granted;
    this.lost = lost;
    if (shared) this.overdue = (slots) => this.writer?.letGo(this, slots) ?? [];
  }

  /** Whether the broker has something to say of this delivery, beside its message. */
  tells(view: MessageView): boolean {
    const came = view.attempts > 0 || view.subscriptionData > 0;
    return view.deferralToken !== '' || (came && this.handle?.tellsAttempts === true);
  }

  /** @param bytes the identifier as a property; null for none */
  setIdentifier(identifier: number, bytes: Buffer | null): void {
    this.identifier = identifier;
    this.identifiers = bytes;
  }

  deliver(view: MessageView, slot: number): void {
    if (this.writer !== null) this.writer.deliver(this, view, slot);
    else if (slot >= 0) this.handle?.settle(slot, RELEASED);
  }

  cancelled(reason: CancelReason): void {
    this.lost(this, reason);
  }
}
