/**
 * What every message from a client goes through, whatever its version, its size, and whether it is a PUBLISH or a will:
 * admitted once, its target found, filled into the draft, and refused in the same words. The files beside this one only say
 * how its bytes come.
 *
 *     PUBLISH   decode ─▶ addressed ─▶ admit (sent before? quota) ─▶ obstacle ─▶ fill ─▶ handOver ─▶ answer
 *     will                resolve                                              fill ─▶ publish
 */
import { type BodyWriter, BrokerError, type Draft, MARK_REFUSED, type Mark } from '../../../src/api/index.ts';
import { type MessageProperties, NO_PROPERTIES } from '../codec/message-properties.ts';
import { MalformedPacket, PUBACK, PUBREC } from '../codec/packet.ts';
import { decodePublishProperties, type PublishFields, type Qos } from '../codec/publish.ts';
import {
  NO_MATCHING_SUBSCRIBERS,
  NOT_AUTHORIZED_5,
  PAYLOAD_FORMAT_INVALID,
  QUOTA_EXCEEDED,
  SUCCESS,
  TOPIC_NAME_INVALID,
  UNSPECIFIED_ERROR,
} from '../codec/reasons.ts';
import type { Connection } from '../connection/connection.ts';
import { HOLD_CONGESTED } from '../connection/intake.ts';
import { readHints } from '../mapping/properties.ts';
import { type PublishTarget, targetOf } from './publish-target.ts';

/** 5.0: the properties of a PUBLISH whose head is in `adapter.fields`. Others have none. */
export function propertiesOf(connection: Connection, buffer: Buffer, end: number): MessageProperties {
  if (connection.terms === null) return NO_PROPERTIES;
  const { fields, properties, limits } = connection.adapter;
  decodePublishProperties(buffer, end, fields, properties, limits.propertiesSizeMax);
  return properties;
}

/** The target of a PUBLISH; the alias that it gives is given, whatever becomes of it. */
export function addressed(
  connection: Connection,
  { alias }: MessageProperties,
  buffer: Buffer,
  start: number,
  end: number,
): PublishTarget {
  return alias === 0 ? targetOf(connection, buffer, start, end) : aliased(connection, alias, buffer, start, end);
}

/**
 * Counts a QoS 1 or 2 message against the client's quota. False: it was sent before, and only its answer is wanted
 * [MQTT-4.3.3-2].
 */
export function admit({ client, terms }: Connection, { qos, packetId }: PublishFields): boolean {
  if (qos === 2 && client.hasReceived(packetId)) return false;
  if (terms !== null) terms.received();
  return true;
}

function aliased(connection: Connection, alias: number, buffer: Buffer, start: number, end: number): PublishTarget {
  const terms = connection.terms!;
  let target: PublishTarget;
  if (start !== end) target = targetOf(connection, buffer, start, end);
  else {
    target = terms.alias(alias);
    if (target.valid) return target;
    target = targetOf(connection, target.bytes, target.start, target.end);
  }
  terms.setAlias(alias, target);
  return target;
}

/** Why a message is not taken: a reason code of 5.0. */
export function obstacle(
  connection: Connection,
  target: PublishTarget,
  { qos, retain }: PublishFields,
  properties: MessageProperties,
  bodyLength: number,
): number {
  if (target.route === null) return target.reason;
  // Who cannot be told has it delivered and not kept, which the broker counts.
  if (retain && target.retainable && qos > 0 && bodyLength > 0 && connection.terms !== null) {
    const bytes = properties.end - properties.start + bodyLength;
    if (connection.session.retainedFull(target.route, bytes)) return QUOTA_EXCEEDED;
  }
  return SUCCESS;
}

