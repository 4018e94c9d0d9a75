/** All readers of messages that came over a one-way stream: so many at a time, each known to who opened it by a name that nobody guesses. */
import { randomBytes } from 'node:crypto';
import type { Identity } from '../../api/identity.ts';
import type { Session, SessionClient } from '../../api/session.ts';
import type { Broker } from '../../broker/broker.ts';
import { BrokerError } from '../../message/errors.ts';
import { whenKnown } from '../when-known.ts';
import { type EndReason, Subscription, type SubscriptionOptions, type SubscriptionSource } from './subscription.ts';

const SUBSCRIPTIONS_MAX = 64;
const NAME_BYTES = 16;

interface Open {
  readonly subscription: Subscription;
  readonly user: string;
}

/** Gives a session whose client is told what the broker does with it. */
export type Entering = (client: SessionClient) => Promise<Session>;

export class Subscriptions {
  private readonly broker: Broker;
  private readonly open = new Map<string, Open>();
  /** Those that are being opened. */
  private opening = 0;

  constructor(broker: Broker) {
    this.broker = broker;
  }

  get size(): number {
    return this.open.size;
  }

  /** @throws BrokerError unavailable: there are too many; or what entering, declaring, binding and consuming throw */
  async start(
    { user }: Identity,
    entering: Entering,
    source: SubscriptionSource,
    options: SubscriptionOptions,
  ): Promise<{ readonly id: string; readonly subscription: Subscription }> {
    if (this.open.size + this.opening >= SUBSCRIPTIONS_MAX) {
      throw new BrokerError('unavailable', `there are ${SUBSCRIPTIONS_MAX} subscriptions over HTTP already`);
    }
    const id = randomBytes(NAME_BYTES).toString('base64url');
    this.opening++;
    try {
      const subscription = await this.begun(entering, source, options, () => this.open.delete(id));
      if (subscription.ended === undefined) this.open.set(id, { subscription, user });
      return { id, subscription };
    } finally {
      this.opening--;
    }
  }

  private async begun(
    entering: Entering,
    source: SubscriptionSource,
    options: SubscriptionOptions,
    onEnd: () => void,
  ): Promise<Subscription> {
    let subscription: Subscription | undefined;
    let early: EndReason | undefined;
    const ends = (reason: EndReason): void => {
      early = reason;
      subscription?.end(reason);
    };
    const session = await entering({
      uncongested() {},
      accessLost: () => ends('access-refused'),
      expired: () => ends('expired'),
      kicked: () => ends('operator'),
    });
    try {
      const published = (queue: string): number =>
        this.broker.vhostsByName.get(session.vhost)?.topology.queues.get(queue)?.traffic?.published ?? 0;
      subscription = await whenKnown(
        () => new Subscription(session, this.broker.clock, source, options, published, onEnd),
      );
    } catch (error) {
      session.close(true);
      throw error;
    }
    if (early !== undefined) subscription.end(early);
    return subscription;
  }

  /** One of this user's. Undefined: he has none of that name. */
  find(id: string, { user }: Identity): Subscription | undefined {
    const found = this.open.get(id);
    return found?.user === user ? found.subscription : undefined;
  }

  /** The broker stops. */
  close(): void {
    for (const { subscription } of [...this.open.values()]) subscription.end('closed');
  }
}
