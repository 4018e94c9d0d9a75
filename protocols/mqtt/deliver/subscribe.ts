/** SUBSCRIBE and UNSUBSCRIBE [sections 3.8 and 3.10], shared subscriptions among them. */
import { AccessPending, BrokerError, LimitError, MARK_NOW, type Mark, SLASH } from '../../../src/api/index.ts';
import { writeAck, writeSuback } from '../codec/encode.ts';
import { reasonsBytes, writeReasons } from '../codec/encode5.ts';
import { LEVEL_3_1, MalformedPacket, SUBACK, SUBSCRIPTION_FAILED, UNSUBACK } from '../codec/packet.ts';
import {
  IMPLEMENTATION_SPECIFIC_ERROR,
  NO_SUBSCRIPTION_EXISTED,
  NOT_AUTHORIZED_5,
  PACKET_TOO_LARGE,
  PROTOCOL_ERROR,
  QUOTA_EXCEEDED,
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
  type ShareWishes,
  type Subscription,
} from '../codec/subscriptions.ts';
import { levelsOf, type SharedFilter, sharedFilter } from '../codec/text.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { subscribable } from '../mapping/special-topics.ts';

/** Why a subscription could not be made; a selector that is none is `invalid`. */
const REFUSED: ReadonlyMap<string, number> = new Map([
  ['access-refused', NOT_AUTHORIZED_5],
  ['invalid', IMPLEMENTATION_SPECIFIC_ERROR],
]);

const NO_WISHES: ShareWishes = { selector: '', leaseMs: 0, claims: [], nonsense: false };

/** What one filter costs (`src/clock/work.ts`). */
const FILTER_UNITS = 8;

/** A SUBACK or UNSUBACK on its way. */
interface Granted {
  readonly packetId: number;
  /** One for each filter asked for [MQTT-3.8.4-5]; reason codes of 5.0. */
  readonly codes: number[];
  /** Filters whose retained messages follow. */
  readonly filters: string[];
}

