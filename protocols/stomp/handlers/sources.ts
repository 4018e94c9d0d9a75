/**
 * Where a subscription reads: the queue that a destination names, or one that is made for it and bound to an exchange, and
 * what durable subscriptions are called in both dialects.
 */
import { RELEASED } from '../../../src/api.ts';
import { DOT } from '../../../src/message/message.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import type { Connection } from '../connection.ts';
import { type Destination, TEMPORARY_PREFIX, TOPIC_EXCHANGE } from '../destinations.ts';
import { durableQueueName, flag, namedDurableQueueName, queueOptions } from '../queues.ts';
import { temporaryQueue } from './temporary.ts';

/** The queue that is read for this destination, made if it has to be. */
export function sourceQueue(
  connection: Connection,
  frame: Frame,
  destination: Destination,
  id: string | undefined,
): string {
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
function durableSubscriptionName(
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
