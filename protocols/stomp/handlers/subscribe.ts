/** SUBSCRIBE: which queue a destination is read from, and how. */

import { RELEASED } from '../../../src/api.ts';
import { DOT } from '../../../src/message/message.ts';
import type { Headers } from '../../../src/message/properties.ts';
import { SelectorError } from '../../../src/routing/selector/errors.ts';
import { CONVERT_STRINGS, compileSelector, type Selector } from '../../../src/routing/selector/selector.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { ACK_ID, DESTINATION, ID } from '../codec/names.ts';
import { V1_0 } from '../codec/version.ts';
import type { Connection } from '../connection.ts';
import { type Destination, parseDestination, TEMPORARY_PREFIX, TOPIC_EXCHANGE } from '../destinations.ts';
import { durableQueueName, flag, namedDurableQueueName, queueOptions } from '../queues.ts';
import { type AckMode, AUTO, CLIENT, CLIENT_INDIVIDUAL, Subscription } from '../subscription.ts';
import { TopicFilter } from '../topic-filter.ts';
import { temporaryQueue } from './temporary.ts';

/** A subscription to be made. */
export interface SubscriptionWish {
  readonly id: string | undefined;
  readonly key: string;
  readonly mode: AckMode;
  readonly queue: string;
  readonly prefetch: number;
  readonly exclusive: boolean;
  /** Consumers with a higher one are served first. */
  readonly priority: number;
  readonly selector: Selector | null;
  /** The queue is this subscription's own: what is not selected waits for nobody. */
  readonly ownQueue: boolean;
  readonly arguments: Headers;
}

export function subscribe(connection: Connection, frame: Frame): void {
  const { admitted } = connection;
  const text = frame.text(DESTINATION);
  if (text === undefined) throw new FrameError('missing header', "SUBSCRIBE must have a 'destination' header.");
  const destination = parseDestination(text);
  const id = frame.text(ID);
  // [STOMP 1.1, SUBSCRIBE] the id is required; in 1.0 the destination can stand for it
  if (id === undefined && connection.version !== V1_0) {
    throw new FrameError('missing header', "SUBSCRIBE must have an 'id' header.");
  }
  if (id?.startsWith(TEMPORARY_PREFIX)) {
    throw new FrameError('invalid header', `The 'id' of a subscription may not begin with ${TEMPORARY_PREFIX}.`);
  }
  const key = subscriptionKey(id, text);
  if (admitted.subscriptionsByKey.has(key)) {
    throw new FrameError('subscription exists', `There is a subscription '${id ?? text}' on this connection already.`);
  }
  refuseBrowser(frame);
  const mode = ackMode(frame.text(ACK_ID));
  const prefetch = prefetchOf(connection, frame);
  checkRoom(connection);
  const priority = priorityOf(frame);
  const selector = selectorOf(frame);
  const queue = sourceQueue(connection, frame, destination, id);
  const subscription = addSubscription(connection, {
    id,
    key,
    mode,
    queue,
    prefetch,
    exclusive: false,
    priority,
    selector,
    ownQueue: destination.kind === 'exchange' && frame.header('x-queue-name') === undefined,
    arguments: priority === 0 ? [] : [{ name: 'x-priority', value: { type: 'int32', value: priority } }],
  }); // prettier-ignore
  if (destination.kind === 'temporary-queue') temporaryQueue(connection, destination.name).subscription = subscription;
  connection.answers.whenAllSafe(frame);
}

/** What a subscription is found under: its id, or in 1.0 its destination. */
export function subscriptionKey(id: string | undefined, destination: string): string {
  return id === undefined ? `d${destination}` : `i${id}`;
}