/** Says everything about a message but its body. @param user who publishes it */
export function fill(
  draft: Draft,
  target: PublishTarget,
  qos: Qos,
  retain: boolean,
  origin: string,
  properties: MessageProperties,
  user: string,
): void {
  draft.assurance = qos;
  draft.retain = retain && target.retainable;
  if (origin !== '') draft.origin = origin;
  if (properties !== NO_PROPERTIES) {
    const { buffer, start, end, expiryS } = properties;
    draft.props = buffer;
    draft.propsStart = start;
    draft.propsEnd = end;
    if (expiryS >= 0) draft.ttlMs = expiryS * 1000;
    if (properties.hasUserProperties) readHints(buffer, start, end, draft, user);
  }
  // A delay in the topic counts before one in a property.
  if (target.delayMs >= 0) draft.delayMs = target.delayMs;
}

/** Publishes what the draft holds, and answers once it is safe. @param body its large body, if it has one */
export function handOver(
  connection: Connection,
  target: PublishTarget,
  draft: Draft,
  packetId: number,
  body: BodyWriter | null,
): void {
  const { session } = connection;
  const qos = draft.assurance;
  try {
    if (qos === 0) {
      if (session.publish(target.route!, draft) === MARK_REFUSED) connection.adapter.stats.publishesDropped++;
    } else if (qos === 1) answer(connection, PUBACK, packetId, session.publish(target.route!, draft), draft);
    else answer(connection, PUBREC, packetId, publishOnce(connection, target, draft, packetId), draft);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    body?.abort();
    refuse(connection, qos, packetId, error.code === 'unavailable' ? QUOTA_EXCEEDED : UNSPECIFIED_ERROR);
  }
  if (session.congested) connection.intake.hold(HOLD_CONGESTED);
}

/** Message and identifier in one unit, so that after a crash the message is there exactly if it is known to be. */
function publishOnce(connection: Connection, target: PublishTarget, draft: Draft, packetId: number): Mark {
  const { client, session } = connection;
  if (client.kept) session.beginUnit();
  let mark: Mark = MARK_REFUSED;
  try {
    mark = session.publish(target.route!, draft);
    if (mark !== MARK_REFUSED) client.receive(packetId);
  } finally {
    if (client.kept) {
      const unit = session.endUnit();
      if (mark !== MARK_REFUSED) mark = unit;
    }
  }
  return mark;
}

/** 5.0 hears that it was refused, or that nobody wanted it. */
function answer(connection: Connection, type: number, packetId: number, mark: Mark, draft: Draft): void {
  if (connection.terms === null) connection.answer(type, packetId, mark);
  else if (mark === MARK_REFUSED) connection.answer(type, packetId, connection.session.mark(), QUOTA_EXCEEDED);
  else {
    const nobody = draft.routed === 0 && draft.delayMs < 0;
    connection.answer(type, packetId, mark, nobody ? NO_MATCHING_SUBSCRIBERS : SUCCESS);
  }
}

/** It was sent before. */
export function repeated(connection: Connection, packetId: number): void {
  connection.answer(PUBREC, packetId, connection.session.mark());
}

/**
 * A message that is not taken. QoS 0 is dropped, counted. 5.0 is told; what 3.1.1 may not publish is acknowledged, dropped
 * and counted, as Mosquitto does, since a client that is cut off would send it again for ever [MQTT-3.3.5-2]. Where the
 * broker is short of something, the end of the connection has 3.1.1 keep its message.
 */
export function refuse(connection: Connection, qos: Qos, packetId: number, reason: number): void {
  const { stats } = connection.adapter;
  if (qos === 0) {
    if (reason === PAYLOAD_FORMAT_INVALID) throw new MalformedPacket('a payload that is no UTF-8 text', reason);
    stats.publishesDropped++;
    return;
  }
  const type = qos === 1 ? PUBACK : PUBREC;
  const mark = connection.session.mark();
  if (connection.terms !== null) connection.answer(type, packetId, mark, reason);
  else if (reason === NOT_AUTHORIZED_5 || reason === TOPIC_NAME_INVALID) {
    stats.publishesDropped++;
    connection.answer(type, packetId, mark);
  } else throw new MalformedPacket('the broker could not take a message', reason);
}
