/**
 * The shared subscriptions of one session [MQTT 5.0, section 4.8.2]. A group and its filter are one queue, which other
 * protocols may consume from as well; a member is one consumer of it. The queue is there as long as there is a member,
 * connected or kept: it goes with the last one, and if somebody deletes it before, it is made again, empty, so that no member
 * sits there and hears nothing. One that others had declared before the first member came is theirs: it loses the share's
 * binding with the last member, and stays.
 */
import { type AdapterState, BrokerError, type CancelReason, RELEASED, type Session } from '../../../src/api/index.ts';
import { QUOTA_EXCEEDED, TOPIC_FILTER_INVALID } from '../codec/reasons.ts';
import type { ShareWishes, Subscription } from '../codec/subscriptions.ts';
import { type SharedFilter, sharedFilter } from '../codec/text.ts';
import { SubscriptionConsumer } from '../deliver/subscription-consumer.ts';
import { SHARED_BINDING, sharedQueueOf } from '../mapping/names.ts';
import { QUEUE_NAME_BYTES_MAX } from '../options.ts';
import { putShare, type ShareRecord } from './session-records.ts';
import { identifierBytes } from './subscription-identifiers.ts';

const QUEUE_OPTIONS = {
  durable: true,
  exclusive: false,
  autoDelete: false,
  arguments: [],
  atMostOnce: 'queue',
  ownUse: 'shared',
} as const;

/** Who is a member of which share of the vhost; `SessionRegistry` in fact. */
export interface ShareRegistry {
  readonly state: AdapterState;
  /** A session is a member of a share from now on. @param queue the share's */
  join(queue: string, clientId: string): void;
  /** It is none any more. The last one takes the queue with it. */
  leave(queue: string, clientId: string): void;
}

/** The session whose shares these are; `MqttSession` in fact. */
export interface ShareMember {
  readonly id: string;
  /** Whether it may have one more subscription. */
  hasRoom(): boolean;
  /** It has subscribed to a filter, of `$SYS` perhaps. */
  watchSys(filter: string): void;
  /** Has a consumer deliver to the connection, if there is one. */
  start(session: Session, consumer: SubscriptionConsumer): void;
  /** Writes itself down, its shares with it. */
  save(session: Session): void;
  /** Hears that a consumer has ended without its client's doing. */
  readonly lost: (consumer: SubscriptionConsumer, reason: CancelReason) => void;
}

/** Never written to. */
const NONE = new Map<string, SubscriptionConsumer>();

export class SharedSubscriptions {
  /** By queue name; NONE until there is one: most clients have none. */
  private consumers = NONE;
  private readonly member: ShareMember;
  private readonly registry: ShareRegistry;
  private readonly exchange: string;

  /** @param exchange the one that topics live in */
  constructor(member: ShareMember, registry: ShareRegistry, exchange: string) {
    this.member = member;
    this.registry = registry;
    this.exchange = exchange;
  }

  get size(): number {
    return this.consumers.size;
  }

  values(): Iterable<SubscriptionConsumer> {
    return this.consumers.values();
  }

  /** Undefined: there is none, or there are several. */
  only(): SubscriptionConsumer | undefined {
    return this.consumers.size === 1 ? this.consumers.values().next().value : undefined;
  }

  /** By its filter, as it was subscribed to. */
  of(filter: string): SubscriptionConsumer | undefined {
    const share = sharedFilter(filter);
    return typeof share === 'object' ? this.consumers.get(sharedQueueOf(share.group, share.filter)) : undefined;
  }

  /** Takes up what is stored. */
  restore(session: Session, records: { readonly [queue: string]: ShareRecord }): void {
    for (const [queue, record] of Object.entries(records)) {
      this.put(this.consumerOf(queue, record));
      ifPermitted(() => this.makeAgain(session, queue));
    }
  }

  /** The session's client is back. */
  attach(session: Session): void {
    for (const consumer of [...this.consumers.values()]) {
      const share = sharedFilter(consumer.queue);
      if (share === undefined || share === 'invalid') continue;
      // Bound again, for what its user may read may have changed since.
      // What cannot be told at once is looked at when it is known, as for anything that it has.
      if (ifPermitted(() => session.ofBegun(() => this.make(session, consumer.queue, share.filter))))
        this.member.start(session, consumer);
      else {
        consumer.handle?.cancel(RELEASED);
        this.refused(session, consumer);
      }
    }
  }

  /** Its user may not read what the share brings: the client is no member any more. */
  refused(session: Session, consumer: SubscriptionConsumer): void {
    if (this.consumers.get(consumer.queue) !== consumer) return;
    this.consumers.delete(consumer.queue);
    this.registry.leave(consumer.queue, this.member.id);
    this.member.save(session);
  }

  /** Its client is away, and no member any more. */
  drop(queue: string): void {
    this.consumers.get(queue)?.handle?.cancel(RELEASED);
    this.consumers.delete(queue);
  }