export function addSubscription(connection: Connection, wish: SubscriptionWish): Subscription {
  checkRoom(connection);
  const { admitted, session, adapter } = connection;
  const number = admitted.nextSubscription++;
  const { selector, ownQueue } = wish;
  const filter =
    selector !== null && ownQueue
      ? new TopicFilter(selector, session, connection.outlet, adapter.broker.turn, adapter.stats)
      : null;
  const subscription = new Subscription(connection, number, wish.id, wish.key, wish.mode, wish.queue, filter);
  subscription.consumer = session.consume(
    wish.queue,
    {
      tag: `${connection.sessionName}.${number}`,
      settled: wish.mode === AUTO,
      exclusive: wish.exclusive,
      prefetch: wish.prefetch,
      priority: wish.priority,
      ...(selector !== null && filter === null ? { selector: selector.text } : {}),
      arguments: wish.arguments,
    },
    subscription,
    filter ?? connection.outlet,
  );
  admitted.subscriptions.set(number, subscription);
  admitted.subscriptionsByKey.set(wish.key, subscription);
  return subscription;
}

/** Ignoring it would take messages from the queue that were only to be looked at. */
function refuseBrowser(frame: Frame): void {
  if (flag(frame, 'browser') !== true) return;
  throw new FrameError('not implemented', "'browser' is not built; the subscription would take the messages it shows.");
}

function checkRoom(connection: Connection): void {
  const { subscriptionsMax } = connection.adapter.options;
  if (connection.admitted.subscriptions.size < subscriptionsMax) return;
  throw new FrameError('too many subscriptions', `A connection may have at most ${subscriptionsMax} subscriptions.`);
}

function ackMode(text: string | undefined): AckMode {
  switch (text) {
    case undefined:
    case 'auto':
      return AUTO;
    case 'client':
      return CLIENT;
    case 'client-individual':
      return CLIENT_INDIVIDUAL;
    default:
      throw new FrameError('invalid header', `'ack' must be auto, client or client-individual, not '${text}'.`);
  }
}

function prefetchOf(connection: Connection, frame: Frame): number {
  const text = frame.header('prefetch-count') ?? frame.header('activemq.prefetchSize');
  if (text === undefined) return connection.adapter.options.prefetchDefault;
  if (!/^ *\d{1,9} *$/.test(text))
    throw new FrameError('invalid header', `'prefetch-count' must be a number, not '${text}'.`);
  return Number(text);
}

/** Headers are text, so that they are compared as what they read as; ActiveMQ does so for STOMP's clients, too. */
function selectorOf(frame: Frame): Selector | null {
  const text = frame.header('selector');
  if (text === undefined || text.trim() === '') return null;
  try {
    return compileSelector(text.startsWith(CONVERT_STRINGS) ? text : `${CONVERT_STRINGS}${text}`);
  } catch (error) {
    if (error instanceof SelectorError) throw new FrameError('invalid selector', `${capitalized(error.message)}.`);
    throw error;
  }
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** RabbitMQ's and ActiveMQ's word for the same: who is served first. */
function priorityOf(frame: Frame): number {
  const text = frame.header('x-priority') ?? frame.header('activemq.priority') ?? '0';
  const priority = /^ *[+-]?\d{1,9} *$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isInteger(priority)) return priority;
  throw new FrameError('invalid header', `The priority of a subscription must be a whole number, not '${text}'.`);
}

/** The queue that is read for this destination, made if it has to be. */
function sourceQueue(connection: Connection, frame: Frame, destination: Destination, id: string | undefined): string {
  switch (destination.kind) {
    case 'queue':
      refuseNoLocal(frame);
      connection.admitted.queues.declareOnce(destination.name, frame);
      return destination.name;
    case 'existing-queue':
      refuseNoLocal(frame);
      return destination.name;
    case 'temporary-queue':
      refuseNoLocal(frame);
      return takeTemporary(connection, destination.name);
    case 'exchange':
      return boundQueue(connection, frame, destination, id);
  }
}

function wantsNoLocal(frame: Frame): boolean {
  return (flag(frame, 'no-local') ?? flag(frame, 'activemq.noLocal')) === true;
}

/** A queue's message that its sender does not want would have to wait for somebody else. */
function refuseNoLocal(frame: Frame): void {
  if (!wantsNoLocal(frame)) return;
  throw new FrameError('invalid header', "'no-local' is for subscriptions to topics and exchanges, not to queues.");
}

