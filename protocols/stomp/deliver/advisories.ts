/**
 * Advisories, as ActiveMQ's clients know them: who subscribes to `/topic/ActiveMQ.Advisory.…` hears who and what comes and goes in the vhost.
 *
 *     ActiveMQ.Advisory.Connection                   connections
 *     ActiveMQ.Advisory.Queue, .TempQueue            queues that are made and deleted; those of one session, which go with it, are temporary
 *     ActiveMQ.Advisory.Consumer.Queue.NAME          consumers of a queue
 *     ActiveMQ.Advisory.Topic                        topics: there as long as STOMP's clients subscribe to them
 *     ActiveMQ.Advisory.Consumer.Topic.NAME          those subscriptions
 *
 * Topics may be filters. They are no messages of `amq.topic`: nobody can send one, or bind to them from elsewhere. Subscribing asks for what a
 * binding would; what is told of a queue is told to those alone who may read it, each time, and of another user's connection to those who
 * operate the broker. A connection that does not keep up loses
 * what it has no room for, counted. What is there already when one subscribes is not told.
 */
import {
  BrokerError,
  type BrokerServices,
  matchesFilter,
  PRODUCT,
  type PresenceEvent,
  type QueueUse,
} from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import { escapeValue } from '../codec/escape.ts';
import { TOPIC_EXCHANGE, topicName } from '../mapping/destinations.ts';
import type { StompStats } from '../stats.ts';
import type { SubscriptionClient } from './subscription-consumer.ts';

export const ADVISORY_PREFIX = 'ActiveMQ.Advisory.';
/** In a vhost: each event is told to all of them at once. */
const HEARERS_MAX = 256;

/** What is said of an event. */
interface Advisory {
  /** Below `ActiveMQ.Advisory.` */
  readonly topic: string;
  /** The queue that it speaks of; undefined: none. */
  readonly queue: string | undefined;
  /** The topic that it speaks of, as a filter; undefined: none. */
  readonly filter?: string;
  /** Whose connection it speaks of; undefined: none. */
  readonly user?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export class AdvisorySubscription {
  readonly key: string;
  /** Its RECEIPT is still to come: what is told before it is told after it. */
  awaitsReceipt = false;
  readonly number: number;
  private readonly client: SubscriptionClient;
  private readonly filter: string;
  private readonly opening: string;
  private readonly leave: () => void;
  private readonly stats: StompStats;
  private told = 0;

  /**
   * @param filter dotted, with `*` and `#`
   * @throws BrokerError as `Session.demandReading`
   */
  constructor(
    client: SubscriptionClient,
    { id, key, number, filter }: { id: string | undefined; key: string; number: number; filter: string },
    advisories: Advisories,
    stats: StompStats,
  ) {
    const { session, version, sessionName } = client;
    session.demandReading(TOPIC_EXCHANGE, filter);
    this.client = client;
    this.key = key;
    this.number = number;
    this.filter = filter;
    this.stats = stats;
    const idLine = id === undefined ? '' : `subscription:${escapeValue(id, version) ?? ''}\n`;
    this.opening = `MESSAGE\n${idLine}message-id:${sessionName}.${number}.`;
    this.leave = advisories.join(session.vhost, this);
  }

  tell(advisory: Advisory, frames: Map<string, string>): void {
    const { client, filter, stats } = this;
    const topic = ADVISORY_PREFIX + advisory.topic;
    if (!matchesFilter(filter, topic) || !this.mayHear(topic, advisory)) return;
    const { output, version } = client;
    if (output.congested || this.awaitsReceipt) {
      stats.advisoriesDropped++;
      return;
    }
    let rest = frames.get(version.toString());
    if (rest === undefined) {
      const body = JSON.stringify(advisory.body);
      const lines = Object.entries({
        destination: `/topic/${topic}`,
        type: 'Advisory',
        transformation: 'jms-advisory-json',
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        originBrokerName: PRODUCT,
        ...advisory.headers,
      }).map(([name, value]) => `${name}:${escapeValue(value, version) ?? ''}\n`);
      rest = `\n${lines.join('')}\n${body}\0\n`;
      frames.set(version.toString(), rest);
    }
    const bytes = Buffer.from(`${this.opening}${++this.told}${rest}`);
    const { out } = output;
    const at = out.reserve(bytes.length);
    bytes.copy(out.buffer, at);
    output.wrote = true;
    stats.messagesOut++;
  }

  /** Its user's rights may have changed since it subscribed. */
  private mayHear(topic: string, { queue, filter, user }: Advisory): boolean {
    const { session } = this.client;
    if (queue !== undefined && !session.mayRead(queue)) return false;
    if (user !== undefined && !session.mayKnowOf(user)) return false;
    try {
      session.ofBegun(() => {
        session.demandReading(TOPIC_EXCHANGE, topic);
        if (filter !== undefined) session.demandReading(TOPIC_EXCHANGE, filter);
      });
      return true;
    } catch (error) {
      if (error instanceof BrokerError) return false;
      throw error;
    }
  }

  stop(): void {
    this.leave();
  }
}

/** Who hears advisories, by vhost. Where nobody does, nobody watches. */
export class Advisories {
  private readonly broker: BrokerServices;
  private readonly vhosts = new Map<
    string,
    { readonly unwatch: () => void; readonly all: Set<AdvisorySubscription> }
  >();

  constructor(broker: BrokerServices) {
    this.broker = broker;
  }

