/** The subscriptions of one connection, found by number (for tokens) and by key (for what the client calls them). */
import type { Adapter } from '../adapter.ts';
import { FrameError } from '../codec/errors.ts';
import { AdvisorySubscription } from './advisories.ts';
import { type BrowserRequest, QueueBrowser } from './queue-browser.ts';
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
  /** Those that look and take nothing, by their keys. */
  private readonly browsers = new Map<string, QueueBrowser>();
  /** Those that hear advisories, by their keys. */
  private readonly advised = new Map<string, AdvisorySubscription>();
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

  /** Whether the client has one that goes by that. */
  isTaken(key: string): boolean {
    return this.byKey.has(key) || this.browsers.has(key) || this.advised.has(key);
  }

  /** @throws FrameError as `checkRoom`; BrokerError as `Session.browse` */
  addBrowser(request: BrowserRequest): QueueBrowser {
    this.checkRoom();
    const browser = new QueueBrowser(this.client, this.nextNumber++, request);
    this.browsers.set(request.key, browser);
    return browser;
  }

  /** @throws FrameError as `checkRoom`; BrokerError as `Session.demandReading` */
  addAdvised(id: string | undefined, key: string, filter: string): AdvisorySubscription {
    this.checkRoom();
    const { client } = this;
    const { advisories, stats } = client.adapter;
    const advised = new AdvisorySubscription(client, { id, key, number: this.nextNumber++, filter }, advisories, stats);
    this.advised.set(key, advised);
    return advised;
  }

  /** Ends one that takes nothing from a queue; false if there is none of that key. */
  endWatching(key: string): boolean {
    this.browsers.get(key)?.stop();
    this.advised.get(key)?.stop();
    return this.browsers.delete(key) || this.advised.delete(key);
  }

  /** The connection has ended: nobody is told anything any more. */
  close(): void {
    for (const advised of this.advised.values()) advised.stop();
    this.advised.clear();
    for (const subscription of this.byNumber.values()) this.topicLeft(subscription);
    this.byNumber.clear();
  }

  /** The connection's output has room again. */
  wakeBrowsers(): void {
    for (const browser of this.browsers.values()) browser.wake();
  }

  /** Whether a subscription of this connection has that number, or had it. */
  wasGiven(number: number): boolean {
    return number > 0 && number < this.nextNumber;
  }

  /** @throws FrameError where the connection may have no more */
  checkRoom(): void {
    const { subscriptionsMax } = this.client.adapter.options;
    if (this.byNumber.size + this.browsers.size + this.advised.size < subscriptionsMax) return;
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
    if (subscription.topic !== undefined) adapter.advisories.topicSubscribed(session.vhost, subscription.topic, 1);
    // Of several destinations the first one stands for all.
    if (!this.byKey.has(subscription.key)) this.byKey.set(subscription.key, subscription);
    return subscription;
  }

  /** The caller cancels its consumer. */
  remove(subscription: SubscriptionConsumer): void {
    if (this.byNumber.delete(subscription.number)) this.topicLeft(subscription);
    this.byKey.delete(subscription.key);
  }

  private topicLeft({ topic }: SubscriptionConsumer): void {
    const { adapter, session } = this.client;
    if (topic !== undefined) adapter.advisories.topicSubscribed(session.vhost, topic, -1);
  }

  /** The RECEIPT for the subscription of that number is written, or kept behind a body. */
  receiptWritten(number: number): void {
    const subscription = this.byNumber.get(number);
    if (subscription === undefined) {
      this.watchingReceiptWritten(number);
      return;
    }
    for (const member of subscription.group.members) {
      member.awaitsReceipt = false;
      member.consumer.wake();
    }
  }

  private watchingReceiptWritten(number: number): void {
    for (const advised of this.advised.values()) if (advised.number === number) advised.awaitsReceipt = false;
    for (const browser of this.browsers.values()) {
      if (browser.number !== number) continue;
      browser.awaitsReceipt = false;
      browser.wake();
    }
  }
}
