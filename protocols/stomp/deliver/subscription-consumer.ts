/** A client's subscription as a consumer of its queue: takes deliveries and writes them as MESSAGE frames. */
import {
  type Backpressure,
  type BindingInfo,
  type CancelReason,
  type Consumer,
  DEFERRAL_TOKEN_HEADER,
  type DeliverySink,
  type MessageView,
  type OverdueReason,
  RELEASED,
  type Selector,
  type Session,
  type SharedCredit,
} from '../../../src/api/index.ts';
import { escapeValue } from '../codec/escape.ts';
import type { Version } from '../codec/version.ts';
import type { FrameOutput } from '../connection/frame-output.ts';
import type { DeliveryHead, DeliveryWriter } from './delivery-writer.ts';
import type { SelectorFilter } from './selector-filter.ts';
import { UnsettledDeliveries } from './unsettled.ts';

/** Deliveries are settled when they are written: no ACK is wanted. */
export const AUTO = 0;
/** An ACK means all deliveries up to that one. */
export const CLIENT = 1;
/** An ACK means one delivery. */
export const CLIENT_INDIVIDUAL = 2;
/** The `ack` header of a SUBSCRIBE. */
export type AckMode = 0 | 1 | 2;

/** The subscriptions that one SUBSCRIBE has made: of its `destination`s, nearly always one. To the client they are one. */
export class SubscriptionGroup {
  readonly members: SubscriptionConsumer[] = [];
  /** The number of the next delivery, from 1. */
  nextDelivery = 1;
  /** A limit that they have together; undefined: each has its own. */
  readonly shared: SharedCredit | undefined;

  constructor(shared?: SharedCredit) {
    this.shared = shared;
  }
}

/** A subscription to be made. */
export interface SubscriptionRequest {
  /** The others of the same SUBSCRIBE. Left out: there are none. */
  readonly group?: SubscriptionGroup;
  /** The `destination` that its client knows the queue by, where others know it by another. */
  readonly shownAs?: string;
  /** As the client named it; undefined in 1.0 where it named none. */
  readonly id: string | undefined;
  /** What it is found under in `Subscriptions`: made of its id, or in 1.0 of its destination. */
  readonly key: string;
  readonly mode: AckMode;
  readonly queue: string;
  /** Unsettled deliveries at most; 0 for no limit. */
  readonly prefetch: number;
  /** Consumers with a higher one are served first. Default of clients: 0. */
  readonly priority: number;
  readonly selector: Selector | null;
  /** How long it may hold a delivery, and how long one is leased to it, as it said. */
  readonly timeoutMs?: number | undefined;
  readonly leaseMs?: number | undefined;
  /** The topic that advisories tell of, as a filter. */
  readonly topic?: string;
  /** Parked messages that it asks for. */
  readonly claims?: readonly string[] | undefined;
  /** The queue is this subscription's alone: a message that is not selected waits for nobody. */
  readonly isOwn: boolean;
  /** The durable subscription's name, if it is one. */
  readonly durable?: string;
  /** The binding that it is there for; undefined: it reads the queue itself. */
  readonly through?: BindingInfo;
}

/** What a subscription needs of its client. */
export interface SubscriptionClient {
  readonly session: Session;
  readonly version: Version;
  /** What every token of this connection begins with. */
  readonly sessionName: string;
  readonly writer: DeliveryWriter;
  readonly output: FrameOutput;
  /** How long a delivery may be held where nobody says. */
  readonly consumerTimeoutMs: number;
  /** The broker ended the subscription; `reason` in words. */
  subscriptionCancelled(subscription: SubscriptionConsumer, reason: string): void;
}

export class SubscriptionConsumer implements Backpressure, DeliverySink, DeliveryHead {
  readonly opening: Buffer;
  readonly ackOpening: Buffer;
  /** Counts the connection's subscriptions, from 1. */
  readonly number: number;
  readonly id: string | undefined;
  readonly key: string;
  readonly mode: AckMode;
  readonly queue: string;
  readonly durable: string | undefined;
  readonly unsettled = new UnsettledDeliveries();
  readonly group: SubscriptionGroup;
  /** As in the request. */
  readonly topic: string | undefined;
  readonly destination: Buffer | null;
  /** Its RECEIPT is still to come: clients that wait for it take no MESSAGE before it. */
  awaitsReceipt = false;
  readonly consumer: Consumer;
  /** For a selector that the broker's queue does not know; nearly always null. */
  private readonly filter: SelectorFilter | null;
  private readonly client: SubscriptionClient;

