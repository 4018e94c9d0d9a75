/** UNSUBSCRIBE: the end of a subscription, and of what a durable one left in the broker, where the client says so. */
import { RELEASED } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { DESTINATION, ID } from '../codec/names.ts';
import type { Connection } from '../connection/connection.ts';
import { forgetDurable, namedDurable, wantsDurable } from '../topology/durable-subscriptions.ts';
import { subscriptionKey } from './subscribe.ts';
import type { Subscription } from './subscription-consumer.ts';

export function unsubscribe(connection: Connection, frame: Frame): void {
  const { admitted, session } = connection;
  const id = frame.text(ID);
  const destination = frame.text(DESTINATION);
  if (id === undefined && destination === undefined) {
    throw new FrameError(
      'Missing destination or id',
      "UNSUBSCRIBE must have an 'id' header (in 1.0, an 'id' or a 'destination').",
    );
  }
  const named = namedDurable(connection, frame);
  const givesUp = named !== undefined || wantsDurable(frame);
  const subscription = admitted.subscriptionsByKey.get(subscriptionKey(id, destination ?? ''));
  if (subscription !== undefined) {
    end(connection, subscription);
  } else if (named === undefined) {
    throw new FrameError(
      'No subscription found',
      `There is no subscription '${id ?? destination}' on this connection.`,
    );
  }
  // Whoever reads another queue with a stray header has given up no durable subscription.
  const durable = subscription === undefined ? named : subscription.durable;
  if (givesUp && durable !== undefined && (named === undefined || named === durable)) {
    forgetDurable(session, durable, subscription === undefined);
  }
  connection.answers.whenAllSafe(frame);
}

/** What it holds goes back to its place; only what an open transaction has promised to settle is left to that. */
function end(connection: Connection, subscription: Subscription): void {
  const { admitted } = connection;
  const { held, consumer } = subscription;
  admitted.subscriptions.delete(subscription.number);
  admitted.subscriptionsByKey.delete(subscription.key);
  admitted.temporaries.unsubscribed(subscription);
  let isPromised = false;
  for (let index = held.first; index >= 0; index = held.next(index)) isPromised ||= held.isPromised(index);
  if (!isPromised) {
    consumer.cancel(RELEASED);
    return;
  }
  consumer.cancel();
  for (let index = held.first; index >= 0; ) {
    const next = held.next(index);
    if (!held.isPromised(index)) {
      const slot = held.slot(index);
      held.remove(index);
      consumer.settle(slot, RELEASED);
    }
    index = next;
  }
}