export function subscribe(client: ConnectedClient, buffer: Buffer, start: number, end: number): void {
  const { context, mqttSession, level, options, session } = client;
  const { packetId, identifier, wishes, subscriptions } = decodeSubscribe(
    buffer,
    start,
    end,
    context.limits.subscriptionsMax,
    level,
  );
  checkAnswer(client, subscriptions.length);
  const shares = subscriptions.map((asked) => shareOf(client, asked));
  const granted: Granted = { packetId, codes: [], filters: [] };
  let durable = mqttSession.kept;
  const one = (asked: Subscription): void => {
    const share = shares[granted.codes.length];
    let code: number;
    try {
      code = refusalOf(client, share === undefined ? asked.filter : share.filter);
      if (code !== SUCCESS) {
        // nothing is done for it
      } else if (share === undefined) {
        // A bridge of 3.1 or 3.1.1 cannot say so, and wants both: its own messages would come back to it for ever.
        const subscription = options.bridge ? { ...asked, noLocal: true, retainAsPublished: true } : asked;
        // All subscriptions of a session share a queue and its one consumer.
        if (wishes !== null) code = IMPLEMENTATION_SPECIFIC_ERROR;
        else code = subscribeOwn(client, subscription, identifier, granted);
      } else if (wishes?.nonsense === true) code = IMPLEMENTATION_SPECIFIC_ERROR;
      else {
        code = mqttSession.shares.subscribe(session, share, asked, identifier, wishes ?? NO_WISHES);
        durable = true;
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      code = error instanceof LimitError ? QUOTA_EXCEEDED : (REFUSED.get(error.code) ?? UNSPECIFIED_ERROR);
    }
    if (code >= REFUSALS_FROM && level === LEVEL_3_1) throw notGranted();
    granted.codes.push(code);
  };
  inParts(client, subscriptions, one, () => {
    const send = (): void => finishSubscribe(client, granted);
    if (durable) client.answerLong({ type: SUBACK, packetId, send }, session.mark());
    else send();
  });
}

/**
 * The share that a filter names, if any. What breaks the protocol is found here, before anything is done: of a packet that
 * ends the connection nothing is granted.
 */
function shareOf(client: ConnectedClient, { filter, noLocal }: Subscription): SharedFilter | undefined {
  const share = sharedFilter(filter);
  if (share === 'invalid') throw new MalformedPacket('a malformed shared subscription [MQTT-4.8.2-1]');
  if (share !== undefined && noLocal) {
    throw new MalformedPacket('no local on a shared subscription [MQTT5-3.8.3-4]', PROTOCOL_ERROR);
  }
  const refused = refusalOf(client, share === undefined ? filter : share.filter) !== SUCCESS;
  if (refused && client.level === LEVEL_3_1) throw notGranted();
  return share;
}

/** 3.1 has no code for a refusal. */
function notGranted(): MalformedPacket {
  return new MalformedPacket('a filter not granted');
}

/** A packet may name thousands of filters: they are dealt with in order, as far as the budget of a turn reaches. */
function inParts<T>(client: ConnectedClient, items: readonly T[], each: (item: T) => void, done: () => void): void {
  const { share } = client;
  let next = 0;
  let pending: AccessPending | null = null;
  const guarded = (act: () => boolean): boolean => {
    try {
      return act();
    } catch (error) {
      if (error instanceof AccessPending) pending = error;
      else client.control.fail(error);
      return true;
    }
  };
  const step = (): boolean => {
    while (next < items.length && !client.ended) {
      each(items[next]!);
      next++;
      share.work.spend(FILTER_UNITS);
      if (share.work.over) return false;
    }
    if (!client.ended) done();
    return true;
  };
  const goOn = (): void =>
    share.run(
      () => guarded(step),
      () => {
        const awaited = pending;
        pending = null;
        // The same filter again, once it is known whether it is permitted.
        if (awaited !== null && !client.ended) client.gate.awaitAnswer(awaited, goOn);
      },
    );
  goOn();
}

/** Nothing is done whose answer the client would not take [MQTT5-3.1.2-24]. */
function checkAnswer({ options }: ConnectedClient, codes: number): void {
  if (reasonsBytes(codes) > options.asked.packetSizeMax) {
    throw new MalformedPacket('its answer is longer than the client takes [MQTT5-3.1.2-24]', PACKET_TOO_LARGE);
  }
}

/** Why nobody may subscribe to a filter, alone or in a share: a reason code of 5.0. */
function refusalOf(client: ConnectedClient, filter: string): number {
  if (levelsOf(filter) > client.context.limits.topicLevelsMax) return TOPIC_FILTER_INVALID;
  return subscribable(filter);
}

function subscribeOwn(
  client: ConnectedClient,
  subscription: Subscription,
  identifier: number,
  granted: Granted,
): number {
  const { mqttSession, session } = client;
  const known = mqttSession.subscriptions.has(subscription.filter);
  const code = mqttSession.subscribe(session, subscription, identifier);
  if (code >= REFUSALS_FROM) return code;
  const { retainHandling } = subscription;
  if (retainHandling === SEND_RETAINED || (retainHandling === SEND_RETAINED_IF_NEW && !known)) {
    granted.filters.push(subscription.filter);
  }
  return code;
}

/** The subscriptions are safe: says so, then sends what is retained under them [MQTT-3.3.1-6]. */
function finishSubscribe(client: ConnectedClient, granted: Granted): void {
  const { codes, filters, packetId } = granted;
  const { mqttSession, options, session, writer } = client;
  if (options.v5) writeReasons(writer.out, SUBACK, packetId, codes);
  else {
    const plain = codes.map((code) => (code >= REFUSALS_FROM ? SUBSCRIPTION_FAILED : code));
    writeSuback(writer.out, packetId, plain);
  }
  for (const filter of filters) {
    try {
      mqttSession.replayRetained(session, filter);
    } catch (error) {
      // The queue may have been deleted meanwhile; then the connection is about to be told.
      if (!(error instanceof BrokerError)) throw error;
    }
  }
}

export function unsubscribe(client: ConnectedClient, buffer: Buffer, start: number, end: number): void {
  const { context, mqttSession, level, session } = client;
  const { packetId, filters } = decodeUnsubscribe(buffer, start, end, context.limits.subscriptionsMax, level);
  checkAnswer(client, filters.length);
  const granted: Granted = { packetId, codes: [], filters: [] };
  let mark: Mark = MARK_NOW;
  let durable = mqttSession.kept;
  const one = (filter: string): void => {
    const share = sharedFilter(filter);
    let existed = false;
    const named = typeof share === 'object' ? share.filter : filter;
    if (!session.mayUnsubscribe(context.limits.exchange, named, SLASH)) {
      granted.codes.push(NOT_AUTHORIZED_5);
      return;
    }
    try {
      if (share === undefined) existed = mqttSession.subscriptions.delete(session, filter);
      else if (share !== 'invalid') {
        existed = mqttSession.shares.unsubscribe(session, share);
        durable = true;
      }
    } catch (error) {
      // 3.1.1 has nothing to say no with [MQTT-3.10.4-5]; a queue that is gone has no binding either.
      if (!(error instanceof BrokerError)) throw error;
    }
    granted.codes.push(existed ? SUCCESS : NO_SUBSCRIPTION_EXISTED);
  };
  inParts(client, filters, one, () => {
    if (durable) mark = session.mark();
    const send = (): void => finishUnsubscribe(client, granted);
    if (mark === MARK_NOW) send();
    else client.answerLong({ type: UNSUBACK, packetId, send }, mark);
  });
}

function finishUnsubscribe(client: ConnectedClient, granted: Granted): void {
  const { out } = client.writer;
  if (client.options.v5) writeReasons(out, UNSUBACK, granted.packetId, granted.codes);
  else writeAck(out, UNSUBACK, granted.packetId);
}
