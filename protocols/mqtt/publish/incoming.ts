/**
 * The steps of every message from a client, whatever its version and its size: counted once, its target found, published or
 * refused in the same words. `publish.ts` and `publish-large.ts` only say how its bytes come.
 *
 *     PUBLISH   decode ─▶ targetFor ─▶ isNew (sent before? quota) ─▶ refusalOf ─▶ fillDraft ─▶ publishDraft ─▶ answer
 *     will                resolveTarget                                           fillDraft ─▶ publish
 */
import {
  type BodyWriter,
  BrokerError,
  type Draft,
  LimitError,
  MARK_REFUSED,
  type Mark,
} from '../../../src/api/index.ts';
import { MalformedPacket, PUBACK, PUBREC } from '../codec/packet.ts';
import { type MessageProperties, NO_PROPERTIES } from '../codec/properties/message-properties.ts';
import { decodePublishProperties, type PublishFields, type Qos } from '../codec/publish.ts';
import {
  NO_MATCHING_SUBSCRIBERS,
  NOT_AUTHORIZED_5,
  PACKET_TOO_LARGE,
  PAYLOAD_FORMAT_INVALID,
  QUOTA_EXCEEDED,
  SUCCESS,
  TOPIC_NAME_INVALID,
  UNSPECIFIED_ERROR,
} from '../codec/reasons.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { type PublishTarget, targetOf } from './publish-target.ts';
import { TopicAliases } from './topic-aliases.ts';

/** What the broker refuses, as a reason code of 5.0. */
const REFUSED: ReadonlyMap<string, number> = new Map([
  ['unavailable', QUOTA_EXCEEDED],
  ['access-refused', NOT_AUTHORIZED_5],
]);

/** 5.0: the properties of a PUBLISH whose head is in `context.fields`. Others have none. @throws MalformedPacket */
export function propertiesOf(client: ConnectedClient, buffer: Buffer, end: number): MessageProperties {
  if (!client.options.v5) return NO_PROPERTIES;
  const { fields, properties, limits } = client.context;
  decodePublishProperties(buffer, end, fields, properties, limits.propertiesSizeMax);
  return properties;
}

/**
 * The target of a PUBLISH to the topic `buffer[start, end)`; the alias that it gives is given, whatever becomes of it.
 * @throws MalformedPacket
 */
export function targetFor(
  client: ConnectedClient,
  { alias }: MessageProperties,
  buffer: Buffer,
  start: number,
  end: number,
): PublishTarget {
  return alias === 0 ? targetOf(client, buffer, start, end) : aliased(client, alias, buffer, start, end);
}

function aliased(client: ConnectedClient, alias: number, buffer: Buffer, start: number, end: number): PublishTarget {
  client.aliases ??= new TopicAliases(client.context.limits.topicAliasMax);
  const { aliases } = client;
  let target: PublishTarget;
  if (start !== end) target = targetOf(client, buffer, start, end);
  else {
    target = aliases.get(alias);
    if (target.valid) return target;
    target = targetOf(client, target.bytes, target.start, target.end);
  }
  aliases.set(alias, target);
  return target;
}

/**
 * Counts a QoS 1 or 2 message against the client's quota. False: it was sent before, and only its answer is wanted
 * [MQTT-4.3.3-2].
 * @throws MalformedPacket if the client has more unanswered than it may
 */
export function isNew(client: ConnectedClient, { qos, packetId }: PublishFields): boolean {
  if (qos === 2 && client.mqttSession.received.has(packetId)) return false;
  if (client.quota !== null) client.quota.received();
  return true;
}

/** Why a message is not taken: a reason code of 5.0; SUCCESS: it is. */
export function refusalOf(
  client: ConnectedClient,
  target: PublishTarget,
  { qos, retain }: PublishFields,
  properties: MessageProperties,
  bodyLength: number,
): number {
  if (target.route === null) return target.reason;
  // Who cannot be told has it delivered and not kept, which the broker counts.
  if (retain && target.retainable && qos > 0 && bodyLength > 0 && client.options.v5) {
    const bytes = properties.end - properties.start + bodyLength;
    if (client.session.retainedFull(target.route, bytes)) return QUOTA_EXCEEDED;
  }
  return SUCCESS;
}

