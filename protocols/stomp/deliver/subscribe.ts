/** SUBSCRIBE: the subscription that its headers ask for. The queue that it reads is found in `topology/subscription-source.ts`. */
import {
  CONVERT_STRINGS,
  compileSelector,
  DOT,
  LEASE_MAX_MS,
  LEASE_MIN_MS,
  RELEASED,
  type Selector,
  SelectorError,
  type Session,
} from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { ACK_ID, DESTINATION, ID, RECEIPT } from '../codec/names.ts';
import { flag, wholeNumber } from '../codec/values.ts';
import { V1_0 } from '../codec/version.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import {
  type Destination,
  historyOf,
  listedDestinations,
  parseDestination,
  TEMPORARY_PREFIX,
  TOPIC_EXCHANGE,
} from '../mapping/destinations.ts';
import { namedDurable, wantsDurable } from '../topology/durable-subscriptions.ts';
import { filterOf, sourceOf } from '../topology/subscription-source.ts';
import { advisoryFilter } from './advisories.ts';
import { deferralTokens } from './deferral-headers.ts';
import { type AckMode, AUTO, CLIENT, CLIENT_INDIVIDUAL, SubscriptionGroup } from './subscription-consumer.ts';
import { subscriptionKey } from './subscriptions.ts';

const NUMBER_MAX = 999_999_999;

/** @throws FrameError for headers that cannot be obeyed; BrokerError where the queue or its binding is refused */
export function subscribe(client: ConnectedClient, frame: Frame): void {
  const { subscriptions } = client;
  const text = frame.text(DESTINATION);
  if (text === undefined) throw new FrameError('Missing destination', "SUBSCRIBE must have a 'destination' header.");
  const listed = listedDestinations(text, client.session.compat === 'activemq');
  const destinations = listed.map((one) => parseDestination(one));
  const id = frame.text(ID);
  // [STOMP 1.1, SUBSCRIBE] the id is required; in 1.0 the destination can stand for it
  if (id === undefined && client.version !== V1_0) {
    throw new FrameError('Missing Header', "SUBSCRIBE must have an 'id' header.");
  }
  if (id?.startsWith(TEMPORARY_PREFIX)) {
    throw new FrameError('Invalid id', `The 'id' of a subscription may not begin with ${TEMPORARY_PREFIX}.`);
  }
  const key = subscriptionKey(id, text);
  if (subscriptions.isTaken(key)) {
    throw new FrameError(
      'Duplicated subscription identifier',
      `There is a subscription '${id ?? text}' on this connection already.`,
    );
  }
  subscriptions.checkRoom();
  const called = { id, key };
  const advised = advisoryOf(client, destinations);
  const number =
    advised !== undefined
      ? advise(client, frame, advised, called)
      : flag(frame, 'browser') === true
        ? browse(client, frame, destinations, { ...called, shownAs: text })
        : consume(client, frame, destinations, { ...called, listed });
  if (frame.has(RECEIPT)) client.receipts.answerSubscribe(frame, number);
}

/** What the client calls it. */
interface Called {
  readonly id: string | undefined;
  readonly key: string;
}

/** The filter of advisories that is asked for; undefined: something else is. */
function advisoryOf(client: ConnectedClient, destinations: readonly Destination[]): string | undefined {
  const [destination] = destinations;
  if (client.session.compat !== 'activemq' || destination?.kind !== 'exchange' || destinations.length > 1)
    return undefined;
  return advisoryFilter(destination.exchange, filterOf(client, destination));
}

/** Hears who and what comes and goes. Returns the subscription's number. */
function advise(client: ConnectedClient, frame: Frame, filter: string, { id, key }: Called): number {
  const advised = client.subscriptions.addAdvised(id, key, filter);
  advised.awaitsReceipt = frame.has(RECEIPT);
  return advised.number;
}

