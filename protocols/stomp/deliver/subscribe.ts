/** SUBSCRIBE: the subscription that its headers ask for. The queue that it reads is found in `topology/subscription-source.ts`. */
import {
  CONVERT_STRINGS,
  compileSelector,
  LEASE_MAX_MS,
  LEASE_MIN_MS,
  type Selector,
  SelectorError,
} from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { ACK_ID, DESTINATION, ID, RECEIPT } from '../codec/names.ts';
import { flag, wholeNumber } from '../codec/values.ts';
import { V1_0 } from '../codec/version.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { parseDestination, TEMPORARY_PREFIX } from '../mapping/destinations.ts';
import { sourceOf } from '../topology/subscription-source.ts';
import { type AckMode, AUTO, CLIENT, CLIENT_INDIVIDUAL, type SubscriptionConsumer } from './subscription-consumer.ts';
import { subscriptionKey } from './subscriptions.ts';

const NUMBER_MAX = 999_999_999;

/** @throws FrameError for headers that cannot be obeyed; BrokerError where the queue or its binding is refused */
export function subscribe(client: ConnectedClient, frame: Frame): void {
  const { subscriptions } = client;
  const text = frame.text(DESTINATION);
  if (text === undefined) throw new FrameError('Missing destination', "SUBSCRIBE must have a 'destination' header.");
  const destination = parseDestination(text);
  const id = frame.text(ID);
  // [STOMP 1.1, SUBSCRIBE] the id is required; in 1.0 the destination can stand for it
  if (id === undefined && client.version !== V1_0) {
    throw new FrameError('Missing Header', "SUBSCRIBE must have an 'id' header.");
  }
  if (id?.startsWith(TEMPORARY_PREFIX)) {
    throw new FrameError('Invalid id', `The 'id' of a subscription may not begin with ${TEMPORARY_PREFIX}.`);
  }
  const key = subscriptionKey(id, text);
  if (subscriptions.find(key) !== undefined) {
    throw new FrameError(
      'Duplicated subscription identifier',
      `There is a subscription '${id ?? text}' on this connection already.`,
    );
  }
  refuseBrowser(frame);
  const mode = ackMode(frame.text(ACK_ID));
  const prefetch = prefetchOf(client, frame);
  subscriptions.checkRoom();
  const priority = priorityOf(frame);
  const selector = selectorOf(frame);
  const timeoutMs = millisecondsOf(frame, 'x-consumer-timeout', 0, Number.MAX_SAFE_INTEGER);
  const leaseMs = millisecondsOf(frame, 'x-lease', LEASE_MIN_MS, LEASE_MAX_MS);
  const { made, ...source } = sourceOf(client, frame, destination, id);
  let subscription: SubscriptionConsumer;
  try {
    subscription = subscriptions.add({ id, key, mode, ...source, prefetch, priority, selector, timeoutMs, leaseMs });
  } catch (error) {
    client.session.ofBegun(() => made?.undo());
    throw error;
  }
  client.session.ofBegun(() => made?.keep?.());
  if (destination.kind === 'temporary-queue') client.temporaryQueues.subscribed(destination.name, subscription);
  if (!frame.has(RECEIPT)) return;
  subscription.awaitsReceipt = true;
  client.receipts.answerSubscribe(frame, subscription.number);
}

/** Ignoring it would take messages from the queue that were only to be looked at. */
function refuseBrowser(frame: Frame): void {
  if (flag(frame, 'browser') !== true) return;
  throw new FrameError('Not implemented', "'browser' is not built; the subscription would take the messages it shows.");
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
