/** ACK and NACK: which deliveries they mean, and how those end. */
import { ACCEPTED, MODIFIED, type Outcome, REJECTED } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { COMMAND_TEXT, ID, MESSAGE_ID, RECEIPT, REQUEUE, SUBSCRIPTION, TRANSACTION } from '../codec/names.ts';
import { isSet } from '../codec/values.ts';
import { V1_2 } from '../codec/version.ts';
import type { Connection } from '../connection/connection.ts';
import type { OpenTransaction } from '../publish/transactions.ts';
import { CLIENT, type Subscription } from './subscription-consumer.ts';

export function ack(connection: Connection, frame: Frame): void {
  settle(connection, frame, ACCEPTED);
}

export function nack(connection: Connection, frame: Frame): void {
  // 1.0 has no NACK, but its clients send it where the broker knows it, as RabbitMQ does.
  settle(connection, frame, frame.has(REQUEUE) && !isSet(frame, REQUEUE, 'requeue') ? REJECTED : MODIFIED);
}

function settle(connection: Connection, frame: Frame, outcome: Outcome): void {
  const { admitted } = connection;
  const subscription = findSubscription(connection, frame);
  const open = frame.has(TRANSACTION) ? admitted.transactions.get(frame.text(TRANSACTION)!) : null;
  if (subscription === undefined) {
    stale(connection, frame, 'its subscription has ended, and the message has gone back to its queue');
  } else if (subscription.mode === CLIENT) {
    settleUpTo(connection, frame, subscription, open, outcome);
  } else {
    settleOne(connection, frame, subscription, open, outcome);
  }
  connection.answers.whenAllSafe(frame);
}

/** Reads the frame's token into `adapter.token`. Undefined: it was good once, but the subscription is gone. */
function findSubscription(connection: Connection, frame: Frame): Subscription | undefined {
  const { admitted, adapter, version } = connection;
  const { token } = adapter;
  // [STOMP 1.2, ACK] the `id` is the MESSAGE's `ack` header; before 1.2 it is the `message-id`
  const kind = version === V1_2 ? ID : MESSAGE_ID;
  const index = frame.indexOf(kind);
  if (index < 0) {
    const name = version === V1_2 ? 'id' : 'message-id';
    throw new FrameError('Missing header', `${COMMAND_TEXT[frame.command]} must have an '${name}' header.`);
  }
  if (!token.read(frame.buffer, frame.valueStart(index), frame.valueEnd(index), admitted.sessionBytes))
    throw unknown(frame, kind);
  const subscription = admitted.subscriptions.get(token.subscription);
  if (subscription === undefined) {
    if (token.subscription === 0 || token.subscription >= admitted.nextSubscription) throw unknown(frame, kind);
    return undefined;
  }
  if (token.number === 0 || token.number >= subscription.next) throw unknown(frame, kind);
  if (version !== V1_2 && frame.has(SUBSCRIPTION) && frame.text(SUBSCRIPTION) !== subscription.id) {
    throw new FrameError('Invalid header', `'subscription' does not fit the 'message-id' '${frame.text(kind)}'.`);
  }
  return subscription;
}

function settleOne(
  connection: Connection,
  frame: Frame,
  subscription: Subscription,
  open: OpenTransaction | null,
  outcome: Outcome,
): void {
  const { index, number } = connection.adapter.token;
  const { held, consumer } = subscription;
  if (!held.has(index, number)) throw over(connection, frame, 'was settled before');
  if (held.isPromised(index)) throw over(connection, frame, 'is part of an open transaction');
  if (open !== null) {
    open.settle(subscription, index, outcome);
  } else {
    const slot = held.slot(index);
    held.remove(index);
    consumer.settle(slot, outcome);
  }
}

/** `ack:client`: the frame means this delivery and all before it that are still held. */
function settleUpTo(
  connection: Connection,
  frame: Frame,
  subscription: Subscription,
  open: OpenTransaction | null,
  outcome: Outcome,
): void {
  const { number, index } = connection.adapter.token;
  const { held, consumer } = subscription;
  if (!held.has(index, number)) {
    stale(connection, frame, 'a later one was settled before, and this one with it');
    return;
  }
  let at = held.first;
  for (;;) {
    const next = held.next(at);
    const isLast = at === index;
    if (!held.isPromised(at)) {
      if (open !== null) {
        open.settle(subscription, at, outcome);
      } else {
        const slot = held.slot(at);
        held.remove(at);
        consumer.settle(slot, outcome);
      }
    }
    if (isLast) return;
    at = next;
  }
}

/**
 * Too late for this delivery. A client that asks for no receipt loses nothing by it: it is counted. One that does must
 * not be told that its word was taken.
 */
function stale(connection: Connection, frame: Frame, why: string): void {
  const isHarmless = subscriptionGoesOn(connection) || !frame.has(RECEIPT);
  if (!isHarmless)
    throw new FrameError(
      'Subscription not found',
      `${COMMAND_TEXT[frame.command]} names a delivery that is over: ${why}.`,
    );
  connection.adapter.stats.staleSettlements++;
}

/** A repeated cumulative ACK says nothing that was not true before. */
function subscriptionGoesOn(connection: Connection): boolean {
  return connection.admitted.subscriptions.has(connection.adapter.token.subscription);
}

function unknown(frame: Frame, kind: number): FrameError {
  const why = 'is not a delivery that this connection has to settle';
  return new FrameError('Invalid header', `${COMMAND_TEXT[frame.command]}: '${frame.text(kind)}' ${why}.`);
}

/** A delivery that was one, with the title that a channel's unknown delivery tag has. */
function over(connection: Connection, frame: Frame, why: string): FrameError {
  const name = frame.text(connection.version === V1_2 ? ID : MESSAGE_ID);
  return new FrameError('precondition_failed', `${COMMAND_TEXT[frame.command]}: '${name}' ${why}.`);
}
