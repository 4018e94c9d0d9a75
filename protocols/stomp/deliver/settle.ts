/** ACK and NACK: the deliveries they mean, and their outcomes. */
import { ACCEPTED, MODIFIED, type Outcome, REJECTED } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { COMMAND_TEXT, ID, MESSAGE_ID, RECEIPT, REQUEUE, SUBSCRIPTION, TRANSACTION } from '../codec/names.ts';
import { isSet } from '../codec/values.ts';
import { V1_2 } from '../codec/version.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import type { OpenTransaction } from '../publish/transactions.ts';
import { type Deferral, deferralOf } from './deferral-headers.ts';
import { CLIENT, type SubscriptionConsumer } from './subscription-consumer.ts';

/** @throws FrameError for a token that names no delivery to be settled, or an unknown transaction */
export function ack(client: ConnectedClient, frame: Frame): void {
  settle(client, frame, ACCEPTED);
}

/** As a failed attempt, or with `requeue:false`, and with ActiveMQ's clients without it, as not acceptable ever. Throws as `ack`. */
export function nack(client: ConnectedClient, frame: Frame): void {
  // 1.0 has no NACK, but its clients send it where the broker knows it, as RabbitMQ does.
  const deferral = deferralOf(frame);
  if (deferral !== null) {
    defer(client, frame, deferral);
    return;
  }
  const again = frame.has(REQUEUE) ? isSet(frame, REQUEUE, 'requeue') : client.session.compat !== 'activemq';
  settle(client, frame, again ? MODIFIED : REJECTED);
}

function settle(client: ConnectedClient, frame: Frame, outcome: Outcome): void {
  const subscription = findDelivery(client, frame);
  let late = false;
  const open = frame.has(TRANSACTION) ? client.transactions.get(frame.text(TRANSACTION)!) : null;
  if (subscription === undefined) {
    stale(client, frame, 'its subscription has ended, and the message has gone back to its queue');
  } else if (subscription.mode === CLIENT) {
    late = settleUpTo(client, frame, subscription, open, outcome);
  } else {
    late = settleOne(client, frame, subscription, open, outcome);
  }
  client.receipts.answerSettled(frame, late);
}

/** With a time, and a token if it is to be asked for: it is parked, and that is no failed attempt. One delivery in every mode. */
function defer(client: ConnectedClient, frame: Frame, { token, ...at }: Deferral): void {
  if (frame.has(TRANSACTION))
    throw new FrameError('Not implemented', 'NACK that parks a message is no part of a transaction.');
  const subscription = findDelivery(client, frame);
  let late = subscription === undefined;
  if (subscription !== undefined) {
    const { index, number } = client.adapter.token;
    const { unsettled, consumer } = subscription;
    if (!unsettled.has(index, number)) throw over(client, frame, 'was settled before');
    if (unsettled.isEnlisted(index)) throw over(client, frame, 'is part of an open transaction');
    if (unsettled.isTakenBack(index)) late = answerTakenBack(client, subscription, index);
    else if (consumer.defer(unsettled.slot(index), token, at)) unsettled.remove(index);
    else throw new FrameError('Too many parked', 'The queue has as many messages parked under tokens as it may.');
  }
  client.receipts.answerSettled(frame, late);
}

/** What was taken back before is the client's to answer, and no more: nothing becomes of it, and a receipt says so. */
function answerTakenBack(client: ConnectedClient, { unsettled, consumer }: SubscriptionConsumer, index: number): true {
  unsettled.remove(index);
  consumer.answered(1);
  client.adapter.stats.staleSettlements++;
  return true;
}