  /** How many subscriptions each topic of a vhost has. */
  private readonly topics = new Map<string, Map<string, number>>();

  /** A subscription to a topic has come (1), or has gone (-1). @param filter dotted, with `*` and `#` */
  topicSubscribed(vhost: string, filter: string, change: 1 | -1): void {
    let topics = this.topics.get(vhost);
    if (topics === undefined) this.topics.set(vhost, (topics = new Map()));
    const count = (topics.get(filter) ?? 0) + change;
    if (count > 0) topics.set(filter, count);
    else topics.delete(filter);
    if (topics.size === 0) this.topics.delete(vhost);
    const all = this.vhosts.get(vhost)?.all;
    if (all === undefined) return;
    const made = change === 1 && count === 1;
    if (made || count === 0) this.tell(all, topicAdvisory(filter, made));
    this.tell(all, topicConsumerAdvisory(filter, change === 1, count));
  }

  private tell(all: ReadonlySet<AdvisorySubscription>, advisory: Advisory): void {
    this.broker.turn.work.spend(all.size);
    // All who speak one version get the same bytes.
    const frames = new Map<string, string>();
    for (const one of all) one.tell(advisory, frames);
  }

  /** @returns ends it */
  join(vhost: string, subscription: AdvisorySubscription): () => void {
    let joined = this.vhosts.get(vhost);
    if (joined === undefined) {
      const all = new Set<AdvisorySubscription>();
      const unwatch = this.broker.watch(vhost, (event) => {
        const advisory = advisoryOf(event);
        if (advisory !== undefined) this.tell(all, advisory);
      });
      joined = { unwatch, all };
      this.vhosts.set(vhost, joined);
    }
    const { all, unwatch } = joined;
    if (all.size >= HEARERS_MAX) {
      throw new FrameError(
        'Too many subscriptions',
        `At most ${HEARERS_MAX} subscriptions of a vhost hear advisories.`,
      );
    }
    all.add(subscription);
    return () => {
      all.delete(subscription);
      if (all.size > 0 || this.vhosts.get(vhost)?.all !== all) return;
      unwatch();
      this.vhosts.delete(vhost);
    };
  }
}

/**
 * Bodies have as much of ActiveMQ's as there is to say here. Undefined: it is about a queue that an adapter has made for a subscription or a
 * session of its client's, who speaks of no queue.
 */
function advisoryOf(event: PresenceEvent): Advisory | undefined {
  if ('use' in event && event.use === 'own') return undefined;
  switch (event.kind) {
    case 'connection-opened': {
      const { user: userName, protocol, client: clientIp } = event;
      const body = { ConnectionInfo: { userName, protocol, clientIp } };
      return { topic: 'Connection', queue: undefined, user: userName, headers: {}, body };
    }
    case 'connection-closed': {
      const objectId = { '@class': 'ConnectionId', value: event.client };
      return {
        topic: 'Connection',
        queue: undefined,
        user: event.user,
        headers: {},
        body: { RemoveInfo: { objectId } },
      };
    }
    case 'queue-made':
    case 'queue-deleted': {
      const { queue, kind, use } = event;
      const body = {
        DestinationInfo: { destination: named(queue, use), operationType: kind === 'queue-made' ? 0 : 1 },
      };
      return { topic: use === 'temporary' ? 'TempQueue' : 'Queue', queue, headers: {}, body };
    }
    default: {
      const { queue, consumers, kind, use } = event;
      const body =
        kind === 'consumer-came'
          ? { ConsumerInfo: { destination: named(queue, use) } }
          : { RemoveInfo: { objectId: { '@class': 'ConsumerId' } } };
      return { topic: `Consumer.Queue.${queue}`, queue, headers: { consumerCount: String(consumers) }, body };
    }
  }
}

function topicNamed(filter: string): unknown {
  return { '@class': 'ActiveMQTopic', string: topicName(filter) };
}

function topicAdvisory(filter: string, made: boolean): Advisory {
  const body = { DestinationInfo: { destination: topicNamed(filter), operationType: made ? 0 : 1 } };
  return { topic: 'Topic', queue: undefined, filter, headers: {}, body };
}

function topicConsumerAdvisory(filter: string, came: boolean, consumers: number): Advisory {
  const body = came
    ? { ConsumerInfo: { destination: topicNamed(filter) } }
    : { RemoveInfo: { objectId: { '@class': 'ConsumerId' } } };
  const topic = `Consumer.Topic.${topicName(filter)}`;
  return { topic, queue: undefined, filter, headers: { consumerCount: String(consumers) }, body };
}

function named(queue: string, use: QueueUse | undefined): unknown {
  return { '@class': use === 'temporary' ? 'ActiveMQTempQueue' : 'ActiveMQQueue', string: queue };
}

/** The filter of advisories that a subscription asks for; undefined: it asks for something else. */
export function advisoryFilter(exchange: string, filter: string): string | undefined {
  return exchange === TOPIC_EXCHANGE && filter.startsWith(ADVISORY_PREFIX) ? filter : undefined;
}

/** @throws FrameError for a destination that nobody can send to */
export function refuseAdvisory(exchange: string, key: string): void {
  if (exchange !== TOPIC_EXCHANGE || !key.startsWith(ADVISORY_PREFIX)) return;
  throw new FrameError('Invalid destination', `'/topic/${key}' is the broker's to tell; it can be subscribed to.`);
}
