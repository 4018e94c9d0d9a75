/** The queue that a subscription reads: the one that its destination names, or one that is made for it and bound to an exchange. */
import type { BindingInfo, QueueOptions } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { flag } from '../codec/values.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { type Destination, TOPIC_EXCHANGE } from '../mapping/destinations.ts';
import { queueOptions, speaksOfQueue } from '../mapping/queue-options.ts';
import { topicFilter, virtualFilterOf } from '../mapping/topic-filters.ts';
import { bindNew, durableName, isBinding, type Made, notItsOwn, openDurable } from './durable-subscriptions.ts';

export interface SubscriptionSource {
  readonly queue: string;
  /** The queue is this subscription's alone: a message that is not selected waits for nobody. */
  readonly isOwn: boolean;
  /** The durable subscription's name, if it is one. */
  readonly durable?: string;
  /** The binding that it is there for. */
  readonly through?: BindingInfo;
  /** What was made for it in the broker. */
  readonly made?: Made;
  /** The filter whose topics' retained messages it is to get first; undefined: none. */
  readonly retroactive?: string;
}

/**
 * The queue that is read for this destination, made if it has to be.
 *
 * @param id the subscription's; undefined in 1.0 where it has none
 * @throws FrameError for headers that cannot be obeyed; BrokerError as the session
 */
export function sourceOf(
  client: ConnectedClient,
  frame: Frame,
  destination: Destination,
  id: string | undefined,
): SubscriptionSource {
  switch (destination.kind) {
    case 'queue':
      refuseNoLocal(frame);
      return namedQueue(client, frame, destination.name);
    case 'existing-queue':
      refuseNoLocal(frame);
      return { queue: destination.name, isOwn: false };
    case 'temporary-queue':
      refuseNoLocal(frame);
      return { queue: client.temporaryQueues.takeOver(destination.name), isOwn: false };
    case 'temporary-topic': {
      const key = client.temporaryQueues.topicKey(destination.name);
      return boundQueue(client, frame, { kind: 'exchange', exchange: TOPIC_EXCHANGE, key }, id);
    }
    case 'remote-queue':
    case 'remote-topic':
      throw new FrameError(
        'Invalid destination',
        "What is another connection's own can be sent to, not subscribed to.",
      );
    case 'exchange':
      return boundQueue(client, frame, destination, id);
  }
}

/**
 * A queue by its name. Where that is one of a virtual topic's consumers, as ActiveMQ has them by itself, it gets what is published to
 * the topic: each name one copy, shared by all who read it. The binding stays with the queue.
 */
function namedQueue(client: ConnectedClient, frame: Frame, name: string): SubscriptionSource {
  const { session } = client;
  const key = virtualFilterOf(name);
  const existed = key === undefined || session.queueExists(name);
  client.queues.declare(name, frame);
  if (key === undefined) return { queue: name, isOwn: false };
  if (session.bindings(name).some((binding) => isBinding(binding, TOPIC_EXCHANGE, key)))
    return { queue: name, isOwn: false };
  return { queue: name, isOwn: false, made: bindNew(session, name, existed, TOPIC_EXCHANGE, key, {}) };
}

function wantsNoLocal(frame: Frame): boolean {
  return (flag(frame, 'no-local') ?? flag(frame, 'activemq.noLocal')) === true;
}

/** A queue's message that its sender does not want would have to wait for somebody else. */
function refuseNoLocal(frame: Frame): void {
  if (!wantsNoLocal(frame)) return;
  throw new FrameError('Invalid header', "'no-local' is for subscriptions to topics and exchanges, not to queues.");
}

/**
 * A queue bound to an exchange with the destination's key: one that the client names (`x-queue-name`), a durable
 * subscription's, or one that is this subscription's own and goes with the session unless headers say otherwise.
 */
function boundQueue(
  client: ConnectedClient,
  frame: Frame,
  destination: Destination & { kind: 'exchange' },
  id: string | undefined,
): SubscriptionSource {
  const { session } = client;
  const { exchange } = destination;
  const key = filterOf(client, destination);
  session.checkExchange(exchange);
  const durable = durableName(client, frame, exchange, destination.key, id);
  // `durable` speaks of the subscription here: without it the queue need not outlive the broker.
  const isDurable = durable !== undefined;
  const noLocal = wantsNoLocal(frame);
  if (noLocal) client.origin = client.sessionName;
  const retroactive =
    flag(frame, 'activemq.retroactive') === true && exchange === TOPIC_EXCHANGE ? { retroactive: key } : {};
  const shared = frame.header('x-queue-name') || undefined;
  if (shared !== undefined) {
    const options = queueOptions(frame, { durable: isDurable, exclusive: false, autoDelete: !isDurable });
    return sharedQueue(client, frame, shared, exchange, key, { ...options, durable: isDurable }, noLocal);
  }
  const options = queueOptions(frame, { durable: isDurable, exclusive: !isDurable, autoDelete: !isDurable });
  if (durable !== undefined) {
    const made = openDurable(client, frame, durable, { exchange, key, noLocal, options });
    const { isOwn, through } = made;
    return { queue: durable, isOwn, durable, made, ...(through !== undefined && { through }), ...retroactive };
  }
  const origin = noLocal ? { origin: client.sessionName } : {};
  const { name } = session.declareQueue('', { ...options, durable: false, forSubscription: true, ...origin });
  const made = bindNew(session, name, false, exchange, key, { notOwn: noLocal });
  return { queue: name, isOwn: true, made, ...retroactive };
}

/**
 * A queue that the client calls by its name, as with RabbitMQ: others may have made it, bind to it and read it, so that a
 * binding is added where there is none, and none is ever taken away.
 */
function sharedQueue(
  client: ConnectedClient,
  frame: Frame,
  name: string,
  exchange: string,
  key: string,
  options: QueueOptions,
  noLocal: boolean,
): SubscriptionSource {
  const { session } = client;
  const existed = session.queueExists(name);
  if (noLocal && existed) throw notItsOwn(name);
  if (existed && !speaksOfQueue(frame)) session.checkQueue(name);
  else session.declareQueue(name, { ...options, ...(noLocal ? { origin: client.sessionName } : {}) });
  if (existed && session.bindings(name).some((binding) => isBinding(binding, exchange, key))) {
    return { queue: name, isOwn: false };
  }
  const made = bindNew(session, name, existed, exchange, key, { notOwn: noLocal });
  return { queue: name, isOwn: false, made };
}

/** The destination's key as a filter: ActiveMQ's `>` for any number of levels, where an operator wants it understood. */
export function filterOf(client: ConnectedClient, { exchange, key }: Destination & { kind: 'exchange' }): string {
  const understood = client.adapter.options.wildcards === 'activemq' || client.session.compat === 'activemq';
  return topicFilter(exchange, key, understood);
}
