/**
 * An MQTT session [MQTT 3.1.1, section 3.1.2.4; 5.0, section 4.1]: what a client identifier stands for, across connections
 * if it is kept.
 *
 *                       SUBSCRIBE               connection lost, kept
 *      (no queue) -----------------> ATTACHED -----------------------> PARKED
 *                                       |      <----------------------    |
 *                                       |          connected again        |
 *                 connection gone,      v                                 | connected with a clean start,
 *                 not kept            ENDED  <----------------------------+ or its time is over
 *
 * Its subscriptions are bindings of one queue, `mqtt-subscription-<client identifier>`; what it may receive at most once
 * goes straight to the connection, the rest waits in the queue. The queue is made with the first subscription, and a
 * consumer on it with the first that asks for more than QoS 0.
 */
import { BrokerError, CONVERT_STRINGS, type Consumer, RELEASED, type Session, SLASH } from '../../../src/api/index.ts';
import type { MqttAdapter } from '../adapter.ts';
import { EXPIRY_NEVER_S } from '../codec/connect.ts';
import type { Qos } from '../codec/publish.ts';
import { ADMINISTRATIVE_ACTION, QUOTA_EXCEEDED } from '../codec/reasons.ts';
import type { Subscription } from '../codec/subscriptions.ts';
import type { DeliveryWriter } from '../deliver/delivery-writer.ts';
import { SubscriptionConsumer } from '../deliver/subscription-consumer.ts';
import { bindingOf, queueOf } from '../mapping/names.ts';
import type { PacketWindow } from './packet-window.ts';
import { ReceivedIds } from './received-ids.ts';
import { deleteIn, deleteSession, getSession, putIn, putSession } from './session-records.ts';
import type { SessionRegistry } from './session-registry.ts';
import { SharedSubscriptions } from './shared-subscriptions.ts';
import { SubscriptionIdentifiers } from './subscription-identifiers.ts';
import { SYS_PREFIX } from './sys-topics.ts';
import { UnsettledPackets } from './unsettled.ts';
import type { Wills } from './wills.ts';

/** The connection, as its session sees it. */
export interface ClientHost {
  /** The same client identifier has connected again [MQTT-3.1.4-2]. */
  takenOver(): void;
  /** The session cannot go on: its queue was deleted, or an operator ended its consumer. */
  broken(why: string, reason: number): void;
  /** Sends PUBREL once everything asked of the broker until now is safe. */
  awaitRelease(packetId: number): void;
}

interface OwnSubscription {
  readonly subscription: Subscription;
  /** 0 for none. */
  readonly identifier: number;
}

export class ClientSession {
  readonly id: string;
  /** It may outlive its connection, so all of it is written down. */
  readonly kept: boolean;
  /** Seconds that it outlives its connection. */
  expiryS: number;
  readonly queue: string;
  readonly unsettled: UnsettledPackets;
  readonly shares: SharedSubscriptions;
  readonly adapter: MqttAdapter;
  readonly clients: SessionRegistry;
  host: ClientHost | null = null;
  outbound: DeliveryWriter | null = null;
  /** Nothing is left of it. */
  ended = false;
  /** Null as long as no subscription has one. */
  identifiers: SubscriptionIdentifiers | null = null;
  /** Of its connection, while there is one. */
  private session: Session | null = null;
  private queueKnown = false;
  private main: SubscriptionConsumer | null = null;
  private readonly filters = new Map<string, OwnSubscription>();
  private inbound: ReceivedIds | null = null;
  readonly lost = (feed: SubscriptionConsumer, reason: 'queue-deleted' | 'operator'): void =>
    this.feedLost(feed, reason);

  constructor(adapter: MqttAdapter, clients: SessionRegistry, id: string, expiryS: number) {
    this.adapter = adapter;
    this.clients = clients;
    this.id = id;
    this.kept = expiryS > 0;
    this.expiryS = expiryS;
    this.queue = queueOf(id);
    this.unsettled = new UnsettledPackets(id, this.kept ? clients.state : null, adapter.stats);
    this.shares = new SharedSubscriptions(this);
  }

