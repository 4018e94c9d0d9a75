/** One subscription: what a consumer of the broker is on a STOMP connection. */
import type { Backpressure, Consumer, DeliverySink, MessageView, Session } from '../../../src/api/index.ts';
import { escapeValue } from '../codec/escape.ts';
import type { Version } from '../codec/version.ts';
import type { Outlet } from '../connection/frame-output.ts';
import type { DeliveryHead, MessageWriter } from './delivery-writer.ts';
import type { TopicFilter } from './selector-filter.ts';
import { Held } from './unsettled.ts';

/** No ACK is wanted. */
export const AUTO = 0;
/** An ACK means all deliveries up to that one. */
export const CLIENT = 1;
export const CLIENT_INDIVIDUAL = 2;
export type AckMode = 0 | 1 | 2;

/** What a subscription needs of its connection. */
export interface SubscriptionHost {
  readonly session: Session;
  readonly version: Version;
  /** What every token of this connection begins with. */
  readonly sessionName: string;
  readonly writer: MessageWriter;
  readonly outlet: Outlet;
  /** The broker ended it. */
  subscriptionCancelled(subscription: Subscription, reason: string): void;
}

export class Subscription implements Backpressure, DeliverySink, DeliveryHead {
  readonly opening: Buffer;
  readonly ackOpening: Buffer;
  /** Counts the connection's subscriptions, from 1. */
  readonly number: number;
  /** As the client named it; undefined in 1.0 where it named none. */
  readonly id: string | undefined;
  /** What it is found under. */
  readonly key: string;
  readonly mode: AckMode;
  readonly queue: string;
  /** The durable subscription's name, if it is one. */
  readonly durable: string | undefined;
  readonly held = new Held();
  /** The number of the next delivery. */
  next = 1;
  /** Set once, by who made it. */
  consumer!: Consumer;
  /** Its RECEIPT is still to come: clients that wait for it take no MESSAGE before it. */
  unanswered = false;
  /** For a selector that the broker's queue does not know; nearly always null. */
  private readonly filter: TopicFilter | null;
  private readonly host: SubscriptionHost;

  constructor(
    host: SubscriptionHost,
    number: number,
    id: string | undefined,
    key: string,
    mode: AckMode,
    queue: string,
    durable: string | undefined,
    filter: TopicFilter | null,
  ) {
    this.host = host;
    this.filter = filter;
    this.number = number;
    this.id = id;
    this.key = key;
    this.mode = mode;
    this.queue = queue;
    this.durable = durable;
    const token = `${host.sessionName}.${number}.`;
    // The id came in this version, so that it can be said in it.
    const idLine = id === undefined ? '' : `subscription:${escapeValue(id, host.version) ?? ''}\n`;
    this.opening = Buffer.from(`MESSAGE\n${idLine}message-id:${token}`);
    this.ackOpening = Buffer.from(`\nack:${token}`);
  }

  get congested(): boolean {
    return this.unanswered || this.filter?.paused === true || this.host.outlet.congested;
  }

  deliver(view: MessageView, slot: number): void {
    const { host, filter } = this;
    if (filter !== null && !filter.selects(view, slot, this.consumer)) return;
    const number = this.next++;
    const index = this.mode === AUTO ? -1 : this.held.add(slot, number);
    host.writer.write(this, view, number, index);
    host.outlet.wrote = true;
    if (view.large !== null) host.outlet.writeBody(host.session.readBody(view.large));
  }

  cancelled(reason: 'queue-deleted' | 'operator'): void {
    const why = reason === 'queue-deleted' ? `its queue '${this.queue}' was deleted` : 'an operator ended it';
    this.host.subscriptionCancelled(this, why);
  }
}
