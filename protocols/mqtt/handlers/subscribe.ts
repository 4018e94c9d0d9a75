/** SUBSCRIBE and UNSUBSCRIBE [MQTT 3.1.1, sections 3.8 and 3.10], shared subscriptions among them. */
import { MARK_NOW, type Mark } from '../../../src/api.ts';
import { BrokerError } from '../../../src/message/errors.ts';
import { decodeSubscribe, decodeUnsubscribe } from '../codec/decode.ts';
import { writeAck, writeSuback } from '../codec/encode.ts';
import { LEVEL_3_1, MalformedPacket, SUBACK, SUBSCRIPTION_FAILED, UNSUBACK } from '../codec/packet.ts';
import { sharedFilter } from '../codec/text.ts';
import type { Connection } from '../connection.ts';

/** A SUBACK on its way. */
export interface Granted {
  readonly packetId: number;
  /** One for each filter asked for [MQTT-3.8.4-5]. */
  readonly codes: number[];
  /** Filters whose retained messages follow. */
  readonly filters: string[];
}

export function subscribe(connection: Connection, buffer: Buffer, start: number, end: number): void {
  const { adapter, client, session } = connection;
  const { packetId, subscriptions } = decodeSubscribe(buffer, start, end, adapter.limits.subscriptionsMax);
  const granted: Granted = { packetId, codes: [], filters: [] };
  let durable = client.kept;
  for (const { filter, qos } of subscriptions) {
    const share = sharedFilter(filter);
    if (share === 'invalid') throw new MalformedPacket('a malformed shared subscription [MQTT-4.8.2-1]');
    let code: number;
    try {
      if (share === undefined) {
        code = client.subscribe(session, filter, qos);
        if (code !== SUBSCRIPTION_FAILED) granted.filters.push(filter);
      } else {
        code = client.subscribeShared(session, share, qos);
        durable = true;
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      code = SUBSCRIPTION_FAILED;
    }
    // 3.1 has no code for a refusal.
    if (code === SUBSCRIPTION_FAILED && connection.level === LEVEL_3_1)
      throw new MalformedPacket('a filter not granted');
    granted.codes.push(code);
  }
  if (!durable) {
    finishSubscribe(connection, granted);
    return;
  }
  connection.granted.push(granted);
  connection.answer(SUBACK, packetId, session.mark());
}

/** The subscriptions are safe: says so, then sends what is retained under them [MQTT-3.3.1-6]. */
export function finishSubscribe(connection: Connection, granted: Granted): void {
  writeSuback(connection.output, granted.packetId, granted.codes);
  for (const filter of granted.filters) {
    try {
      connection.client.replayRetained(connection.session, filter);
    } catch (error) {
      // The queue may have been deleted meanwhile; then the connection is about to be told.
      if (!(error instanceof BrokerError)) throw error;
    }
  }
}

export function unsubscribe(connection: Connection, buffer: Buffer, start: number, end: number): void {
  const { adapter, client, session } = connection;
  const { packetId, filters } = decodeUnsubscribe(buffer, start, end, adapter.limits.subscriptionsMax);
  let mark: Mark = MARK_NOW;
  let durable = client.kept;
  for (const filter of filters) {
    const share = sharedFilter(filter);
    try {
      if (share === undefined) client.unsubscribe(session, filter);
      else if (share !== 'invalid') {
        client.unsubscribeShared(session, share);
        durable = true;
      }
    } catch (error) {
      // There is nothing to say no with [MQTT-3.10.4-5]; a queue that is gone has no binding either.
      if (!(error instanceof BrokerError)) throw error;
    }
  }
  if (durable) mark = session.mark();
  if (mark === MARK_NOW) writeAck(connection.output, UNSUBACK, packetId);
  else connection.answer(UNSUBACK, packetId, mark);
}
