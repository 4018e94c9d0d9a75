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
import {
  type BindingInfo,
  BrokerError,
  type CancelReason,
  CONVERT_STRINGS,
  type Consumer,
  RELEASED,
  respelled,
  type Session,
} from '../../../src/api/index.ts';
import { EXPIRY_NEVER_S } from '../codec/connect.ts';
import { ADMINISTRATIVE_ACTION, NOT_AUTHORIZED_5, QUOTA_EXCEEDED } from '../codec/reasons.ts';
import type { Subscription } from '../codec/subscriptions.ts';
import type { AdapterContext } from '../context.ts';
import { SubscriptionConsumer } from '../deliver/subscription-consumer.ts';
import { queueOf } from '../mapping/names.ts';
import { OwnSubscriptions } from './own-subscriptions.ts';
import type { SessionConnection, SessionServices, SessionWriter } from './ports.ts';
import { ReceivedIds } from './received-ids.ts';
import { getSession } from './session-records.ts';
import { SharedSubscriptions } from './shared-subscriptions.ts';
import { SYS_PREFIX } from './sys-topics.ts';
import { UnsettledPackets } from './unsettled.ts';

export class MqttSession {
  readonly id: string;
  /** It may outlive its connection, so all of it is written down. */
  readonly kept: boolean;
  /** Seconds that it outlives its connection. */
  expiryS: number;
  readonly queue: string;
  /** What the client was sent and has not settled. */
  readonly unsettled: UnsettledPackets;
  /** QoS 2 messages that the client has published and not released. */
  readonly received: ReceivedIds;
  readonly subscriptions: OwnSubscriptions;
  readonly shares: SharedSubscriptions;
  readonly services: SessionServices;
  /** Null while the client is away. */
  connection: SessionConnection | null = null;
  private writer: SessionWriter | null = null;
  /** Nothing is left of it. */
  ended = false;
  /** The broker's session of its connection, while there is one. */
  private session: Session | null = null;
  private queueKnown = false;
  /** The consumer of its own queue. */
  private main: SubscriptionConsumer | null = null;
  private readonly context: AdapterContext;
  readonly lost = (consumer: SubscriptionConsumer, reason: CancelReason): void => this.consumerLost(consumer, reason);

  /** @param expiryS seconds that it outlives its connection; 0: it is not kept */
  constructor(context: AdapterContext, services: SessionServices, id: string, expiryS: number) {
    this.context = context;
    this.services = services;
    this.id = id;
    this.kept = expiryS > 0;
    this.expiryS = expiryS;
    this.queue = queueOf(id);
    const state = this.kept ? services.state : null;
    this.unsettled = new UnsettledPackets(id, state, context.stats);
    this.received = new ReceivedIds(id, state);
    this.subscriptions = new OwnSubscriptions(this.queue, context.limits.exchange);
    this.shares = new SharedSubscriptions(this, services.shares, context.limits.exchange);
  }

  /** Of the client that is connected. */
  get user(): string | undefined {
    return this.session?.user;
  }

  // ------------------------------------------------------------------------------------------------- coming and going

  /** Takes up what is stored of a kept session: after a restart of the broker, or once it has left memory. */
  restore(session: Session): void {
    const leftovers = this.services.takeLeftovers(this.id);
    if (leftovers !== undefined) {
      this.received.restore(leftovers.inbound);
      this.unsettled.restore(leftovers);
    }
    this.shares.restore(session, getSession(this.services.state, this.id)?.shares ?? {});
    if (!session.queueExists(this.queue)) return;
    this.queueKnown = true;
    const waiting = this.unsettled.size > 0 || session.checkQueue(this.queue).messages > 0;
    const highest = this.subscriptions.restore(session);
    for (const filter of this.subscriptions.filters()) this.watchSys(filter);
    if (waiting || highest > 0) this.main = new SubscriptionConsumer(this.queue, false, 2, this.lost);
  }

  /** Writes down that the session exists. @param endsAtMs when it ends if its client stays away; 0: connected, or never */
  save(session: Session, endsAtMs = 0): void {
    if (!this.kept) return;
    const { user } = session;
    const { expiryS, queueKnown: hasQueue } = this;
    this.services.kept.put(this.id, { user, shares: this.shares.records(), expiryS, endsAtMs, hasQueue });
  }

