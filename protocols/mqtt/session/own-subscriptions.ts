/**
 * The subscriptions of one session but the shared ones: bindings of its queue, and here by their filters, with their
 * subscription identifiers [MQTT 5.0, section 3.8.2.1.2].
 */
import { type BindingInfo, type Session, SLASH } from '../../../src/api/index.ts';
import type { Qos } from '../codec/publish.ts';
import type { Subscription } from '../codec/subscriptions.ts';
import { bindingOf } from '../mapping/names.ts';
import { SubscriptionIdentifiers } from './subscription-identifiers.ts';

interface OwnSubscription {
  readonly subscription: Subscription;
  /** 0 for none. */
  readonly identifier: number;
}

/** Never written to. */
const NONE = new Map<string, OwnSubscription>();

export class OwnSubscriptions {
  /** Null as long as no subscription has one. */
  identifiers: SubscriptionIdentifiers | null = null;
  /** NONE until there is one. */
  private byFilter = NONE;
  private readonly queue: string;
  private readonly exchange: string;

  /** @param exchange the one that topics live in */
  constructor(queue: string, exchange: string) {
    this.queue = queue;
    this.exchange = exchange;
  }

  get size(): number {
    return this.byFilter.size;
  }

  has(filter: string): boolean {
    return this.byFilter.has(filter);
  }

  filters(): Iterable<string> {
    return this.byFilter.keys();
  }

  /** Takes up the bindings of a queue that is there. Returns the highest QoS of them. */
  restore(session: Session): Qos {
    let highest: Qos = 0;
    for (const { exchange, key, options } of session.bindings(this.queue)) {
      if (exchange !== this.exchange || options.spelling !== SLASH) continue;
      const qos: Qos = options.assurance ?? 2;
      const { notOwn = false, keepRetain = false, data = 0 } = options;
      this.remember({ filter: key, qos, noLocal: notOwn, retainAsPublished: keepRetain, retainHandling: 0 }, data);
      if (qos > highest) highest = qos;
    }
    return highest;
  }

  /** Binds the queue, which is there. The same filter replaces its subscription [MQTT-3.8.4-3]. @throws BrokerError */
  add(session: Session, subscription: Subscription, identifier: number): void {
    session.bindQueue(this.queue, this.exchange, subscription.filter, bindingOf(subscription, identifier));
    this.remember(subscription, identifier);
  }

  /** Returns whether there was such a subscription. @throws BrokerError */
  delete(session: Session, filter: string): boolean {
    const own = this.byFilter.get(filter);
    if (own === undefined) return false;
    this.byFilter.delete(filter);
    this.identifiers?.set(filter, 0, false);
    session.unbindQueue(this.queue, this.exchange, filter, bindingOf(own.subscription, own.identifier));
    return true;
  }

  /** Sends what is retained under a filter into the queue. Returns whether there is such a subscription. */
  replayRetained(session: Session, filter: string): boolean {
    const own = this.byFilter.get(filter);
    if (own === undefined) return false;
    session.replayRetained(this.queue, this.exchange, filter, bindingOf(own.subscription, own.identifier));
    return true;
  }

  /** Bindings that have gone, of whatever exchange. */
  forget(bindings: readonly BindingInfo[]): void {
    for (const { exchange, key, options } of bindings) {
      if (exchange !== this.exchange || options.spelling !== SLASH || !this.byFilter.delete(key)) continue;
      this.identifiers?.set(key, 0, false);
    }
  }

  /** The queue is gone, and its bindings with it. */
  clear(): void {
    this.byFilter = NONE;
    this.identifiers = null;
  }

  private remember(subscription: Subscription, identifier: number): void {
    if (this.byFilter === NONE) this.byFilter = new Map();
    this.byFilter.set(subscription.filter, { subscription, identifier });
    if (identifier > 0) this.identifiers ??= new SubscriptionIdentifiers();
    this.identifiers?.set(subscription.filter, identifier, subscription.noLocal);
  }
}
