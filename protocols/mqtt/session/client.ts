/**
 * An MQTT session [MQTT 3.1.1, section 3.1.2.4]: what a client identifier stands for, across connections if it is kept.
 *
 *                       SUBSCRIBE               connection lost, kept
 *      (no queue) -----------------> ATTACHED -----------------------> PARKED
 *                                       |      <----------------------    |
 *                                       |          connected again        |
 *                 connection gone,      v                                 | connected with clean session
 *                 clean session       ENDED  <----------------------------+
 *
 * Its subscriptions are bindings of one queue, `mqtt-subscription-<client identifier>`; what it may receive at most once
 * goes straight to the connection, the rest waits in the queue. The queue is made with the first subscription, and a
 * consumer on it with the first that asks for more than QoS 0.
 */
import { type Consumer, RELEASED } from '../../../src/api.ts';
import { BrokerError } from '../../../src/message/errors.ts';
import { SLASH } from '../../../src/message/message.ts';
import type { Session } from '../../../src/session.ts';
import type { MqttAdapter } from '../adapter.ts';
import type { Qos } from '../codec/decode.ts';
import { SUBSCRIPTION_FAILED } from '../codec/packet.ts';
import { levelsOf, type SharedFilter } from '../codec/text.ts';
import { Feed } from '../delivery/feed.ts';
import type { Outbound } from '../delivery/outbound.ts';
import { bindingOf, queueOf, sharedQueueOf } from '../mapping.ts';
import { QUEUE_NAME_BYTES_MAX } from '../options.ts';
import { InboundIds } from './inbound.ts';
import type { VhostClients } from './registry.ts';
import { deleteIn, deleteSession, getSession, putIn, putSession } from './store.ts';
import { Unanswered } from './unanswered.ts';
import type { PacketWindow } from './window.ts';

/** The connection, as its session sees it. */
export interface ClientHost {
  /** The same client identifier has connected again [MQTT-3.1.4-2]. */
  takenOver(): void;
  /** The session cannot go on: its queue was deleted, or an operator ended its consumer. */
  broken(why: string): void;
  /** Sends PUBREL once everything asked of the broker until now is safe. */
  awaitRelease(packetId: number): void;
}

export class ClientSession {
  readonly id: string;
  /** It outlives its connection: CONNECT came without clean session. */
  readonly kept: boolean;
  readonly queue: string;
  readonly unanswered: Unanswered;
  host: ClientHost | null = null;
  outbound: Outbound | null = null;
  /** Nothing is left of it. */
  ended = false;
  private queueKnown = false;
  private main: Feed | null = null;
  /** By filter: granted QoS. */
  private readonly filters = new Map<string, Qos>();
  /** By queue name. */
  private readonly shares = new Map<string, Feed>();
  private inbound: InboundIds | null = null;
  private readonly adapter: MqttAdapter;
  private readonly clients: VhostClients;
  private readonly lost = (feed: Feed, reason: 'queue-deleted' | 'operator'): void => this.feedLost(feed, reason);

  constructor(adapter: MqttAdapter, clients: VhostClients, id: string, kept: boolean) {
    this.adapter = adapter;
    this.clients = clients;
    this.id = id;
    this.kept = kept;
    this.queue = queueOf(id);
    this.unanswered = new Unanswered(id, kept ? clients.state : null, adapter.stats);
  }

  // ------------------------------------------------------------------------------------------------- coming and going

  /** Takes up what is stored of a kept session: after a restart of the broker. */
  restore(session: Session): void {
    const leftovers = this.clients.takeLeftovers(this.id);
    if (leftovers !== undefined) {
      for (const id of leftovers.inbound) this.received().add(id);
      this.unanswered.restore(leftovers);
    }
    for (const [queue, granted] of Object.entries(getSession(this.clients.state, this.id)?.shares ?? {})) {
      if (session.queueExists(queue)) this.shares.set(queue, new Feed(queue, true, granted, this.lost));
      else this.clients.leave(queue, this.id);
    }
    if (!session.queueExists(this.queue)) return;
    this.queueKnown = true;
    let wanted = this.unanswered.size > 0 || session.checkQueue(this.queue).messages > 0;
    for (const { exchange, key, options } of session.bindings(this.queue)) {
      if (exchange !== this.adapter.limits.exchange || options.spelling !== SLASH) continue;
      const qos: Qos = options.assurance ?? 2;
      this.filters.set(key, qos);
      if (qos > 0) wanted = true;
    }
    if (wanted) this.main = new Feed(this.queue, false, 2, this.lost);
  }