  /**
   * Begins, or goes on with, deliveries. CONNACK has been written [MQTT-3.2.0-1].
   * @throws BrokerError where its user may not consume
   */
  attach(session: Session, connection: SessionConnection, writer: SessionWriter): void {
    this.writer = writer;
    this.session = session;
    for (const packetId of this.unsettled.released()) {
      writer.inFlight++;
      connection.awaitRelease(packetId);
    }
    this.unsettled.prepareAgain();
    if (this.queueKnown && !session.queueExists(this.queue)) {
      // Deleted while no consumer was there to hear of it.
      this.queueKnown = false;
      this.subscriptions.clear();
    }
    if (this.queueKnown) {
      // What its user may read may have changed since.
      this.subscriptions.forget(session.adoptQueue(this.queue));
      session.attachDirect(this.queue, writer.direct);
    }
    if (this.main !== null) this.start(session, this.main);
    this.shares.attach(session);
  }

  /** The connection is gone and the session stays, until `expiryS` is over. */
  park(session: Session, inOrder: boolean): void {
    if (this.ended) return;
    this.detach();
    if (this.queueKnown && session.queueExists(this.queue)) session.attachDirect(this.queue, this.services.absent);
    this.unsettled.park(inOrder);
    for (const consumer of this.consumers()) {
      consumer.writer = null;
      consumer.again = null;
      const { handle } = consumer;
      if (handle === null) continue;
      if (consumer.shared && handle.held === 0) {
        handle.cancel(RELEASED);
        consumer.handle = null;
      } else handle.suspend();
    }
    if (this.expiryS !== EXPIRY_NEVER_S) this.save(session, this.services.endLater(this.id, this.expiryS));
    if (this.idle) this.leaveMemory();
  }

  /** Nothing is under way: what is written down is all there is. */
  private get idle(): boolean {
    if (this.unsettled.size > 0 || this.received.size > 0) return false;
    for (const { handle } of this.consumers()) if (handle !== null && handle.held > 0) return false;
    return true;
  }

  /** A client that is away costs no more than its queue, its bindings and its record; `restore` makes it again of them. */
  private leaveMemory(): void {
    for (const { handle } of this.consumers()) handle?.cancel(RELEASED);
    this.services.parked(this);
  }

  /** The session ends: its queue and every trace of it go. */
  end(session: Session, inOrder: boolean): void {
    if (this.ended) return;
    this.ended = true;
    const attached = this.session === session;
    this.detach();
    this.unsettled.end(inOrder);
    for (const consumer of this.consumers()) {
      consumer.writer = null;
      consumer.handle?.cancel(RELEASED);
    }
    this.shares.end();
    if (session.queueExists(this.queue)) {
      if (!attached) session.adoptQueue(this.queue);
      this.services.withoutNews(() => session.deleteQueue(this.queue, false, false));
    }
    this.forget();
  }

  private detach(): void {
    this.connection = null;
    this.writer = null;
    this.session = null;
  }

  private forget(): void {
    this.received.clear();
    if (this.kept) this.services.kept.delete(this.id);
    this.queueKnown = false;
    this.main = null;
    this.subscriptions.clear();
    this.services.forget(this);
  }

  // --------------------------------------------------------------------------------------------------- subscriptions

  /**
   * Returns the granted QoS, or why not: a reason code of 5.0.
   * @param identifier 0 for none
   * @throws BrokerError where the broker refuses the queue or its binding
   */
  subscribe(session: Session, subscription: Subscription, identifier: number): number {
    const { filter, qos } = subscription;
    if (!this.subscriptions.has(filter) && !this.hasRoom()) return QUOTA_EXCEEDED;
    // Looked for every time, since an operator may have deleted it.
    const isNew = !session.queueExists(this.queue);
    if (isNew) {
      session.declareQueue(this.queue, {
        durable: this.kept,
        exclusive: false,
        autoDelete: false,
        arguments: this.context.sessionArguments,
        atMostOnce: 'direct',
        ownUse: true,
      });
    }
    if (!this.queueKnown) {
      try {
        session.attachDirect(this.queue, this.writer?.direct ?? null);
      } catch (error) {
        if (isNew) this.services.withoutNews(() => session.deleteQueue(this.queue, false, false));
        throw error;
      }
      this.queueKnown = true;
      this.save(session);
    }
    this.subscriptions.add(session, subscription, identifier);
    this.watchSys(filter);
    if (qos > 0 && this.main === null) {
      this.main = new SubscriptionConsumer(this.queue, false, 2, this.lost);
      this.start(session, this.main);
    }
    return qos;
  }