  get wills(): Wills {
    return this.clients.wills;
  }

  // ------------------------------------------------------------------------------------------------- coming and going

  /** Takes up what is stored of a kept session: after a restart of the broker. */
  restore(session: Session): void {
    const leftovers = this.clients.takeLeftovers(this.id);
    if (leftovers !== undefined) {
      for (const id of leftovers.inbound) this.received().add(id);
      this.unsettled.restore(leftovers);
    }
    this.shares.restore(session, getSession(this.clients.state, this.id)?.shares ?? {});
    if (!session.queueExists(this.queue)) return;
    this.queueKnown = true;
    let wanted = this.unsettled.size > 0 || session.checkQueue(this.queue).messages > 0;
    for (const { exchange, key, options } of session.bindings(this.queue)) {
      if (exchange !== this.adapter.limits.exchange || options.spelling !== SLASH) continue;
      const qos: Qos = options.assurance ?? 2;
      const { notOwn = false, keepRetain = false, data = 0 } = options;
      this.remember({ filter: key, qos, noLocal: notOwn, retainAsPublished: keepRetain, retainHandling: 0 }, data);
      if (qos > 0) wanted = true;
    }
    if (wanted) this.main = new SubscriptionConsumer(this.queue, false, 2, this.lost);
  }

  /** Writes down that the session exists. @param endsAtMs when it ends if its client stays away; 0: connected, or never */
  save(session: Session, endsAtMs = 0): void {
    if (!this.kept) return;
    const { user } = session;
    const { expiryS, queueKnown: hasQueue } = this;
    putSession(this.clients.state, this.id, { user, shares: this.shares.records(), expiryS, endsAtMs, hasQueue });
  }

  /** Begins, or goes on with, deliveries. CONNACK has been written [MQTT-3.2.0-1]. */
  attach(session: Session, outbound: DeliveryWriter): void {
    this.outbound = outbound;
    this.session = session;
    for (const id of this.unsettled.released()) {
      outbound.inFlight++;
      this.host!.awaitRelease(id);
    }
    this.unsettled.prepareAgain();
    if (this.queueKnown && !session.queueExists(this.queue)) {
      // Deleted while no consumer was there to hear of it.
      this.queueKnown = false;
      this.filters.clear();
      this.identifiers = null;
    }
    if (this.queueKnown) session.attachDirect(this.queue, outbound);
    if (this.main !== null) this.start(session, this.main);
    this.shares.attach(session);
  }

  /** The connection is gone and the session stays, until `expiryS` is over. */
  park(session: Session, inOrder: boolean): void {
    if (this.ended) return;
    this.host = null;
    this.outbound = null;
    this.session = null;
    if (this.queueKnown && session.queueExists(this.queue)) session.attachDirect(this.queue, this.clients.absent);
    this.unsettled.park(inOrder);
    for (const feed of this.feeds()) {
      feed.outbound = null;
      feed.again = null;
      const consumer = feed.consumer;
      if (consumer === null) continue;
      if (feed.shared && consumer.held === 0) {
        consumer.cancel(RELEASED);
        feed.consumer = null;
      } else consumer.suspend();
    }
    if (this.expiryS !== EXPIRY_NEVER_S) this.save(session, this.clients.endLater(this.id, this.expiryS));
    if (this.idle) this.leaveMemory();
  }

  /** Nothing is under way: what is written down is all there is. */
  private get idle(): boolean {
    if (this.unsettled.size > 0 || (this.inbound !== null && this.inbound.size > 0)) return false;
    for (const feed of this.feeds()) if (feed.consumer !== null && feed.consumer.held > 0) return false;
    return true;
  }

  /** A client that is away costs no more than its queue, its bindings and its record; `restore` makes it again of them. */
  private leaveMemory(): void {
    for (const feed of this.feeds()) feed.consumer?.cancel(RELEASED);
    this.clients.parked(this);
  }

