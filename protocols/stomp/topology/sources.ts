/** Where a subscription reads: the queue that a destination names, or one that is made for it and bound to an exchange. */
import { type QueueOptions, RELEASED } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { flag } from '../codec/values.ts';
import type { Connection } from '../connection/connection.ts';
import { type Destination, TEMPORARY_PREFIX, TOPIC_EXCHANGE } from '../mapping/destinations.ts';
import { queueOptions, speaksOfQueue } from './declared-queues.ts';
import { bindNew, durableName, isBinding, notItsOwn, type Opened, openDurable } from './durable-subscriptions.ts';
import { temporaryQueue } from './temporary.ts';

/** Where a subscription reads. */
export interface Source {
  readonly queue: string;
  /** The queue is this subscription's alone: what it does not select waits for nobody. */
  readonly isOwn: boolean;
  /** The durable subscription's name, if it is one. */
  readonly durable?: string;
  /** What was made for it. */
  readonly opened?: Opened;
}

/** The queue that is read for this destination, made if it has to be. */
export function sourceOf(
  connection: Connection,
  frame: Frame,
  destination: Destination,
  id: string | undefined,
): Source {
  switch (destination.kind) {
    case 'queue':
      refuseNoLocal(frame);
      connection.admitted.queues.declare(destination.name, frame);
      return { queue: destination.name, isOwn: false };
    case 'existing-queue':
      refuseNoLocal(frame);
      return { queue: destination.name, isOwn: false };
    case 'temporary-queue':
      refuseNoLocal(frame);
      return { queue: takeTemporary(connection, destination.name), isOwn: false };
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
  throw new FrameError('Invalid header', "'no-local' is for subscriptions to topics and exchanges, not to queues.");
}

/** The client reads the queue itself from now on; if it was subscribed to it for a `reply-to`, that ends. */
function takeTemporary(connection: Connection, name: string): string {
  const { admitted } = connection;
  const temporary = temporaryQueue(connection, name);
  const before = temporary.subscription;
  if (before !== null) {
    if (!before.id?.startsWith(TEMPORARY_PREFIX)) {
      throw new FrameError(
        'Duplicated subscription identifier',
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
 * A queue bound to an exchange with the destination's key: one that the client names (`x-queue-name`), a durable
 * subscription's, or one that is this subscription's own and goes with the session unless headers say otherwise.
 */
function boundQueue(
  connection: Connection,
  frame: Frame,
  destination: Destination & { kind: 'exchange' },
  id: string | undefined,
): Source {
  const { session } = connection;
  const { exchange } = destination;
  const key = filterOf(connection, destination);
  session.checkExchange(exchange);
  const durable = durableName(connection, frame, exchange, destination.key, id);
  // `durable` speaks of the subscription here: without it the queue need not outlive the broker.
  const isDurable = durable !== undefined;
  const noLocal = wantsNoLocal(frame);
  if (noLocal) connection.admitted.origin = connection.sessionName;
  const shared = frame.header('x-queue-name') || undefined;
  if (shared !== undefined) {
    const options = queueOptions(frame, { durable: isDurable, exclusive: false, autoDelete: !isDurable });
    return sharedQueue(connection, frame, shared, exchange, key, { ...options, durable: isDurable }, noLocal);
  }
  const options = queueOptions(frame, { durable: isDurable, exclusive: !isDurable, autoDelete: !isDurable });
  if (durable !== undefined) {
    const opened = openDurable(connection, frame, durable, { exchange, key, noLocal, options });
    return { queue: durable, isOwn: opened.isOwn, durable, opened };
  }
  const origin = noLocal ? { origin: connection.sessionName } : {};
  const { name } = session.declareQueue('', { ...options, durable: false, ...origin });
  return { queue: name, isOwn: true, opened: bindNew(session, name, false, exchange, key, { notOwn: noLocal }) };
}

/**
 * A queue that the client calls by its name, as with RabbitMQ: others may have made it, bind to it and read it, so that a
 * binding is added where there is none, and none is ever taken away.
 */
function sharedQueue(
  connection: Connection,
  frame: Frame,
  name: string,
  exchange: string,
  key: string,
  options: QueueOptions,
  noLocal: boolean,
): Source {
  const { session } = connection;
  const existed = session.queueExists(name);
  if (noLocal && existed) throw notItsOwn(name);
  if (existed && !speaksOfQueue(frame)) session.checkQueue(name);
  else session.declareQueue(name, { ...options, ...(noLocal ? { origin: connection.sessionName } : {}) });
  if (existed && session.bindings(name).some((binding) => isBinding(binding, exchange, key))) {
    return { queue: name, isOwn: false };
  }
  const opened = bindNew(session, name, existed, exchange, key, { notOwn: noLocal });
  return { queue: name, isOwn: false, opened };
}

/** The destination's key as a filter: ActiveMQ's `>` for any number of levels, where an operator wants it understood. */
function filterOf(connection: Connection, { exchange, key }: Destination & { kind: 'exchange' }): string {
  if (connection.adapter.options.wildcards !== 'activemq' || exchange !== TOPIC_EXCHANGE) return key;
  if (key === '>') return '#';
  return key.endsWith('.>') ? `${key.slice(0, -1)}#` : key;
}