/** Takes what is in the queues that are listed, all or none of them. Returns the number of one of the subscriptions. */
function consume(
  client: ConnectedClient,
  frame: Frame,
  destinations: readonly Destination[],
  { id, key, listed }: Called & { readonly listed: readonly string[] },
): number {
  const { subscriptions, session } = client;
  const mode = ackMode(frame.text(ACK_ID));
  const prefetch = prefetchOf(client, frame);
  const priority = priorityOf(frame);
  const selector = selectorOf(frame);
  const timeoutMs = millisecondsOf(frame, 'x-consumer-timeout', 0, Number.MAX_SAFE_INTEGER);
  const claims = deferralTokens(frame);
  const leaseMs = millisecondsOf(frame, 'x-lease', LEASE_MIN_MS, LEASE_MAX_MS);
  const several = destinations.length > 1;
  if (several) refuseDurable(client, frame);
  const group = new SubscriptionGroup(several && prefetch > 0 ? session.sharedCredit(prefetch) : undefined);
  const kept: (() => void)[] = [];
  const undone: (() => void)[] = [];
  try {
    destinations.forEach((destination, i) => {
      const { made, retroactive, ...source } = sourceOf(client, frame, destination, id);
      if (made !== undefined) undone.push(() => made.undo());
      const temporary = destination.kind === 'temporary-queue' || destination.kind === 'temporary-topic';
      const shownAs = temporary ? { shownAs: listed[i]! } : {};
      const subscription = subscriptions.add({
        ...{ id, key, mode, ...source, prefetch, priority, selector, timeoutMs, leaseMs, claims, group },
        ...shownAs,
        ...topicOf(client, destination),
      });
      subscription.awaitsReceipt = frame.has(RECEIPT);
      if (destination.kind === 'temporary-queue') client.temporaryQueues.subscribed(destination.name, subscription);
      kept.push(() => made?.keep?.());
      if (retroactive !== undefined) kept.push(() => replay(session, subscription.queue, retroactive));
    });
  } catch (error) {
    for (const member of group.members) {
      subscriptions.remove(member);
      client.temporaryQueues.unsubscribed(member);
      member.consumer.cancel(RELEASED);
    }
    session.ofBegun(() => {
      for (const undo of undone.reverse()) undo();
    });
    throw error;
  }
  session.ofBegun(() => {
    for (const keep of kept) keep();
  });
  return group.members[0]!.number;
}

/** What advisories tell of it, where there are any. */
function topicOf(client: ConnectedClient, destination: Destination): { readonly topic?: string } {
  const isTopic = destination.kind === 'exchange' && destination.exchange === TOPIC_EXCHANGE;
  return isTopic && client.session.compat === 'activemq' ? { topic: filterOf(client, destination) } : {};
}

/**
 * As with ActiveMQ's `activemq.retroactive`: what came before comes first, and the client's next frame waits for it. That is what the queue of
 * the topic's history keeps; where there is none, or it may not be read, what is retained of the topics.
 */
function replay(session: Session, queue: string, filter: string): void {
  const history = historyOf(filter);
  if (session.queueExists(history) && session.mayRead(history)) session.replayHistory(queue, history);
  else session.replayRetained(queue, TOPIC_EXCHANGE, filter, { spelling: DOT, arguments: [] });
}

/** Looks at what is in a queue. Returns the subscription's number. */
function browse(
  client: ConnectedClient,
  frame: Frame,
  destinations: readonly Destination[],
  called: Called & { readonly shownAs: string },
): number {
  const [destination] = destinations;
  if (destinations.length > 1 || destination === undefined || !isQueue(destination)) {
    throw new FrameError('Invalid header', "'browser' is for one queue: there is nothing to look through in a topic.");
  }
  const selector = selectorOf(frame);
  const { queue } = sourceOf(client, frame, destination, called.id);
  const browser = client.subscriptions.addBrowser({ ...called, queue, selector: selector?.text });
  browser.awaitsReceipt = frame.has(RECEIPT);
  return browser.number;
}

function isQueue({ kind }: Destination): boolean {
  return kind === 'queue' || kind === 'existing-queue' || kind === 'temporary-queue';
}

/** Which of the destinations it should be kept for cannot be told by its name. */
function refuseDurable(client: ConnectedClient, frame: Frame): void {
  if (!wantsDurable(frame) && namedDurable(client, frame) === undefined && !frame.header('x-queue-name')) return;
  throw new FrameError('Invalid header', 'A subscription to several destinations has no name and is not kept.');
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

function prefetchOf(client: ConnectedClient, frame: Frame): number {
  const text = frame.header('prefetch-count') ?? frame.header('activemq.prefetchSize');
  if (text === undefined) return client.adapter.options.prefetchDefault;
  return wholeNumber('prefetch-count', text, 0, NUMBER_MAX);
}

function millisecondsOf(frame: Frame, name: string, min: number, max: number): number | undefined {
  const text = frame.header(name);
  return text === undefined ? undefined : wholeNumber(name, text, min, max);
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
