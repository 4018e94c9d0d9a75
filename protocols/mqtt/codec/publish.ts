/**
 * PUBLISH from a client [MQTT 3.1.1 and 5.0, section 3.3]:
 *
 *     2 + n  topic
 *     2      packet identifier   QoS 1 and 2
 *     m      properties          5.0 only
 *     rest   payload
 *
 * The topic's own rules (`checkTopicName`) are checked where it is not known already.
 */

import { LEVEL_3_1, MalformedPacket, PUBLISH } from './packet.ts';
import type { MessageProperties } from './properties/message-properties.ts';
import { PropertyReader, propertiesEnd, propertiesStart } from './properties/property-reader.ts';
import { PROTOCOL_ERROR, TOPIC_NAME_INVALID } from './reasons.ts';
import { levelsIn, topicFault } from './text.ts';

export type Qos = 0 | 1 | 2;

/** Where the parts of a PUBLISH lie. One object is filled again and again. */
export class PublishFields {
  qos: Qos = 0;
  retain = false;
  topicStart = 0;
  topicEnd = 0;
  /** 0 for QoS 0. */
  packetId = 0;
  /** The payload is what follows; for 5.0, once `decodePublishProperties` has moved it on. */
  bodyStart = 0;
}

export function decodePublish(
  first: number,
  buffer: Buffer,
  start: number,
  end: number,
  level: number,
  fields: PublishFields,
): void {
  const qos = (first >> 1) & 3;
  const dup = (first & 0x08) !== 0;
  if (start + 2 > end) throw new MalformedPacket('a PUBLISH that ends within its topic');
  const topicStart = start + 2;
  const topicEnd = topicStart + ((buffer[start]! << 8) | buffer[start + 1]!);
  let at = topicEnd;
  let packetId = 0;
  if (qos !== 0) {
    if (qos === 3) throw new MalformedPacket('PUBLISH with QoS 3 [MQTT-3.3.1-4]');
    at += 2;
    if (at > end) throw new MalformedPacket('a PUBLISH that ends within its header');
    packetId = (buffer[topicEnd]! << 8) | buffer[topicEnd + 1]!;
    if (packetId === 0) throw new MalformedPacket('packet identifier 0 [MQTT-2.3.1-1]');
  } else {
    if (at > end) throw new MalformedPacket('a PUBLISH that ends within its topic');
    // DUP has no meaning here; 3.1 did not say so.
    if (dup && level !== LEVEL_3_1) throw new MalformedPacket('DUP with QoS 0 [MQTT-3.3.1-2]');
  }
  fields.qos = qos as Qos;
  fields.retain = (first & 0x01) !== 0;
  fields.topicStart = topicStart;
  fields.topicEnd = topicEnd;
  fields.packetId = packetId;
  fields.bodyStart = at;
}

/**
 * The rules for the name that a PUBLISH or a will is sent to.
 * @throws MalformedPacket
 */
export function checkTopicName(buffer: Buffer, start: number, end: number, levelsMax: number): void {
  const fault = topicFault(buffer, start, end);
  if (fault !== undefined) {
    // 5.0: an empty one stands for an alias, and there was none [MQTT5 3.3.2.1].
    throw start === end ? new MalformedPacket(fault, PROTOCOL_ERROR) : new MalformedPacket(fault);
  }
  if (levelsIn(buffer, start, end) > levelsMax) {
    throw new MalformedPacket(`a topic of more than ${levelsMax} levels`, TOPIC_NAME_INVALID);
  }
}

const reader = new PropertyReader();

/**
 * 5.0: reads the properties that lie where the payload was thought to begin, and moves that on behind them.
 * @param sizeMax the most bytes of properties
 */
export function decodePublishProperties(
  buffer: Buffer,
  end: number,
  fields: PublishFields,
  properties: MessageProperties,
  sizeMax: number,
): void {
  const at = fields.bodyStart;
  if (at < end && buffer[at] === 0) {
    properties.take(reader, buffer, at + 1, at + 1, PUBLISH, sizeMax);
    fields.bodyStart = at + 1;
    return;
  }
  const propsEnd = propertiesEnd(buffer, at, end);
  properties.take(reader, buffer, propertiesStart(buffer, at), propsEnd, PUBLISH, sizeMax);
  fields.bodyStart = propsEnd;
}