  /** The session ends: its queue and every trace of it go. */
  end(session: Session, inOrder: boolean): void {
    if (this.ended) return;
    this.ended = true;
    this.host = null;
    this.outbound = null;
    this.session = null;
    this.unsettled.end(inOrder);
    for (const feed of this.feeds()) {
      feed.outbound = null;
      feed.consumer?.cancel(RELEASED);
    }
    this.shares.end(session);
    if (session.queueExists(this.queue)) this.clients.withoutNews(() => session.deleteQueue(this.queue, false, false));
    this.forget();
  }

  private forget(): void {
    if (this.kept) {
      this.inbound?.forEach((id) => {
        deleteIn(this.clients.state, this.id, id);
      });
      deleteSession(this.clients.state, this.id);
    }
    this.queueKnown = false;
    this.main = null;
    this.filters.clear();
    this.identifiers = null;
    this.inbound = null;
    this.clients.forget(this);
  }

  // --------------------------------------------------------------------------------------------------- subscriptions

  hasSubscription(filter: string): boolean {
    return this.filters.has(filter);
  }

  /** Returns the granted QoS, or why not: a reason code of 5.0. @param identifier 0 for none */
  subscribe(session: Session, subscription: Subscription, identifier: number): number {
    const { filter, qos } = subscription;
    if (!this.filters.has(filter) && !this.room()) return QUOTA_EXCEEDED;
    // Looked for every time, since an operator may have deleted it.
    if (!session.queueExists(this.queue)) {
      session.declareQueue(this.queue, {
        durable: this.kept,
        exclusive: false,
        autoDelete: false,
        arguments: this.adapter.sessionArguments,
        atMostOnce: 'direct',
      });
    }
    if (!this.queueKnown) {
      this.queueKnown = true;
      session.attachDirect(this.queue, this.outbound);
      this.save(session);
    }
    // The same filter replaces its subscription [MQTT-3.8.4-3].
    session.bindQueue(this.queue, this.adapter.limits.exchange, filter, bindingOf(subscription, identifier));
    this.remember(subscription, identifier);
    if (qos > 0 && this.main === null) {
      this.main = new SubscriptionConsumer(this.queue, false, 2, this.lost);
      this.start(session, this.main);
    }
    return qos;
  }

  private remember(subscription: Subscription, identifier: number): void {
    this.filters.set(subscription.filter, { subscription, identifier });
    this.watch(subscription.filter);
    if (identifier > 0) this.identifiers ??= new SubscriptionIdentifiers();
    this.identifiers?.set(subscription.filter, identifier, subscription.noLocal);
  }

  /** Somebody has subscribed, alone or in a share, to what the broker says of itself. */
  watch(filter: string): void {
    if (filter.startsWith(SYS_PREFIX)) this.clients.sys.watch();
  }

  /** Sends what is retained under a filter. */
  replayRetained(session: Session, filter: string): void {
    const own = this.filters.get(filter);
    if (own === undefined) return;
    session.replayRetained(this.queue, filter, bindingOf(own.subscription, own.identifier));
    if (!filter.startsWith(SYS_PREFIX)) return;
    for (const [topic, value] of this.clients.sys.matching(session, filter)) this.outbound?.publishSys(topic, value);
  }

  /** Returns whether there was such a subscription. */
  unsubscribe(session: Session, filter: string): boolean {
    const own = this.filters.get(filter);
    if (own === undefined) return false;
    this.filters.delete(filter);
    this.identifiers?.set(filter, 0, false);
    session.unbindQueue(this.queue, this.adapter.limits.exchange, filter, bindingOf(own.subscription, own.identifier));
    return true;
  }

  /** Whether it may have one more subscription. */
  room(): boolean {
    return this.filters.size + this.shares.size < this.adapter.limits.subscriptionsMax;
  }

  // -------------------------------------------------------------------------------------------------------- feeds

  /** Looks again for something to deliver. */
  wake(): void {
    this.main?.consumer?.wake();
    if (this.shares.size > 0) for (const feed of this.shares.values()) feed.consumer?.wake();
  }

