/**
 * The temporary queues and topics of one connection: its session's own, by the names that the client gave them in `/temp-queue/…` and
 * `/temp-topic/…`, when it subscribed to one, sent to it, or named it in a `reply-to`.
 *
 * A topic is a key of `amq.topic` that nobody else can guess.
 */
import { randomBytes } from 'node:crypto';
import { RELEASED, type Session } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import { AUTO, type SubscriptionConsumer } from '../deliver/subscription-consumer.ts';
import { type Subscriptions, subscriptionKey } from '../deliver/subscriptions.ts';
import {
  formatDestination,
  parseDestination,
  REMOTE_QUEUE_PREFIX,
  REMOTE_TOPIC_PREFIX,
  REPLY_PREFIX,
  TEMPORARY_PREFIX,
} from '../mapping/destinations.ts';

const TOPIC_KEY_PREFIX = 'temp-topic.';

interface TemporaryQueue {
  /** The queue's real name, made by the broker. */
  readonly queue: string;
  /** The subscription that reads it; null for none. */
  subscription: SubscriptionConsumer | null;
}

export class TemporaryQueues {
  private readonly byName = new Map<string, TemporaryQueue>();
  /** Keys of topics, by name. */
  private readonly topics = new Map<string, string>();
  private readonly session: Session;
  private readonly subscriptions: Subscriptions;
  private readonly queuesMax: number;

  constructor(session: Session, subscriptions: Subscriptions, queuesMax: number) {
    this.session = session;
    this.subscriptions = subscriptions;
    this.queuesMax = queuesMax;
  }

  /**
   * The `reply-to` that consumers see in the place of `/temp-queue/…` or `/temp-topic/…`. With RabbitMQ's clients the client is subscribed
   * to a queue when it is first named, and the subscription's id is what it wrote; ActiveMQ's subscribe themselves.
   *
   * @throws FrameError where it is none of these, or the connection may have no more; BrokerError as the session
   */
  replyTo(replyTo: string): string {
    const destination = parseDestination(replyTo);
    if (destination.kind === 'temporary-topic') return REMOTE_TOPIC_PREFIX + this.topicKey(destination.name);
    if (destination.kind !== 'temporary-queue') {
      throw new FrameError('Invalid destination', `'${replyTo}' is not a temporary queue.`);
    }
    const temporary = this.find(destination.name);
    const shown = formatDestination('', temporary.queue, 0).slice('/queue/'.length);
    if (this.session.compat === 'activemq') return REMOTE_QUEUE_PREFIX + shown;
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
    return REPLY_PREFIX + shown;
  }

  /** The real name of the queue, for who sends to it. @throws FrameError, BrokerError as `replyTo` */
  queueName(name: string): string {
    return this.find(name).queue;
  }

  /** The topic's key in `amq.topic`. @throws FrameError where the connection may have no more */
  topicKey(name: string): string {
    const known = this.topics.get(name);
    if (known !== undefined) return known;
    this.checkRoom();
    const key = TOPIC_KEY_PREFIX + randomBytes(16).toString('base64url');
    this.topics.set(name, key);
    return key;
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
    if (known === undefined) this.checkRoom();
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

  private checkRoom(): void {
    if (this.byName.size + this.topics.size < this.queuesMax) return;
    throw new FrameError('Too many queues', `A connection may have at most ${this.queuesMax} temporary queues.`);
  }
}
