/**
 * The temporary queues of one connection: its session's own, by the names that the client gave them in `/temp-queue/…`, when it
 * subscribed to one or named it in a `reply-to`.
 */
import { RELEASED, type Session } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import { AUTO, type SubscriptionConsumer } from '../deliver/subscription-consumer.ts';
import { type Subscriptions, subscriptionKey } from '../deliver/subscriptions.ts';
import { formatDestination, parseDestination, TEMPORARY_PREFIX } from '../mapping/destinations.ts';

interface TemporaryQueue {
  /** The queue's real name, made by the broker. */
  readonly queue: string;
  /** The subscription that reads it; null for none. */
  subscription: SubscriptionConsumer | null;
}

export class TemporaryQueues {
  private readonly byName = new Map<string, TemporaryQueue>();
  private readonly session: Session;
  private readonly subscriptions: Subscriptions;
  private readonly queuesMax: number;

  constructor(session: Session, subscriptions: Subscriptions, queuesMax: number) {
    this.session = session;
    this.subscriptions = subscriptions;
    this.queuesMax = queuesMax;
  }

  /**
   * The `reply-to` that consumers see in the place of `/temp-queue/…`. The queue is made, and the client subscribed to it,
   * when it is first named; the subscription's id is what the client wrote.
   *
   * @throws FrameError where it is none of `/temp-queue/…`, or the connection may have no more; BrokerError as the session
   */
  replyTo(replyTo: string): string {
    const destination = parseDestination(replyTo);
    if (destination.kind !== 'temporary-queue') {
      throw new FrameError('Invalid destination', `'${replyTo}' is not a temporary queue.`);
    }
    const temporary = this.find(destination.name);
    temporary.subscription ??= this.subscriptions.add({
      id: replyTo,
      key: subscriptionKey(replyTo, ''),
      mode: AUTO,
      queue: temporary.queue,
      prefetch: 0,
      priority: 0,
      selector: null,
      isOwn: true,
    });
    return `/reply-queue/${formatDestination('', temporary.queue, 0).slice('/queue/'.length)}`;
  }

  /**
   * The real name of the queue, which the client is about to subscribe to. If it was subscribed to it for a `reply-to`, that
   * subscription ends.
   *
   * @throws FrameError where it has subscribed to it already, or may have no more; BrokerError as the session
   */
  takeOver(name: string): string {
    const temporary = this.find(name);
    const before = temporary.subscription;
    if (before === null) return temporary.queue;
    if (!before.id?.startsWith(TEMPORARY_PREFIX)) {
      throw new FrameError(
        'Duplicated subscription identifier',
        `This connection is subscribed to '${TEMPORARY_PREFIX}${name}' already.`,
      );
    }
    before.consumer.cancel(RELEASED);
    this.subscriptions.remove(before);
    temporary.subscription = null;
    return temporary.queue;
  }

  subscribed(name: string, subscription: SubscriptionConsumer): void {
    this.find(name).subscription = subscription;
  }

  /** The subscription has ended. The queue stays until the session does. */
  unsubscribed(subscription: SubscriptionConsumer): void {
    for (const temporary of this.byName.values()) {
      if (temporary.subscription === subscription) temporary.subscription = null;
    }
  }

  /** Makes it when it is first asked for, and again if an operator has deleted it. */
  private find(name: string): TemporaryQueue {
    const known = this.byName.get(name);
    if (known !== undefined && this.session.queueExists(known.queue)) return known;
    if (known === undefined && this.byName.size >= this.queuesMax) {
      throw new FrameError('Too many queues', `A connection may have at most ${this.queuesMax} temporary queues.`);
    }
    const { name: queue } = this.session.declareQueue('', {
      durable: false,
      exclusive: true,
      autoDelete: false,
      arguments: [],
    });
    const temporary: TemporaryQueue = { queue, subscription: null };
    this.byName.set(name, temporary);
    return temporary;
  }
}
