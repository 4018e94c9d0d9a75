/** SUBSCRIBE and UNSUBSCRIBE [sections 3.8 and 3.10], shared subscriptions among them. */
import { BrokerError, MARK_NOW, type Mark } from '../../../src/api/index.ts';
import { writeAck, writeSuback } from '../codec/encode.ts';
import { reasonsBytes, writeReasons } from '../codec/encode5.ts';
import { LEVEL_3_1, MalformedPacket, SUBACK, SUBSCRIPTION_FAILED, UNSUBACK } from '../codec/packet.ts';
import {
  IMPLEMENTATION_SPECIFIC_ERROR,
  NO_SUBSCRIPTION_EXISTED,
  NOT_AUTHORIZED_5,
  PACKET_TOO_LARGE,
  PROTOCOL_ERROR,
  REFUSALS_FROM,
  SUCCESS,
  TOPIC_FILTER_INVALID,
  UNSPECIFIED_ERROR,
} from '../codec/reasons.ts';
import {
  decodeSubscribe,
  decodeUnsubscribe,
  SEND_RETAINED,
  SEND_RETAINED_IF_NEW,
  type Subscription,
} from '../codec/subscriptions.ts';
import { levelsOf, type SharedFilter, sharedFilter } from '../codec/text.ts';
import type { Connection } from '../connection/connection.ts';
import { subscribable } from '../mapping/special-topics.ts';

/** Why a subscription could not be made; a selector that is none is `invalid`. */
const REFUSED: ReadonlyMap<string, number> = new Map([
  ['access-refused', NOT_AUTHORIZED_5],
  ['invalid', IMPLEMENTATION_SPECIFIC_ERROR],
]);

/** What one filter costs (`src/clock/work.ts`). */
const FILTER_UNITS = 8;

/** A SUBACK or UNSUBACK on its way. */
export interface Granted {
  readonly type: number;
  readonly packetId: number;
  /** One for each filter asked for [MQTT-3.8.4-5]; reason codes of 5.0. */
  readonly codes: number[];
  /** Filters whose retained messages follow. */
  readonly filters: string[];
}