/** The client reads the queue itself from now on; if it was subscribed to it for a `reply-to`, that ends. */
function takeTemporary(connection: Connection, name: string): string {
  const { admitted } = connection;
  const temporary = temporaryQueue(connection, name);
  const before = temporary.subscription;
  if (before !== null) {
    if (!before.id?.startsWith(TEMPORARY_PREFIX)) {
      throw new FrameError(
        'subscription exists',
        `This connection is subscribed to '${TEMPORARY_PREFIX}${name}' already.`,
      );
    }
    before.consumer.cancel(RELEASED);
    admitted.subscriptions.delete(before.number);
    admitted.subscriptionsByKey.delete(before.key);
    temporary.subscription = null;
  }
  return temporary.queue;
}

/**
 * A queue for one subscription to an exchange, bound with the destination's key. A durable one has a name that can be
 * found again and stays; others are this session's own and go with it, unless headers say otherwise.
 */
function boundQueue(
  connection: Connection,
  frame: Frame,
  destination: Destination & { kind: 'exchange' },
  id: string | undefined,
): string {
  const { session } = connection;
  const { exchange } = destination;
  const key = filterOf(connection, destination);
  session.checkExchange(exchange);
  const durableName = durableSubscriptionName(connection, frame, destination, id);
  const isDurable = durableName !== undefined;
  const options = queueOptions(frame, { durable: isDurable, exclusive: !isDurable, autoDelete: !isDurable });
  const wanted = frame.header('x-queue-name') ?? durableName ?? '';
  // `durable` speaks of the subscription here: without it the queue need not outlive the broker.
  const noLocal = wantsNoLocal(frame);
  if (noLocal) connection.admitted.origin = connection.sessionName;
  const { name } = session.declareQueue(wanted, {
    ...options,
    durable: isDurable,
    ...(noLocal ? { origin: connection.sessionName } : {}),
  });
  if (isDurable) {
    // As with JMS: a durable subscription that comes back with another topic gives up the old one.
    for (const old of session.bindings(name)) {
      if (old.exchange !== exchange || old.key !== key) session.unbindQueue(name, old.exchange, old.key, old.options);
    }
  }
  session.bindQueue(name, exchange, key, { spelling: DOT, arguments: [], notOwn: noLocal });
  return name;
}

/** The destination's key as a filter: ActiveMQ's `>` for any number of levels, where an operator wants it understood. */
function filterOf(connection: Connection, { exchange, key }: Destination & { kind: 'exchange' }): string {
  if (connection.adapter.options.wildcards !== 'activemq' || exchange !== TOPIC_EXCHANGE) return key;
  if (key === '>') return '#';
  return key.endsWith('.>') ? `${key.slice(0, -1)}#` : key;
}

/** Undefined if the subscription is not meant to be durable. */
export function durableSubscriptionName(
  connection: Connection,
  frame: Frame,
  destination: Destination & { kind: 'exchange' },
  id: string | undefined,
): string | undefined {
  const named = namedDurableSubscription(connection, frame);
  if (named !== undefined) return named;
  if (!(flag(frame, 'durable') || flag(frame, 'persistent'))) return undefined;
  if (id === undefined) throw new FrameError('missing header', "A durable subscription must have an 'id' header.");
  return durableQueueName(destination.exchange, destination.key, id);
}

/** The queue of a durable subscription that has a name of its own, as with ActiveMQ; undefined if the frame names none. */
export function namedDurableSubscription(connection: Connection, frame: Frame): string | undefined {
  const name =
    frame.header('durable-subscriber-name') ??
    frame.header('durable-subscription-name') ??
    frame.header('activemq.subscriptionName') ??
    frame.header('activemq.subcriptionName'); // as ActiveMQ's own documentation long spelled it
  if (name === undefined) return undefined;
  const clientId = frame.header('client-id') ?? connection.admitted.clientId;
  if (!clientId)
    throw new FrameError('missing header', "A durable subscription by name needs a 'client-id' on CONNECT.");
  return namedDurableQueueName(clientId, name);
}