  start(session: Session, feed: SubscriptionConsumer): void {
    if (this.outbound === null) return;
    feed.outbound = this.outbound;
    if (feed.consumer !== null) {
      feed.consumer.resume(feed, this.outbound);
      return;
    }
    feed.consumer = this.consume(session, feed, this.outbound);
  }

  private consume(session: Session, feed: SubscriptionConsumer, outbound: DeliveryWriter): Consumer {
    const prefetch = this.adapter.limits.inflightMax;
    const options = {
      tag: this.id,
      settled: feed.granted === 0,
      exclusive: false,
      prefetch,
      arguments: [],
      // All headers are text here.
      ...(feed.selector !== '' && { selector: CONVERT_STRINGS + feed.selector }),
    };
    return session.consume(feed.queue, options, feed, outbound);
  }

  private *feeds(): Iterable<SubscriptionConsumer> {
    if (this.main !== null) yield this.main;
    yield* this.shares.values();
  }

  private feedLost(feed: SubscriptionConsumer, reason: 'queue-deleted' | 'operator'): void {
    const freed = this.unsettled.forget(feed);
    if (this.outbound !== null) this.outbound.inFlight -= freed;
    feed.consumer = null;
    const why = reason === 'queue-deleted' ? 'the queue of a share was deleted' : 'ended by an operator';
    try {
      if (feed.shared && reason === 'queue-deleted') {
        this.shares.lost(this.session, feed);
        return;
      }
    } catch (error) {
      // It cannot be made again, so the client has to hear of it.
      if (!(error instanceof BrokerError)) throw error;
    }
    if (!feed.shared && reason === 'queue-deleted') this.queueLost();
    else this.host?.broken(why, ADMINISTRATIVE_ACTION);
  }

  /**
   * The session's own queue was deleted, with or without a consumer. Nothing is left of the session then; the client is told
   * by the end of its connection.
   */
  queueLost(): void {
    if (this.ended) return;
    this.drop();
    this.host?.broken('the queue of the session was deleted', ADMINISTRATIVE_ACTION);
    this.host = null;
  }

  /** The session has lost its queue: all the rest of it goes. Its connection, if there is one, has yet to be told. */
  private drop(): void {
    const user = getSession(this.clients.state, this.id)?.user ?? '';
    this.ended = true;
    this.unsettled.end(false);
    for (const feed of this.shares.values()) {
      feed.outbound = null;
      feed.consumer?.cancel(RELEASED);
    }
    if (this.session !== null) this.shares.end(this.session);
    else this.clients.onBehalfOf(user, (session) => this.shares.end(session));
    this.outbound = null;
    this.session = null;
    this.forget();
  }

  // ------------------------------------------------------------------------------------------------ packet identifiers

  window(): PacketWindow {
    return this.unsettled.window;
  }

  record(id: number, seq: number): void {
    this.unsettled.recordSent(id, seq);
  }

  /** @see UnsettledPackets.wake */
  wakePlace(id: number): number {
    return this.unsettled.wake(id);
  }

  /** @see UnsettledPackets.placeRestored */
  placeRestored(feed: SubscriptionConsumer, seq: number, slot: number): number {
    if (!this.unsettled.restoring) return -1;
    return this.unsettled.placeRestored(feed, seq, slot, (id) => {
      if (this.outbound !== null) this.outbound.inFlight++;
      this.host?.awaitRelease(id);
    });
  }

  /** Whether a QoS 2 message is under way from the client with this identifier. */
  hasReceived(id: number): boolean {
    return this.inbound?.has(id) ?? false;
  }

  receive(id: number): void {
    this.received().add(id);
    if (this.kept) putIn(this.clients.state, this.id, id);
  }

  /** PUBREL has come; or the message was refused after all. Returns whether it was known. */
  release(id: number): boolean {
    const known = this.inbound?.delete(id) ?? false;
    if (known && this.kept) deleteIn(this.clients.state, this.id, id);
    return known;
  }

  private received(): ReceivedIds {
    this.inbound ??= new ReceivedIds();
    return this.inbound;
  }
}
