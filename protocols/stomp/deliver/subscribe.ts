/** SUBSCRIBE: what its headers ask for, and the subscription that is made of it. Where it reads is in `sources.ts`. */
import {
  CONVERT_STRINGS,
  compileSelector,
  type Headers,
  type Selector,
  SelectorError,
} from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { ACK_ID, DESTINATION, ID, RECEIPT } from '../codec/names.ts';
import { flag, wholeNumber } from '../codec/values.ts';
import { V1_0 } from '../codec/version.ts';
import type { Connection } from '../connection/connection.ts';
import { parseDestination, TEMPORARY_PREFIX } from '../mapping/destinations.ts';
import { sourceOf } from '../topology/sources.ts';
import { temporaryQueue } from '../topology/temporary.ts';
import { TopicFilter } from './selector-filter.ts';
import { type AckMode, AUTO, CLIENT, CLIENT_INDIVIDUAL, Subscription } from './subscription-consumer.ts';

const NUMBER_MAX = 999_999_999;

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
  /** The queue is this subscription's alone: what is not selected waits for nobody. */
  readonly isOwn: boolean;
  /** The durable subscription's name, if it is one. */
  readonly durable?: string;
  readonly arguments: Headers;
}

export function subscribe(connection: Connection, frame: Frame): void {
  const { admitted } = connection;
  const text = frame.text(DESTINATION);
  if (text === undefined) throw new FrameError('Missing destination', "SUBSCRIBE must have a 'destination' header.");
  const destination = parseDestination(text);
  const id = frame.text(ID);
  // [STOMP 1.1, SUBSCRIBE] the id is required; in 1.0 the destination can stand for it
  if (id === undefined && connection.version !== V1_0) {
    throw new FrameError('Missing Header', "SUBSCRIBE must have an 'id' header.");
  }
  if (id?.startsWith(TEMPORARY_PREFIX)) {
    throw new FrameError('Invalid id', `The 'id' of a subscription may not begin with ${TEMPORARY_PREFIX}.`);
  }
  const key = subscriptionKey(id, text);
  if (admitted.subscriptionsByKey.has(key)) {
    throw new FrameError(
      'Duplicated subscription identifier',
      `There is a subscription '${id ?? text}' on this connection already.`,
    );
  }
  refuseBrowser(frame);
  const mode = ackMode(frame.text(ACK_ID));
  const prefetch = prefetchOf(connection, frame);
  checkRoom(connection);
  const priority = priorityOf(frame);
  const selector = selectorOf(frame);
  const { opened, ...source } = sourceOf(connection, frame, destination, id);
  let subscription: Subscription;
  try {
    subscription = addSubscription(connection, {
      id,
      key,
      mode,
      ...source,
      prefetch,
      exclusive: false,
      priority,
      selector,
      arguments: priority === 0 ? [] : [{ name: 'x-priority', value: { type: 'int32', value: priority } }],
    }); // prettier-ignore
  } catch (error) {
    opened?.undo();
    throw error;
  }
  opened?.adopt?.();
  if (destination.kind === 'temporary-queue') temporaryQueue(connection, destination.name).subscription = subscription;
  if (!frame.has(RECEIPT)) return;
  subscription.unanswered = true;
  connection.answers.subscribed(frame, subscription.number);
}

/** What a subscription is found under: its id, or in 1.0 its destination. */
export function subscriptionKey(id: string | undefined, destination: string): string {
  return id === undefined ? `d${destination}` : `i${id}`;
}

export function addSubscription(connection: Connection, wish: SubscriptionWish): Subscription {
  checkRoom(connection);
  const { admitted, session, adapter } = connection;
  const number = admitted.nextSubscription++;
  const { selector, isOwn } = wish;
  const filter =
    selector !== null && isOwn ? new TopicFilter(selector, session, adapter.broker.turn, adapter.stats) : null;
  const subscription = new Subscription(
    connection,
    number,
    wish.id,
    wish.key,
    wish.mode,
    wish.queue,
    wish.durable,
    filter,
  );
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
    subscription,
  );
  admitted.subscriptions.set(number, subscription);
  admitted.subscriptionsByKey.set(wish.key, subscription);
  return subscription;
}

/** Ignoring it would take messages from the queue that were only to be looked at. */
function refuseBrowser(frame: Frame): void {
  if (flag(frame, 'browser') !== true) return;
  throw new FrameError('Not implemented', "'browser' is not built; the subscription would take the messages it shows.");
}

function checkRoom(connection: Connection): void {
  const { subscriptionsMax } = connection.adapter.options;
  if (connection.admitted.subscriptions.size < subscriptionsMax) return;
  throw new FrameError('Too many subscriptions', `A connection may have at most ${subscriptionsMax} subscriptions.`);
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
      throw new FrameError('Invalid header', `'ack' must be auto, client or client-individual, not '${text}'.`);
  }
}

function prefetchOf(connection: Connection, frame: Frame): number {
  const text = frame.header('prefetch-count') ?? frame.header('activemq.prefetchSize');
  if (text === undefined) return connection.adapter.options.prefetchDefault;
  return wholeNumber('prefetch-count', text, 0, NUMBER_MAX);
}

/** Headers are text, so that they are compared as what they read as; ActiveMQ does so for STOMP's clients, too. */
function selectorOf(frame: Frame): Selector | null {
  const text = frame.header('selector');
  if (text === undefined || text.trim() === '') return null;
  try {
    return compileSelector(text.startsWith(CONVERT_STRINGS) ? text : `${CONVERT_STRINGS}${text}`);
  } catch (error) {
    if (error instanceof SelectorError) throw new FrameError('Invalid selector', `${capitalized(error.message)}.`);
    throw error;
  }
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** RabbitMQ's and ActiveMQ's word for the same: who is served first. */
function priorityOf(frame: Frame): number {
  const text = frame.header('x-priority') ?? frame.header('activemq.priority') ?? '0';
  return wholeNumber('x-priority', text, -NUMBER_MAX, NUMBER_MAX);
}