  private makeAgain(session: Session, queue: string): void {
    const share = sharedFilter(queue);
    if (share === undefined || share === 'invalid') return;
    if (session.queueExists(queue)) this.member.watchSys(share.filter);
    else session.ofBegun(() => this.make(session, queue, share.filter));
  }

  private make(session: Session, queue: string, filter: string): void {
    const there = session.queueExists(queue);
    session.declareQueue(queue, QUEUE_OPTIONS);
    if (!there) putShare(this.registry.state, queue);
    session.bindQueue(queue, this.exchange, filter, SHARED_BINDING);
    this.member.watchSys(filter);
  }

  records(): { [queue: string]: ShareRecord } {
    const records: { [queue: string]: ShareRecord } = {};
    for (const consumer of this.consumers.values()) {
      const { asPublished, granted: qos, identifier, selector, leaseMs } = consumer;
      const asked = { ...(selector !== '' && { selector }), ...(leaseMs > 0 && { leaseMs }) };
      records[consumer.queue] = { qos, asPublished, identifier, ...asked };
    }
    return records;
  }

  /** Joins `$share/group/filter`. Returns the granted QoS, or why not: a reason code of 5.0. */
  subscribe(
    session: Session,
    share: SharedFilter,
    subscription: Subscription,
    identifier: number,
    wishes: ShareWishes,
  ): number {
    const { qos } = subscription;
    const queue = sharedQueueOf(share.group, share.filter);
    const member = this.consumers.get(queue);
    if (member === undefined && !this.member.hasRoom()) return QUOTA_EXCEEDED;
    if (Buffer.byteLength(queue) > QUEUE_NAME_BYTES_MAX) return TOPIC_FILTER_INVALID;
    // Queue and member in one unit: after a crash there is none without the other.
    session.beginUnit();
    try {
      this.make(session, queue, share.filter);
      this.join(session, queue, member, subscription, identifier, wishes);
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
    { selector, leaseMs, claims }: ShareWishes,
  ): void {
    const same = member !== undefined && member.selector === selector && member.leaseMs === leaseMs;
    if (same && member.granted > 0 === qos > 0) {
      member.granted = qos;
      member.asPublished = retainAsPublished;
      member.setIdentifier(identifier, identifierBytes(identifier));
      if (claims.length > 0) member.handle?.claim(claims);
    } else {
      const consumer = this.consumerOf(queue, { qos, asPublished: retainAsPublished, identifier, selector, leaseMs });
      consumer.claims = claims;
      this.registry.join(queue, this.member.id);
      try {
        this.member.start(session, consumer);
      } catch (error) {
        // A selector that is none: nothing has changed.
        if (member === undefined) this.registry.leave(queue, this.member.id);
        throw error;
      }
      member?.handle?.cancel();
      this.put(consumer);
    }
    this.member.save(session);
  }

  /** Returns whether it was a member. */
  unsubscribe(session: Session, share: SharedFilter): boolean {
    const queue = sharedQueueOf(share.group, share.filter);
    const consumer = this.consumers.get(queue);
    if (consumer === undefined) return false;
    // What was sent may still be answered [MQTT-3.10.4-3].
    consumer.handle?.cancel();
    this.consumers.delete(queue);
    this.registry.leave(queue, this.member.id);
    this.member.save(session);
    return true;
  }

  /** The queue was deleted. A client that is there gets it again at once; one that is away, when it is back. */
  lost(session: Session | null, consumer: SubscriptionConsumer): void {
    if (session === null) return;
    this.makeAgain(session, consumer.queue);
    this.member.start(session, consumer);
  }

  /** The session ends. */
  end(): void {
    for (const queue of this.consumers.keys()) this.registry.leave(queue, this.member.id);
    this.consumers = NONE;
  }

  private put(consumer: SubscriptionConsumer): void {
    if (this.consumers === NONE) this.consumers = new Map();
    this.consumers.set(consumer.queue, consumer);
  }

  private consumerOf(
    queue: string,
    { qos, asPublished, identifier, selector = '', leaseMs = 0 }: ShareRecord,
  ): SubscriptionConsumer {
    const consumer = new SubscriptionConsumer(queue, true, qos, this.member.lost);
    consumer.selector = selector;
    consumer.leaseMs = leaseMs;
    consumer.asPublished = asPublished;
    consumer.setIdentifier(identifier, identifierBytes(identifier));
    return consumer;
  }
}

/**
 * Whether who has this session may read what a share's queue brings, which is asked as its members are when they come back: by binding
 * it once more. One whose queue is gone collects nothing until then. @throws AccessPending
 */
export function mayReadShare(session: Session, queue: string, exchange: string): boolean {
  const share = sharedFilter(queue);
  if (share === undefined || share === 'invalid' || !session.queueExists(queue)) return true;
  return ifPermitted(() => {
    session.declareQueue(queue, QUEUE_OPTIONS);
    session.bindQueue(queue, exchange, share.filter, SHARED_BINDING);
  });
}

/** False: it was refused, which is borne. Throws whatever else is thrown. */
function ifPermitted(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'access-refused') throw error;
    return false;
  }
}