  /** Writes down that the session exists. */
  save(session: Session): void {
    if (!this.kept) return;
    const shares: Record<string, Qos> = {};
    for (const feed of this.shares.values()) shares[feed.queue] = feed.granted;
    putSession(this.clients.state, this.id, { user: session.user, shares });
  }

  /** Begins, or goes on with, deliveries. CONNACK has been written [MQTT-3.2.0-1]. */
  attach(session: Session, outbound: Outbound): void {
    this.outbound = outbound;
    for (const id of this.unanswered.released()) {
      outbound.live++;
      this.host!.awaitRelease(id);
    }
    this.unanswered.prepareAgain();
    if (this.queueKnown && !session.queueExists(this.queue)) {
      // Deleted while no consumer was there to hear of it.
      this.queueKnown = false;
      this.filters.clear();
    }
    if (this.queueKnown) session.attachDirect(this.queue, outbound);
    if (this.main !== null) this.start(session, this.main);
    for (const feed of this.shares.values()) this.start(session, feed);
  }

  /** The connection is gone and the session stays. */
  park(session: Session, inOrder: boolean): void {
    if (this.ended) return;
    this.host = null;
    this.outbound = null;
    if (this.queueKnown && session.queueExists(this.queue)) session.attachDirect(this.queue, null);
    this.unanswered.park(inOrder);
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
  }

  /** The session ends: its queue and every trace of it go. */
  end(session: Session, inOrder: boolean): void {
    if (this.ended) return;
    this.ended = true;
    this.host = null;
    this.outbound = null;
    this.unanswered.end(inOrder);
    for (const feed of this.feeds()) {
      feed.outbound = null;
      feed.consumer?.cancel(RELEASED);
    }
    // What a group has not handled stays for whoever joins it next; only UNSUBSCRIBE throws it away.
    for (const queue of this.shares.keys()) this.leave(session, queue, true);
    if (session.queueExists(this.queue)) session.deleteQueue(this.queue, false, false);
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
    this.shares.clear();
    this.inbound = null;
    if (this.clients.clients.get(this.id) === this) this.clients.clients.delete(this.id);
  }

  // --------------------------------------------------------------------------------------------------- subscriptions

  /** Returns the granted QoS, or SUBSCRIPTION_FAILED. */
  subscribe(session: Session, filter: string, qos: Qos): number {
    if (!this.filters.has(filter) && !this.room()) return SUBSCRIPTION_FAILED;
    if (levelsOf(filter) > this.adapter.limits.topicLevelsMax) return SUBSCRIPTION_FAILED;
    // Every time, since an operator may have deleted it.
    session.declareQueue(this.queue, {
      durable: this.kept,
      exclusive: false,
      autoDelete: false,
      arguments: [],
      atMostOnce: 'direct',
    });
    if (!this.queueKnown) {
      this.queueKnown = true;
      session.attachDirect(this.queue, this.outbound);
    }
    // The same filter replaces its subscription [MQTT-3.8.4-3].
    session.bindQueue(this.queue, this.adapter.limits.exchange, filter, bindingOf(qos));
    this.filters.set(filter, qos);
    if (qos > 0 && this.main === null) {
      this.main = new Feed(this.queue, false, 2, this.lost);
      this.start(session, this.main);
    }
    return qos;
  }

  /** Sends what is retained under a filter. */
  replayRetained(session: Session, filter: string): void {
    const qos = this.filters.get(filter);
    if (qos !== undefined) session.replayRetained(this.queue, filter, bindingOf(qos));
  }

  unsubscribe(session: Session, filter: string): void {
    const qos = this.filters.get(filter);
    if (qos === undefined) return;
    this.filters.delete(filter);
    session.unbindQueue(this.queue, this.adapter.limits.exchange, filter, bindingOf(qos));
  }