export function subscribe(connection: Connection, buffer: Buffer, start: number, end: number): void {
  const { adapter, client, level, session } = connection;
  const { packetId, identifier, selector, subscriptions } = decodeSubscribe(
    buffer,
    start,
    end,
    adapter.limits.subscriptionsMax,
    level,
  );
  checkAnswer(connection, subscriptions.length);
  const shares = subscriptions.map((asked) => shareOf(connection, asked));
  const granted: Granted = { type: SUBACK, packetId, codes: [], filters: [] };
  let durable = client.kept;
  const one = (asked: Subscription): void => {
    const share = shares[granted.codes.length];
    let code: number;
    try {
      code = refusalOf(connection, share === undefined ? asked.filter : share.filter);
      if (code !== SUCCESS) {
        // nothing is done for it
      } else if (share === undefined) {
        // A bridge of 3.1 or 3.1.1 cannot say so, and wants both: its own messages would come back to it for ever.
        const subscription = connection.bridge ? { ...asked, noLocal: true, retainAsPublished: true } : asked;
        // All subscriptions of a session share a queue and its one consumer.
        if (selector !== '') code = IMPLEMENTATION_SPECIFIC_ERROR;
        else code = subscribeOwn(connection, subscription, identifier, granted);
      } else {
        code = client.shares.subscribe(session, share, asked, identifier, selector);
        durable = true;
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      code = REFUSED.get(error.code) ?? UNSPECIFIED_ERROR;
    }
    if (code >= REFUSALS_FROM && level === LEVEL_3_1) throw notGranted();
    granted.codes.push(code);
  };
  inParts(connection, subscriptions, one, () => {
    if (durable) connection.answerGranted(granted, session.mark());
    else finishSubscribe(connection, granted);
  });
}

/**
 * The share that a filter names, if any. What breaks the protocol is found here, before anything is done: of a packet that
 * ends the connection nothing is granted.
 */
function shareOf(connection: Connection, { filter, noLocal }: Subscription): SharedFilter | undefined {
  const share = sharedFilter(filter);
  if (share === 'invalid') throw new MalformedPacket('a malformed shared subscription [MQTT-4.8.2-1]');
  if (share !== undefined && noLocal) {
    throw new MalformedPacket('no local on a shared subscription [MQTT5-3.8.3-4]', PROTOCOL_ERROR);
  }
  const refused = refusalOf(connection, share === undefined ? filter : share.filter) !== SUCCESS;
  if (refused && connection.level === LEVEL_3_1) throw notGranted();
  return share;
}

/** 3.1 has no code for a refusal. */
function notGranted(): MalformedPacket {
  return new MalformedPacket('a filter not granted');
}

/** A packet may name thousands of filters: they are dealt with in order, as far as the budget of a turn reaches. */
function inParts<T>(connection: Connection, items: readonly T[], each: (item: T) => void, done: () => void): void {
  const { share } = connection;
  let next = 0;
  const guarded = (act: () => boolean): boolean => {
    try {
      return act();
    } catch (error) {
      connection.fail(error);
      return true;
    }
  };
  const step = (): boolean => {
    while (next < items.length && !connection.closing) {
      each(items[next++]!);
      share.work.spend(FILTER_UNITS);
      if (share.work.over) return false;
    }
    if (!connection.closing) done();
    return true;
  };
  share.run(() => guarded(step));
}

/** Nothing is done whose answer the client would not take [MQTT5-3.1.2-24]. */
function checkAnswer({ packetSizeMax }: Connection, codes: number): void {
  if (reasonsBytes(codes) > packetSizeMax) {
    throw new MalformedPacket('its answer is longer than the client takes [MQTT5-3.1.2-24]', PACKET_TOO_LARGE);
  }
}

/** Why nobody may subscribe to a filter, alone or in a share: a reason code of 5.0. */
function refusalOf(connection: Connection, filter: string): number {
  if (levelsOf(filter) > connection.adapter.limits.topicLevelsMax) return TOPIC_FILTER_INVALID;
  return subscribable(filter);
}

function subscribeOwn(
  connection: Connection,
  subscription: Subscription,
  identifier: number,
  granted: Granted,
): number {
  const { client, session } = connection;
  const known = client.hasSubscription(subscription.filter);
  const code = client.subscribe(session, subscription, identifier);
  if (code >= REFUSALS_FROM) return code;
  const { retainHandling } = subscription;
  if (retainHandling === SEND_RETAINED || (retainHandling === SEND_RETAINED_IF_NEW && !known)) {
    granted.filters.push(subscription.filter);
  }
  return code;
}

/** The subscriptions are safe: says so, then sends what is retained under them [MQTT-3.3.1-6]. */
export function finishSubscribe(connection: Connection, granted: Granted): void {
  const { codes, filters, packetId } = granted;
  if (connection.terms !== null) writeReasons(connection.output, SUBACK, packetId, codes);
  else {
    const plain = codes.map((code) => (code >= REFUSALS_FROM ? SUBSCRIPTION_FAILED : code));
    writeSuback(connection.output, packetId, plain);
  }
  for (const filter of filters) {
    try {
      connection.client.replayRetained(connection.session, filter);
    } catch (error) {
      // The queue may have been deleted meanwhile; then the connection is about to be told.
      if (!(error instanceof BrokerError)) throw error;
    }
  }
}

export function unsubscribe(connection: Connection, buffer: Buffer, start: number, end: number): void {
  const { adapter, client, level, session } = connection;
  const { packetId, filters } = decodeUnsubscribe(buffer, start, end, adapter.limits.subscriptionsMax, level);
  checkAnswer(connection, filters.length);
  const granted: Granted = { type: UNSUBACK, packetId, codes: [], filters: [] };
  let mark: Mark = MARK_NOW;
  let durable = client.kept;
  const one = (filter: string): void => {
    const share = sharedFilter(filter);
    let existed = false;
    try {
      if (share === undefined) existed = client.unsubscribe(session, filter);
      else if (share !== 'invalid') {
        existed = client.shares.unsubscribe(session, share);
        durable = true;
      }
    } catch (error) {
      // 3.1.1 has nothing to say no with [MQTT-3.10.4-5]; a queue that is gone has no binding either.
      if (!(error instanceof BrokerError)) throw error;
    }
    granted.codes.push(existed ? SUCCESS : NO_SUBSCRIPTION_EXISTED);
  };
  inParts(connection, filters, one, () => {
    if (durable) mark = session.mark();
    if (mark === MARK_NOW) finishUnsubscribe(connection, granted);
    else connection.answerGranted(granted, mark);
  });
}

export function finishUnsubscribe(connection: Connection, granted: Granted): void {
  if (connection.terms === null) writeAck(connection.output, UNSUBACK, granted.packetId);
  else writeReasons(connection.output, UNSUBACK, granted.packetId, granted.codes);
}
