/** UNSUBSCRIBE: the end of a subscription, and of what a durable one left in the broker, where the client says so. */
import { RELEASED } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { DESTINATION, ID } from '../codec/names.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { forgetDurable, namedDurable, wantsDurable } from '../topology/durable-subscriptions.ts';
import type { SubscriptionConsumer } from './subscription-consumer.ts';
import { subscriptionKey } from './subscriptions.ts';

/** @throws FrameError where there is no such subscription; BrokerError where a durable one is in use by others */
export function unsubscribe(client: ConnectedClient, frame: Frame): void {
  const id = frame.text(ID);
  const destination = frame.text(DESTINATION);
  if (id === undefined && destination === undefined) {
    throw new FrameError(
      'Missing destination or id',
      "UNSUBSCRIBE must have an 'id' header (in 1.0, an 'id' or a 'destination').",
    );
  }
  const key = subscriptionKey(id, destination ?? '');
  if (client.subscriptions.endWatching(key)) {
    client.receipts.answerWhenAllSafe(frame);
    return;
  }
  const named = namedDurable(client, frame);
  const givesUp = named !== undefined || wantsDurable(frame);
  const subscription = client.subscriptions.find(key);
  if (subscription !== undefined) {
    for (const member of subscription.group.members) end(client, member);
  } else if (named === undefined) {
    throw new FrameError(
      'No subscription found',
      `There is no subscription '${id ?? destination}' on this connection.`,
    );
  }
  // Whoever reads another queue with a stray header has given up no durable subscription.
  const durable = subscription === undefined ? named : subscription.durable;
  if (givesUp && durable !== undefined && (named === undefined || named === durable)) {
    client.session.ofBegun(() => forgetDurable(client.session, durable, subscription === undefined));
  }
  client.receipts.answerWhenAllSafe(frame);
}

/** What is unsettled goes back to its place; only what an open transaction is to settle is left to that. */
function end(client: ConnectedClient, subscription: SubscriptionConsumer): void {
  const { unsettled, consumer } = subscription;
  client.subscriptions.remove(subscription);
  client.temporaryQueues.unsubscribed(subscription);
  let isEnlisted = false;
  for (let index = unsettled.first; index >= 0; index = unsettled.next(index))
    isEnlisted ||= unsettled.isEnlisted(index);
  if (!isEnlisted) {
    consumer.cancel(RELEASED);
    return;
  }
  consumer.cancel();
  for (let index = unsettled.first; index >= 0; ) {
    const next = unsettled.next(index);
    if (!unsettled.isEnlisted(index)) {
      const slot = unsettled.slot(index);
      const takenBack = unsettled.isTakenBack(index);
      unsettled.remove(index);
      if (!takenBack) consumer.settle(slot, RELEASED);
    }
    index = next;
  }
}