  /**
   * Consumes from then on; nothing is delivered before the turn's end.
   *
   * @param number no other subscription of this connection had it
   * @param filter stands for the request's selector; null: the queue is to apply it
   * @throws BrokerError as `Session.consume`
   */
  constructor(client: SubscriptionClient, number: number, request: SubscriptionRequest, filter: SelectorFilter | null) {
    const { id, mode, queue, priority, selector, through, shownAs, group = new SubscriptionGroup() } = request;
    this.group = group;
    this.topic = request.topic;
    this.destination =
      shownAs === undefined ? null : Buffer.from(`destination:${escapeValue(shownAs, client.version) ?? ''}\n`);
    this.client = client;
    this.filter = filter;
    this.number = number;
    this.id = id;
    this.key = request.key;
    this.mode = mode;
    this.queue = queue;
    this.durable = request.durable;
    const tag = `${client.sessionName}.${number}`;
    // The id came in this version, so that it can be said in it.
    const idLine = id === undefined ? '' : `subscription:${escapeValue(id, client.version) ?? ''}\n`;
    this.opening = Buffer.from(`MESSAGE\n${idLine}message-id:${tag}.`);
    this.ackOpening = Buffer.from(`\nack:${tag}.`);
    const options = {
      tag,
      settled: mode === AUTO,
      exclusive: false,
      prefetch: group.shared === undefined ? request.prefetch : 0,
      ...(group.shared !== undefined && { shared: group.shared }),
      priority,
      ...(selector !== null && filter === null ? { selector: selector.text } : {}),
      ...(through !== undefined && { through }),
      ...(request.timeoutMs !== undefined && { timeoutMs: request.timeoutMs }),
      ...(request.leaseMs !== undefined && { leaseMs: request.leaseMs }),
      ...(request.claims !== undefined && { deferralTokens: request.claims }),
      arguments: priority === 0 ? [] : [{ name: 'x-priority', value: { type: 'int32' as const, value: priority } }],
    };
    this.consumer = client.session.consume(queue, options, this, this);
    group.members.push(this);
  }

  get congested(): boolean {
    return this.awaitsReceipt || this.filter?.paused === true || this.client.output.congested;
  }

  deliver(view: MessageView, slot: number): void {
    const { client, filter } = this;
    if (filter !== null && !filter.selects(view, slot, this.consumer)) return;
    const number = this.group.nextDelivery++;
    const index = this.mode === AUTO ? -1 : this.unsettled.add(slot, number);
    client.writer.write(this, view, number, index, this.told(view));
    client.output.wrote = true;
    if (view.large !== null) client.output.writeBody(client.session.readBody(view.large));
  }

  /** What the broker says of this delivery beside `redelivered`: how often it came back, where its queue tells that; its token. */
  private told(view: MessageView): Buffer | null {
    const counts = (view.attempts > 0 || view.subscriptionData > 0) && this.consumer.tellsAttempts;
    if (!counts && view.deferralToken === '') return null;
    let lines = counts && view.attempts > 0 ? `x-delivery-count:${view.attempts}\n` : '';
    if (counts) lines += `x-acquired-count:${view.acquired}\n`;
    const token = view.deferralToken === '' ? undefined : escapeValue(view.deferralToken, this.client.version);
    if (token !== undefined) lines += `${DEFERRAL_TOKEN_HEADER}:${token}\n`;
    return Buffer.from(lines);
  }

  cancelled(reason: CancelReason): void {
    this.client.subscriptionCancelled(this, this.whyCancelled(reason));
  }

  get holdMs(): number {
    return this.client.consumerTimeoutMs;
  }

  /** A lease that runs out costs the client the delivery; a timeout its connection, since STOMP has no word for it but ERROR. */
  overdue(slots: readonly number[], why: OverdueReason, limitMs: number): readonly number[] {
    const taken = this.unsettled.letGo(slots);
    if (why === 'lease') return taken;
    // It is no failure of the messages', as the end of a connection would be.
    for (const slot of taken) this.consumer.settle(slot, RELEASED);
    this.client.subscriptionCancelled(this, `a delivery was not acknowledged within ${limitMs} ms`);
    return taken;
  }

  private whyCancelled(reason: CancelReason): string {
    switch (reason) {
      case 'queue-deleted':
        return `its queue '${this.queue}' was deleted`;
      case 'operator':
        return 'an operator ended it';
      case 'access-refused':
        return 'its user may not read it any more';
    }
  }
}