/** Why the broker does not take a message: a reason code of 5.0. */
export function publishReasonOf(error: BrokerError): number {
  if (error instanceof LimitError) return PACKET_TOO_LARGE;
  return REFUSED.get(error.code) ?? UNSPECIFIED_ERROR;
}

/** Publishes what the draft holds, and answers once it is safe. @param body its large body, if it has one */
export function publishDraft(
  client: ConnectedClient,
  target: PublishTarget,
  draft: Draft,
  packetId: number,
  body: BodyWriter | null,
): void {
  const { session } = client;
  const qos = draft.assurance;
  try {
    if (qos === 0) {
      if (session.publish(target.route!, draft) === MARK_REFUSED) client.context.stats.publishesDropped++;
    } else if (qos === 1) answer(client, PUBACK, packetId, session.publish(target.route!, draft), draft);
    else answer(client, PUBREC, packetId, publishOnce(client, target, draft, packetId), draft);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    body?.abort();
    refusePublish(client, qos, packetId, publishReasonOf(error));
  }
  if (session.congested) client.hold();
}

/** Message and identifier in one unit, so that after a crash the message is there exactly if it is known to be. */
function publishOnce(client: ConnectedClient, target: PublishTarget, draft: Draft, packetId: number): Mark {
  const { mqttSession, session } = client;
  if (mqttSession.kept) session.beginUnit();
  let mark: Mark = MARK_REFUSED;
  try {
    mark = session.publish(target.route!, draft);
    if (mark !== MARK_REFUSED) mqttSession.received.add(packetId);
  } finally {
    if (mqttSession.kept) {
      const unit = session.endUnit();
      if (mark !== MARK_REFUSED) mark = unit;
    }
  }
  return mark;
}

/** 5.0 hears that it was refused, that nobody wanted it, or that it was taken before. */
function answer(client: ConnectedClient, type: number, packetId: number, mark: Mark, draft: Draft): void {
  if (!client.options.v5) client.answer(type, packetId, mark);
  else if (mark === MARK_REFUSED) client.answer(type, packetId, client.session.mark(), QUOTA_EXCEEDED);
  else {
    const nobody = draft.routed === 0 && draft.delayMs < 0;
    client.answer(type, packetId, mark, nobody ? NO_MATCHING_SUBSCRIBERS : SUCCESS, draft.duplicate);
  }
}

/** A QoS 2 message that was sent before. */
export function acknowledgeAgain(client: ConnectedClient, packetId: number): void {
  client.answer(PUBREC, packetId, client.session.mark());
}

/**
 * Answers a message that is not taken. QoS 0 is dropped, counted. 5.0 is told; what 3.1.1 may not publish is acknowledged,
 * dropped and counted, as Mosquitto does, since a client that is cut off would send it again for ever [MQTT-3.3.5-2]; so is what is
 * larger than an operator's limit, which is no error of the packet, and so a quota that is exceeded in 5.0 [MQTT5-3.4.2-1]. Where
 * the broker is short of something, the end of the connection has 3.1.1 keep its message.
 * @throws MalformedPacket where the connection has to end
 */
export function refusePublish(client: ConnectedClient, qos: Qos, packetId: number, reason: number): void {
  const { stats } = client.context;
  if (qos === 0) {
    if (reason === PAYLOAD_FORMAT_INVALID) throw new MalformedPacket('a payload that is no UTF-8 text', reason);
    stats.publishesDropped++;
    return;
  }
  const type = qos === 1 ? PUBACK : PUBREC;
  const mark = client.session.mark();
  if (client.options.v5) client.answer(type, packetId, mark, reason === PACKET_TOO_LARGE ? QUOTA_EXCEEDED : reason);
  else if (reason === NOT_AUTHORIZED_5 || reason === TOPIC_NAME_INVALID || reason === PACKET_TOO_LARGE) {
    stats.publishesDropped++;
    client.answer(type, packetId, mark);
  } else throw new MalformedPacket('the broker could not take a message', reason);
}
