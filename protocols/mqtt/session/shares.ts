/**
 * The shared subscriptions of one session [MQTT 5.0, section 4.8.2]. A group and its filter are one queue, which other
 * protocols may consume from as well; a member is one consumer of it.
 */
import { RELEASED } from '../../../src/api.ts';
import { BrokerError } from '../../../src/message/errors.ts';
import type { Session } from '../../../src/session.ts';
import { QUOTA_EXCEEDED, TOPIC_FILTER_INVALID } from '../codec/reasons.ts';
import type { Subscription } from '../codec/subscriptions.ts';
import type { SharedFilter } from '../codec/text.ts';
import { Feed } from '../delivery/feed.ts';
import { SHARED_BINDING, sharedQueueOf } from '../mapping/names.ts';
import { QUEUE_NAME_BYTES_MAX } from '../options.ts';
import type { ClientSession } from './client.ts';
import { identifierBytes } from './identifiers.ts';
import type { ShareRecord } from './store.ts';

export class Shares {
  /** By queue name. */
  private readonly feeds = new Map<string, Feed>();
  private readonly client: ClientSession;

  constructor(client: ClientSession) {
    this.client = client;
  }

  get size(): number {
    return this.feeds.size;
  }

  values(): Iterable<Feed> {
    return this.feeds.values();
  }

  /** Takes up what is stored. */
  restore(session: Session, records: { readonly [queue: string]: ShareRecord }): void {
    for (const [queue, record] of Object.entries(records)) {
      if (session.queueExists(queue)) this.feeds.set(queue, this.feed(queue, record));
      else this.client.clients.leave(queue, this.client.id);
    }
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
    const { limits } = client.adapter;
    const { qos, retainAsPublished } = subscription;
    const queue = sharedQueueOf(share.group, share.filter);
    const member = this.feeds.get(queue);
    if (member === undefined && !client.room()) return QUOTA_EXCEEDED;
    if (Buffer.byteLength(queue) > QUEUE_NAME_BYTES_MAX) return TOPIC_FILTER_INVALID;
    const options = { durable: true, exclusive: false, autoDelete: false, arguments: [], atMostOnce: 'queue' } as const;
    session.declareQueue(queue, options);
    session.bindQueue(queue, limits.exchange, share.filter, SHARED_BINDING);
    if (member !== undefined && member.granted > 0 === qos > 0 && member.selector === selector) {
      member.granted = qos;
      member.asPublished = retainAsPublished;
      member.setIdentifier(identifier, identifierBytes(identifier));
    } else {
      const feed = this.feed(queue, { qos, asPublished: retainAsPublished, identifier, selector });
      client.start(session, feed); // throws for a selector that is none, and then nothing has changed
      member?.consumer?.cancel();
      this.feeds.set(queue, feed);
      client.clients.join(queue, client.id);
    }
    client.save(session);
    return qos;
  }

  /** Returns whether it was a member. */
  unsubscribe(session: Session, share: SharedFilter): boolean {
    const queue = sharedQueueOf(share.group, share.filter);
    const feed = this.feeds.get(queue);
    if (feed === undefined) return false;
    // What was sent may still be answered [MQTT-3.10.4-3].
    feed.consumer?.cancel();
    this.feeds.delete(queue);
    this.leave(session, queue, false);
    this.client.save(session);
    return true;
  }

  /** The queue is gone. */
  lost(feed: Feed): void {
    this.feeds.delete(feed.queue);
    this.client.clients.leave(feed.queue, this.client.id);
  }

  /** The session ends. What a group has not handled stays for whoever joins it next; only UNSUBSCRIBE throws it away. */
  end(session: Session): void {
    for (const queue of this.feeds.keys()) this.leave(session, queue, true);
    this.feeds.clear();
  }

  /** The session is gone already. */
  drop(): void {
    for (const feed of this.feeds.values()) {
      feed.outbound = null;
      feed.consumer?.cancel(RELEASED);
      this.client.clients.leave(feed.queue, this.client.id);
    }
    this.feeds.clear();
  }

  /** The last member to leave takes the queue with it, unless others consume from it. */
  private leave(session: Session, queue: string, onlyEmpty: boolean): void {
    if (!this.client.clients.leave(queue, this.client.id)) return;
    try {
      session.deleteQueue(queue, true, onlyEmpty);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
    }
  }

  private feed(queue: string, { qos, asPublished, identifier, selector = '' }: ShareRecord): Feed {
    const feed = new Feed(queue, true, qos, this.client.lost);
    feed.selector = selector;
    feed.asPublished = asPublished;
    feed.setIdentifier(identifier, identifierBytes(identifier));
    return feed;
  }
}
