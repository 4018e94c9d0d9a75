/**
 * The shared subscriptions of one session [MQTT 5.0, section 4.8.2]. A group and its filter are one queue, which other
 * protocols may consume from as well; a member is one consumer of it. The queue is there as long as there is a member,
 * connected or kept: it goes with the last one, and if somebody deletes it before, it is made again, empty, so that no member
 * sits there and hears nothing. One that others had declared before the first member came is theirs: it loses the share's
 * binding with the last member, and stays.
 */
import type { Session } from '../../../src/api/index.ts';
import { QUOTA_EXCEEDED, TOPIC_FILTER_INVALID } from '../codec/reasons.ts';
import type { Subscription } from '../codec/subscriptions.ts';
import { type SharedFilter, sharedFilter } from '../codec/text.ts';
import { SubscriptionConsumer } from '../deliver/subscription-consumer.ts';
import { SHARED_BINDING, sharedQueueOf } from '../mapping/names.ts';
import { QUEUE_NAME_BYTES_MAX } from '../options.ts';
import type { ClientSession } from './client-session.ts';
import { putShare, type ShareRecord } from './session-records.ts';
import { identifierBytes } from './subscription-identifiers.ts';

const QUEUE_OPTIONS = {
  durable: true,
  exclusive: false,
  autoDelete: false,
  arguments: [],
  atMostOnce: 'queue',
} as const;

export class SharedSubscriptions {
  /** By queue name. */
  private readonly feeds = new Map<string, SubscriptionConsumer>();
  private readonly client: ClientSession;

  constructor(client: ClientSession) {
    this.client = client;
  }

  get size(): number {
    return this.feeds.size;
  }

  values(): Iterable<SubscriptionConsumer> {
    return this.feeds.values();
  }

  /** Takes up what is stored. */
  restore(session: Session, records: { readonly [queue: string]: ShareRecord }): void {
    for (const [queue, record] of Object.entries(records)) {
      this.feeds.set(queue, this.feed(queue, record));
      this.makeAgain(session, queue);
    }
  }

  /** The session's client is back. */
  attach(session: Session): void {
    for (const feed of this.feeds.values()) {
      if (feed.consumer === null) this.makeAgain(session, feed.queue);
      this.client.start(session, feed);
    }
  }

  private makeAgain(session: Session, queue: string): void {
    const share = sharedFilter(queue);
    if (share === undefined || share === 'invalid') return;
    if (session.queueExists(queue)) this.client.watch(share.filter);
    else this.make(session, queue, share.filter);
  }

  private make(session: Session, queue: string, filter: string): void {
    const { clients } = this.client;
    const there = session.queueExists(queue);
    session.declareQueue(queue, QUEUE_OPTIONS);
    if (!there) putShare(clients.state, queue);
    session.bindQueue(queue, this.client.adapter.limits.exchange, filter, SHARED_BINDING);
    this.client.watch(filter);
  }

  records(): { [queue: string]: ShareRecord } {
    const records: { [queue: string]: ShareRecord } = {};
    for (const feed of this.feeds.values()) {
      const { asPublished, granted: qos, identifier, selector } = feed;
      records[feed.queue] = { qos, asPublished, identifier, ...(selector !== '' && { selector }) };
    }
    return records;
  }

  /** Joins `$share/group/filter`. Returns the granted QoS, or why not: a reason code of 5.0. */
  subscribe(
    session: Session,
    share: SharedFilter,
    subscription: Subscription,
    identifier: number,
    selector: string,
  ): number {
    const { client } = this;
    const { qos } = subscription;
    const queue = sharedQueueOf(share.group, share.filter);
    const member = this.feeds.get(queue);
    if (member === undefined && !client.room()) return QUOTA_EXCEEDED;
    if (Buffer.byteLength(queue) > QUEUE_NAME_BYTES_MAX) return TOPIC_FILTER_INVALID;
    // Queue and member in one unit: after a crash there is none without the other.
    session.beginUnit();
    try {
      this.make(session, queue, share.filter);
      this.join(session, queue, member, subscription, identifier, selector);
    } finally {
      session.endUnit();
    }
    return qos;
  }

  private join(
    session: Session,
    queue: string,
    member: SubscriptionConsumer | undefined,
    { qos, retainAsPublished }: Subscription,
    identifier: number,
    selector: string,
  ): void {
    const { client } = this;
    if (member !== undefined && member.granted > 0 === qos > 0 && member.selector === selector) {
      member.granted = qos;
      member.asPublished = retainAsPublished;
      member.setIdentifier(identifier, identifierBytes(identifier));
    } else {
      const feed = this.feed(queue, { qos, asPublished: retainAsPublished, identifier, selector });
      client.clients.join(queue, client.id);
      try {
        client.start(session, feed);
      } catch (error) {
        // A selector that is none: nothing has changed.
        if (member === undefined) client.clients.leave(session, queue, client.id);
        throw error;
      }
      member?.consumer?.cancel();
      this.feeds.set(queue, feed);
    }
    client.save(session);
  }

  /** Returns whether it was a member. */
  unsubscribe(session: Session, share: SharedFilter): boolean {
    const queue = sharedQueueOf(share.group, share.filter);
    const feed = this.feeds.get(queue);
    if (feed === undefined) return false;
    // What was sent may still be answered [MQTT-3.10.4-3].
    feed.consumer?.cancel();
    this.feeds.delete(queue);
    this.client.clients.leave(session, queue, this.client.id);
    this.client.save(session);
    return true;
  }

  /** The queue was deleted. A client that is there gets it again at once; one that is away, when it is back. */
  lost(session: Session | null, feed: SubscriptionConsumer): void {
    if (session === null) return;
    this.makeAgain(session, feed.queue);
    this.client.start(session, feed);
  }

  /** The session ends. */
  end(session: Session): void {
    for (const queue of this.feeds.keys()) this.client.clients.leave(session, queue, this.client.id);
    this.feeds.clear();
  }

  private feed(queue: string, { qos, asPublished, identifier, selector = '' }: ShareRecord): SubscriptionConsumer {
    const feed = new SubscriptionConsumer(queue, true, qos, this.client.lost);
    feed.selector = selector;
    feed.asPublished = asPublished;
    feed.setIdentifier(identifier, identifierBytes(identifier));
    return feed;
  }
}