  /** Joins `$share/group/filter`. Returns the granted QoS, or SUBSCRIPTION_FAILED. */
  subscribeShared(session: Session, { group, filter }: SharedFilter, qos: Qos): number {
    const queue = sharedQueueOf(group, filter);
    const member = this.shares.get(queue);
    if (member === undefined && !this.room()) return SUBSCRIPTION_FAILED;
    if (Buffer.byteLength(queue) > QUEUE_NAME_BYTES_MAX) return SUBSCRIPTION_FAILED;
    if (levelsOf(filter) > this.adapter.limits.topicLevelsMax) return SUBSCRIPTION_FAILED;
    session.declareQueue(queue, {
      durable: true,
      exclusive: false,
      autoDelete: false,
      arguments: [],
      atMostOnce: 'queue',
    });
    // The queue keeps what the publisher promised; each member takes it with the QoS of its own.
    session.bindQueue(queue, this.adapter.limits.exchange, filter, bindingOf(2));
    if (member !== undefined && member.granted > 0 === qos > 0) {
      member.granted = qos;
    } else {
      member?.consumer?.cancel();
      const feed = new Feed(queue, true, qos, this.lost);
      this.shares.set(queue, feed);
      this.clients.join(queue, this.id);
      this.start(session, feed);
    }
    this.save(session);
    return qos;
  }

  unsubscribeShared(session: Session, { group, filter }: SharedFilter): void {
    const queue = sharedQueueOf(group, filter);
    const feed = this.shares.get(queue);
    if (feed === undefined) return;
    // What was sent may still be answered [MQTT-3.10.4-3].
    feed.consumer?.cancel();
    this.shares.delete(queue);
    this.leave(session, queue, false);
    this.save(session);
  }

  /** The last member to leave takes the queue with it, unless others consume from it. */
  private leave(session: Session, queue: string, onlyEmpty: boolean): void {
    if (!this.clients.leave(queue, this.id)) return;
    try {
      session.deleteQueue(queue, true, onlyEmpty);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
    }
  }

  private room(): boolean {
    return this.filters.size + this.shares.size < this.adapter.limits.subscriptionsMax;
  }

  // -------------------------------------------------------------------------------------------------------- feeds

  /** Looks again for something to deliver. */
  wake(): void {
    this.main?.consumer?.wake();
    if (this.shares.size > 0) for (const feed of this.shares.values()) feed.consumer?.wake();
  }

  private start(session: Session, feed: Feed): void {
    if (this.outbound === null) return;
    feed.outbound = this.outbound;
    if (feed.consumer !== null) {
      feed.consumer.resume(feed, this.outbound);
      return;
    }
    feed.consumer = this.consume(session, feed, this.outbound);
  }

  private consume(session: Session, feed: Feed, outbound: Outbound): Consumer {
    const prefetch = this.adapter.limits.inflightMax;
    const options = { tag: this.id, settled: feed.granted === 0, exclusive: false, prefetch, arguments: [] };
    return session.consume(feed.queue, options, feed, outbound);
  }

  private *feeds(): Iterable<Feed> {
    if (this.main !== null) yield this.main;
    yield* this.shares.values();
  }

  private feedLost(feed: Feed, reason: 'queue-deleted' | 'operator'): void {
    const freed = this.unanswered.forget(feed);
    if (this.outbound !== null) this.outbound.live -= freed;
    feed.consumer = null;
    if (feed.shared) {
      this.shares.delete(feed.queue);
      this.clients.leave(feed.queue, this.id);
      return;
    }
    const host = this.host;
    // Without its queue nothing is left of the session; 3.1.1 can only tell the client by closing.
    if (reason === 'queue-deleted') this.drop();
    host?.broken(reason === 'queue-deleted' ? 'the queue of the session was deleted' : 'ended by an operator');
  }

  /** The session has lost its queue: all the rest of it goes. */
  private drop(): void {
    this.ended = true;
    this.host = null;
    this.outbound = null;
    this.unanswered.end(false);
    for (const feed of this.shares.values()) {
      feed.outbound = null;
      feed.consumer?.cancel(RELEASED);
      this.clients.leave(feed.queue, this.id);
    }
    this.forget();
  }

  // ------------------------------------------------------------------------------------------------ packet identifiers

  window(): PacketWindow {
    return this.unanswered.window;
  }

  record(id: number, seq: number): void {
    this.unanswered.recordSent(id, seq);
  }

  /** @see Unanswered.wake */
  wakePlace(id: number): number {
    return this.unanswered.wake(id);
  }

  /** @see Unanswered.placeRestored */
  placeRestored(feed: Feed, seq: number, slot: number): number {
    if (!this.unanswered.restoring) return -1;
    return this.unanswered.placeRestored(feed, seq, slot, (id) => {
      if (this.outbound !== null) this.outbound.live++;
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

  /** PUBREL has come; or the message was refused after all. */
  release(id: number): void {
    if (this.inbound?.delete(id) && this.kept) deleteIn(this.clients.state, this.id, id);
  }

  private received(): InboundIds {
    this.inbound ??= new InboundIds();
    return this.inbound;
  }
}
