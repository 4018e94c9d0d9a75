/**
 * PUBLISH from a client of 5.0 [MQTT 5.0, section 3.3]: its properties and topic alias, and its refusals, which are
 * answers rather than the end of the connection.
 */
import { isUtf8 } from 'node:buffer';
import { MARK_REFUSED, type Route } from '../../../src/api.ts';
import { equalRanges } from '../../../src/message/bytes.ts';
import { MalformedPacket, PUBACK, PUBREC } from '../codec/packet.ts';
import { decodePublishProperties, type PublishFields, type Qos } from '../codec/publish.ts';
import { PAYLOAD_FORMAT_INVALID, PROTOCOL_ERROR, QUOTA_EXCEEDED } from '../codec/reasons.ts';
import type { Connection } from '../connection.ts';
import { HOLD_CONGESTED } from '../intake.ts';
import { readHints } from '../mapping/properties.ts';
import type { Terms } from '../terms.ts';
import { handOver } from './publish.ts';
import { aimAt } from './routes.ts';

export function publish5(
  connection: Connection,
  terms: Terms,
  fields: PublishFields,
  buffer: Buffer,
  end: number,
): void {
  const { adapter, session } = connection;
  const { draft, properties } = adapter;
  decodePublishProperties(buffer, end, fields, properties);
  const { qos, packetId } = fields;
  if (!begin(connection, terms, fields)) return;
  const route = routeOf5(connection, terms, fields, buffer);
  if (route === null) {
    refuse5(connection, qos, packetId, adapter.aim.reason);
    return;
  }
  if (properties.text && adapter.limits.checkPayloadFormat && !isUtf8(buffer.subarray(fields.bodyStart, end))) {
    if (qos === 0) throw new MalformedPacket('a payload that is no UTF-8 text', PAYLOAD_FORMAT_INVALID);
    refuse5(connection, qos, packetId, PAYLOAD_FORMAT_INVALID);
    return;
  }
  if (fields.retain && qos > 0 && end > fields.bodyStart) {
    if (session.retainedFull(route, properties.end - properties.start + end - fields.bodyStart)) {
      refuse5(connection, qos, packetId, QUOTA_EXCEEDED);
      return;
    }
  }
  draft.assurance = qos;
  draft.retain = fields.retain && adapter.aim.retainable;
  draft.body = buffer;
  draft.bodyStart = fields.bodyStart;
  draft.bodyEnd = end;
  draft.origin = connection.client.queue;
  const plain = properties.start === properties.end && properties.expiryS < 0;
  if (!plain) {
    draft.props = properties.buffer;
    draft.propsStart = properties.start;
    draft.propsEnd = properties.end;
    if (properties.expiryS >= 0) draft.ttlMs = properties.expiryS * 1000;
    if (properties.hasUserProperties) readHints(properties.buffer, properties.start, properties.end, draft);
  }
  try {
    if (qos > 0) handOver(connection, route, draft, qos, packetId);
    else if (session.publish(route, draft) === MARK_REFUSED) adapter.stats.publishesDropped++;
  } finally {
    // The draft is everybody's: what 3.1.1 has not, it must not find.
    draft.origin = '';
    draft.delayMs = -1;
    if (!plain) {
      draft.propsStart = 0;
      draft.propsEnd = 0;
      draft.ttlMs = -1;
      draft.priority = -1;
      draft.grouped = false;
    }
  }
  if (session.congested) connection.intake.hold(HOLD_CONGESTED);
}

/** Counts it against the client's quota. False: it was sent before, and is answered. */
export function begin(connection: Connection, terms: Terms, fields: PublishFields): boolean {
  const { qos, packetId } = fields;
  if (qos === 0) {
    if (fields.dup) throw new MalformedPacket('DUP with QoS 0 [MQTT5-3.3.1-2]');
    return true;
  }
  if (qos === 2 && connection.client.hasReceived(packetId)) {
    connection.answer(PUBREC, packetId, connection.session.mark());
    return false;
  }
  terms.received();
  return true;
}

/** The route of the topic, or of what its alias stands for. Null: refused, `aim.reason` says why. */
export function routeOf5(connection: Connection, terms: Terms, fields: PublishFields, buffer: Buffer): Route | null {
  const { aim, draft, properties } = connection.adapter;
  const { topicStart, topicEnd } = fields;
  aim.begin();
  if (topicStart === topicEnd) {
    if (properties.alias === 0)
      throw new MalformedPacket('neither a topic nor an alias [MQTT5 3.3.2.1]', PROTOCOL_ERROR);
    const known = terms.alias(properties.alias);
    if (known.route?.valid) {
      aim.route = known.route;
      return known.route;
    }
    aimAt(connection, known.topic, 0, known.topic.length, aim);
    // One that is delayed is looked up each time.
    known.route = aim.delayMs < 0 ? aim.route : null;
  } else {
    const last = connection.lastRoute;
    if (last?.valid && equalRanges(last.bytes, last.keyStart, last.end, buffer, topicStart, topicEnd)) aim.route = last;
    else aimAt(connection, buffer, topicStart, topicEnd, aim);
    if (properties.alias > 0) {
      const topic = Buffer.from(buffer.subarray(topicStart, topicEnd));
      terms.setAlias(properties.alias, topic, aim.delayMs < 0 ? aim.route : null);
    }
  }
  draft.delayMs = aim.delayMs;
  return aim.route;
}

/** A refusal: an answer that is no acknowledgement; QoS 0 is dropped, counted. */
export function refuse5(connection: Connection, qos: Qos, packetId: number, reason: number): void {
  connection.adapter.draft.delayMs = -1;
  if (qos === 0) connection.adapter.stats.publishesDropped++;
  else connection.answer(qos === 1 ? PUBACK : PUBREC, packetId, connection.session.mark(), reason);
}
