/** Temporary queues: the session's own, named in a `reply-to` or subscribed to. */
import { FrameError } from '../codec/errors.ts';
import type { Connection } from '../connection/connection.ts';
import { addSubscription } from '../deliver/subscribe.ts';
import { AUTO } from '../deliver/subscription-consumer.ts';
import { formatDestination, parseDestination } from '../mapping/destinations.ts';
import type { Temporary } from './temporary-queues.ts';

/**
 * The `reply-to` that consumers see in the place of `/temp-queue/…`. The queue is made, and the client subscribed to it,
 * when it is first named; the subscription's id is what the client wrote.
 */
export function replyQueueFor(connection: Connection, replyTo: string): string {
  const destination = parseDestination(replyTo);
  if (destination.kind !== 'temporary-queue')
    throw new FrameError('Invalid destination', `'${replyTo}' is not a temporary queue.`);
  const temporary = temporaryQueue(connection, destination.name);
  if (temporary.subscription === null) {
    temporary.subscription = addSubscription(connection, {
      id: replyTo,
      key: `i${replyTo}`,
      mode: AUTO,
      queue: temporary.queue,
      prefetch: 0,
      exclusive: false,
      priority: 0,
      selector: null,
      isOwn: true,
      arguments: [],
    });
  }
  return `/reply-queue/${formatDestination('', temporary.queue, 0).slice('/queue/'.length)}`;
}

/** Makes it when it is first asked for, and again if an operator has deleted it. */
export function temporaryQueue(connection: Connection, name: string): Temporary {
  const { admitted, session, adapter } = connection;
  const known = admitted.temporaries.get(name);
  if (known !== undefined && session.queueExists(known.queue)) return known;
  const { subscriptionsMax } = adapter.options;
  if (known === undefined && admitted.temporaries.size >= subscriptionsMax) {
    throw new FrameError('Too many queues', `A connection may have at most ${subscriptionsMax} temporary queues.`);
  }
  const { name: queue } = session.declareQueue('', {
    durable: false,
    exclusive: true,
    autoDelete: false,
    arguments: [],
  });
  return admitted.temporaries.add(name, queue);
}
