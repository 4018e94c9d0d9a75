/**
 * SEND to `/delivery/…`: words about deliveries. They are SENDs because client libraries have no other frame that a user could give a name.
 *
 *     /delivery/renew            deliveries may be held for as long again
 *       id (1.2), message-id       one, by what its MESSAGE has in `ack` or `message-id`
 *       subscription               all that this subscription holds
 *       neither                    all that the connection holds
 *     /delivery/claim            parked messages come to a subscription, ahead of all others
 *       subscription               which one
 *       x-deferral-tokens          what they are parked under, parted by commas
 *
 * The RECEIPT has `expired:true` if something of that is not held any more, or nothing is parked so. A body means nothing. What parks a
 * message is NACK (`settle.ts`).
 */
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { DESTINATION, ID, MESSAGE_ID, SUBSCRIPTION } from '../codec/names.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { CLAIM_DESTINATION } from '../mapping/destinations.ts';
import { deferralTokens, TOKENS_HEADER } from './deferral-headers.ts';
import { findDelivery } from './settle.ts';
import type { SubscriptionConsumer } from './subscription-consumer.ts';
import { subscriptionKey } from './subscriptions.ts';

/** @throws FrameError for a token or a subscription that never was, or headers that say nothing */
export function carryOut(client: ConnectedClient, frame: Frame): void {
  const done = frame.text(DESTINATION) === CLAIM_DESTINATION ? claimed(client, frame) : renewed(client, frame);
  client.receipts.answerSettled(frame, !done);
}

function claimed(client: ConnectedClient, frame: Frame): boolean {
  const tokens = deferralTokens(frame);
  if (tokens === undefined) throw new FrameError('Missing header', `A SEND there must have '${TOKENS_HEADER}'.`);
  return subscriptionOf(client, frame.text(SUBSCRIPTION) ?? '').consumer.claim(tokens) > 0;
}

function subscriptionOf({ subscriptions }: ConnectedClient, id: string): SubscriptionConsumer {
  const subscription = subscriptions.find(subscriptionKey(id, ''));
  if (subscription !== undefined) return subscription;
  throw new FrameError('No subscription found', `There is no subscription '${id}' on this connection.`);
}

function renewed(client: ConnectedClient, frame: Frame): boolean {
  if (frame.has(ID) || frame.has(MESSAGE_ID)) return renewOne(client, frame);
  const { subscriptions } = client;
  if (frame.has(SUBSCRIPTION)) return subscriptionOf(client, frame.text(SUBSCRIPTION)!).consumer.renewAll();
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
