/**
 * SEND to `/delivery/renew`: deliveries may be held for as long again. It is a SEND because client libraries have no other frame that a
 * user could give a name.
 *
 *     id (1.2), message-id       one delivery, by what its MESSAGE has in `ack` or `message-id`
 *     subscription               all that this subscription holds
 *     neither                    all that the connection holds
 *
 * The RECEIPT has `expired:true` if something of that is not held any more. A body means nothing.
 */
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { ID, MESSAGE_ID, SUBSCRIPTION } from '../codec/names.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { findDelivery } from './settle.ts';
import { subscriptionKey } from './subscriptions.ts';

/** @throws FrameError for a token or a subscription that never was */
export function renew(client: ConnectedClient, frame: Frame): void {
  client.receipts.answerSettled(frame, !renewed(client, frame));
}

function renewed(client: ConnectedClient, frame: Frame): boolean {
  if (frame.has(ID) || frame.has(MESSAGE_ID)) return renewOne(client, frame);
  const { subscriptions } = client;
  const id = frame.has(SUBSCRIPTION) ? frame.text(SUBSCRIPTION)! : undefined;
  if (id !== undefined) {
    const subscription = subscriptions.find(subscriptionKey(id, ''));
    if (subscription === undefined) {
      throw new FrameError('No subscription found', `There is no subscription '${id}' on this connection.`);
    }
    return subscription.consumer.renewAll();
  }
  let held = true;
  for (const { consumer } of subscriptions.all()) held = consumer.renewAll() && held;
  return held;
}

function renewOne(client: ConnectedClient, frame: Frame): boolean {
  const subscription = findDelivery(client, frame);
  if (subscription === undefined) return false;
  const { index, number } = client.adapter.token;
  const { unsettled, consumer } = subscription;
  if (!unsettled.has(index, number) || unsettled.isTakenBack(index)) return false;
  return consumer.renew(unsettled.slot(index));
}