  /** Its user may not read any more what these subscriptions bring: they have gone, and the client hears of it as it can. */
  accessLost(bindings: readonly BindingInfo[]): void {
    this.subscriptions.forget(bindings);
    this.connection?.disconnect(`its user may not read ${bindings.length} of its filters any more`, NOT_AUTHORIZED_5);
  }

  /** Somebody has subscribed, alone or in a share, to what the broker says of itself. */
  watchSys(filter: string): void {
    if (filter.startsWith(SYS_PREFIX)) this.services.sys.watch();
  }

  /** Sends what is retained under a filter. */
  replayRetained(session: Session, filter: string): void {
    if (!this.subscriptions.replayRetained(session, filter) || !filter.startsWith(SYS_PREFIX)) return;
    for (const [topic, value] of this.services.sys.matching(session, filter)) {
      const may = session.mayReceive(this.context.limits.exchange, respelled(topic));
      if (may) this.writer?.direct.publishOwn(topic, value, true);
    }
  }

  /** Whether it may have one more subscription. */
  hasRoom(): boolean {
    return this.subscriptions.size + this.shares.size < this.context.limits.subscriptionsMax;
  }

  // ------------------------------------------------------------------------------------------------------- consumers

  /** Looks again for something to deliver. */
  wake(): void {
    this.main?.handle?.wake();
    if (this.shares.size > 0) for (const { handle } of this.shares.values()) handle?.wake();
  }

  /** Has a consumer deliver to the connection, if there is one. @throws BrokerError where its user may not consume, or has as many consumers as it may */
  start(session: Session, consumer: SubscriptionConsumer): void {
    if (this.writer === null) return;
    consumer.writer = this.writer;
    if (consumer.handle !== null) {
      session.adoptConsumer(consumer.handle);
      consumer.handle.resume(consumer, this.writer);
      return;
    }
    consumer.handle = this.consume(session, consumer, this.writer);
    consumer.claims = []; // asked for, once
  }

  private consume(session: Session, consumer: SubscriptionConsumer, writer: SessionWriter): Consumer {
    const options = {
      tag: this.id,
      settled: consumer.granted === 0,
      exclusive: false,
      prefetch: this.context.limits.inflightMax,
      arguments: [],
      ...(consumer.shared && { timeoutMs: 0 }),
      ...(consumer.leaseMs > 0 && { leaseMs: consumer.leaseMs }),
      ...(consumer.claims.length > 0 && { deferralTokens: consumer.claims }),
      // All headers are text here.
      ...(consumer.selector !== '' && { selector: CONVERT_STRINGS + consumer.selector }),
    };
    return session.consume(consumer.queue, options, consumer, writer);
  }

  private *consumers(): Iterable<SubscriptionConsumer> {
    if (this.main !== null) yield this.main;
    yield* this.shares.values();
  }

  private consumerLost(consumer: SubscriptionConsumer, reason: CancelReason): void {
    const freed = this.unsettled.forget(consumer);
    if (this.writer !== null) this.writer.inFlight -= freed;
    consumer.handle = null;
    if (reason === 'access-refused') {
      if (this.session !== null) this.shares.refused(this.session, consumer);
      this.connection?.disconnect('its user may not read a share any more', NOT_AUTHORIZED_5);
      return;
    }
    const why = reason === 'queue-deleted' ? 'the queue of a share was deleted' : 'ended by an operator';
    try {
      if (consumer.shared && reason === 'queue-deleted') {
        this.shares.lost(this.session, consumer);
        return;
      }
    } catch (error) {
      // It cannot be made again, so the client has to hear of it.
      if (!(error instanceof BrokerError)) throw error;
    }
    if (!consumer.shared && reason === 'queue-deleted') this.queueLost();
    else this.connection?.disconnect(why, ADMINISTRATIVE_ACTION);
  }

  /**
   * The session's own queue was deleted, with or without a consumer. Nothing is left of the session then; the client is told
   * by the end of its connection.
   */
  queueLost(): void {
    if (this.ended) return;
    this.drop();
    this.connection?.disconnect('the queue of the session was deleted', ADMINISTRATIVE_ACTION);
    this.connection = null;
  }

  /** The session has lost its queue: all the rest of it goes. Its connection, if there is one, has yet to be told. */
  private drop(): void {
    this.ended = true;
    this.unsettled.end(false);
    for (const consumer of this.shares.values()) {
      consumer.writer = null;
      consumer.handle?.cancel(RELEASED);
    }
    this.shares.end();
    this.writer = null;
    this.session = null;
    this.forget();
  }
}
