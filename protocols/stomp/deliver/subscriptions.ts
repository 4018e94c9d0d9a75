/** The subscriptions of one connection, found by number (for tokens) and by key (for what the client calls them). */
import type { Adapter } from '../adapter.ts';
import { FrameError } from '../codec/errors.ts';
import { SelectorFilter } from './selector-filter.ts';
import { type SubscriptionClient, SubscriptionConsumer, type SubscriptionRequest } from './subscription-consumer.ts';

/** What the subscriptions need of their client. */
export interface SubscriptionsClient extends SubscriptionClient {
  readonly adapter: Adapter;
}

/** What a subscription is found under: its id, or in 1.0 its destination. */
export function subscriptionKey(id: string | undefined, destination: string): string {
  return id === undefined ? `d${destination}` : `i${id}`;
}

export class Subscriptions {
  private readonly byNumber = new Map<number, SubscriptionConsumer>();
  private readonly byKey = new Map<string, SubscriptionConsumer>();
  private nextNumber = 1;
  private readonly client: SubscriptionsClient;

  constructor(client: SubscriptionsClient) {
    this.client = client;
  }

  /** Those that go on, in the order they were made in. */
  all(): Iterable<SubscriptionConsumer> {
    return this.byNumber.values();
  }

  get(number: number): SubscriptionConsumer | undefined {
    return this.byNumber.get(number);
  }

  find(key: string): SubscriptionConsumer | undefined {
    return this.byKey.get(key);
  }

  /** Whether a subscription of this connection has that number, or had it. */
  wasGiven(number: number): boolean {
    return number > 0 && number < this.nextNumber;
  }

  /** @throws FrameError where the connection may have no more */
  checkRoom(): void {
    const { subscriptionsMax } = this.client.adapter.options;
    if (this.byNumber.size < subscriptionsMax) return;
    throw new FrameError('Too many subscriptions', `A connection may have at most ${subscriptionsMax} subscriptions.`);
  }

  /** @throws FrameError as `checkRoom`; BrokerError as `Session.consume` */
  add(request: SubscriptionRequest): SubscriptionConsumer {
    this.checkRoom();
    const { session, adapter } = this.client;
    const { selector, isOwn } = request;
    const filter =
      selector !== null && isOwn ? new SelectorFilter(selector, session, adapter.broker.turn, adapter.stats) : null;
    const subscription = new SubscriptionConsumer(this.client, this.nextNumber++, request, filter);
    this.byNumber.set(subscription.number, subscription);
    this.byKey.set(subscription.key, subscription);
    return subscription;
  }

  /** The caller cancels its consumer. */
  remove(subscription: SubscriptionConsumer): void {
    this.byNumber.delete(subscription.number);
    this.byKey.delete(subscription.key);
  }

  /** The RECEIPT for the subscription of that number is written, or kept behind a body. */
  receiptWritten(number: number): void {
    const subscription = this.byNumber.get(number);
    if (subscription === undefined) return;
    subscription.awaitsReceipt = false;
    subscription.consumer.wake();
  }
}