/** Reads the frame's token into `adapter.token`. Undefined: it was good once, but the subscription is gone. */
export function findDelivery(client: ConnectedClient, frame: Frame): SubscriptionConsumer | undefined {
  const { adapter, version, subscriptions } = client;
  const { token } = adapter;
  // [STOMP 1.2, ACK] the `id` is the MESSAGE's `ack` header; before 1.2 it is the `message-id`
  const kind = version === V1_2 ? ID : MESSAGE_ID;
  const index = frame.indexOf(kind);
  if (index < 0) {
    const name = version === V1_2 ? 'id' : 'message-id';
    throw new FrameError('Missing header', `${COMMAND_TEXT[frame.command]} must have an '${name}' header.`);
  }
  if (!token.read(frame.buffer, frame.valueStart(index), frame.valueEnd(index), client.sessionBytes))
    throw unknown(frame, kind);
  const subscription = subscriptions.get(token.subscription);
  if (subscription === undefined) {
    if (!subscriptions.wasGiven(token.subscription)) throw unknown(frame, kind);
    return undefined;
  }
  if (token.number === 0 || token.number >= subscription.group.nextDelivery) throw unknown(frame, kind);
  if (version !== V1_2 && frame.has(SUBSCRIPTION) && frame.text(SUBSCRIPTION) !== subscription.id) {
    throw new FrameError('Invalid header', `'subscription' does not fit the 'message-id' '${frame.text(kind)}'.`);
  }
  return subscription;
}

function settleOne(
  client: ConnectedClient,
  frame: Frame,
  subscription: SubscriptionConsumer,
  open: OpenTransaction | null,
  outcome: Outcome,
): boolean {
  const { index, number } = client.adapter.token;
  const { unsettled, consumer } = subscription;
  if (!unsettled.has(index, number)) throw over(client, frame, 'was settled before');
  if (unsettled.isTakenBack(index)) return answerTakenBack(client, subscription, index);
  if (unsettled.isEnlisted(index)) throw over(client, frame, 'is part of an open transaction');
  if (open !== null) {
    open.settle(subscription, index, outcome);
  } else {
    const slot = unsettled.slot(index);
    unsettled.remove(index);
    consumer.settle(slot, outcome);
  }
  return false;
}

/** `ack:client`: the frame means this delivery and all before it that are still unsettled, of whichever destination. */
function settleUpTo(
  client: ConnectedClient,
  frame: Frame,
  subscription: SubscriptionConsumer,
  open: OpenTransaction | null,
  outcome: Outcome,
): boolean {
  const { number, index } = client.adapter.token;
  if (!subscription.unsettled.has(index, number)) {
    stale(client, frame, 'a later one was settled before, and this one with it');
    return false;
  }
  let late = false;
  for (const member of subscription.group.members) late = settleOlder(client, member, number, open, outcome) || late;
  return late;
}

/** Those up to this number. Returns whether any was taken back before. */
function settleOlder(
  client: ConnectedClient,
  subscription: SubscriptionConsumer,
  number: number,
  open: OpenTransaction | null,
  outcome: Outcome,
): boolean {
  const { unsettled, consumer } = subscription;
  let late = false;
  for (let at = unsettled.first; at >= 0 && unsettled.number(at) <= number; ) {
    const next = unsettled.next(at);
    if (unsettled.isTakenBack(at)) late = answerTakenBack(client, subscription, at);
    else if (!unsettled.isEnlisted(at)) {
      if (open !== null) {
        open.settle(subscription, at, outcome);
      } else {
        const slot = unsettled.slot(at);
        unsettled.remove(at);
        consumer.settle(slot, outcome);
      }
    }
    at = next;
  }
  return late;
}

/**
 * Too late for this delivery. A client that asks for no receipt loses nothing by it: it is counted. One that does must
 * not be told that its word was taken.
 */
function stale(client: ConnectedClient, frame: Frame, why: string): void {
  const isHarmless = subscriptionGoesOn(client) || !frame.has(RECEIPT);
  if (!isHarmless)
    throw new FrameError(
      'Subscription not found',
      `${COMMAND_TEXT[frame.command]} names a delivery that is over: ${why}.`,
    );
  client.adapter.stats.staleSettlements++;
}

/** A repeated cumulative ACK says nothing that was not true before. */
function subscriptionGoesOn(client: ConnectedClient): boolean {
  return client.subscriptions.get(client.adapter.token.subscription) !== undefined;
}

function unknown(frame: Frame, kind: number): FrameError {
  const why = 'is not a delivery that this connection has to settle';
  return new FrameError('Invalid header', `${COMMAND_TEXT[frame.command]}: '${frame.text(kind)}' ${why}.`);
}

/** A delivery that was one, with the title that a channel's unknown delivery tag has. */
function over(client: ConnectedClient, frame: Frame, why: string): FrameError {
  const name = frame.text(client.version === V1_2 ? ID : MESSAGE_ID);
  return new FrameError('precondition_failed', `${COMMAND_TEXT[frame.command]}: '${name}' ${why}.`);
}
