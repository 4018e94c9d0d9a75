/**
 * PUBLISH from a client [MQTT 3.1.1 and 5.0, section 3.3]:
 *
 *     2 + n  topic
 *     2      packet identifier   QoS 1 and 2
 *     m      properties          5.0 only
 *     rest   payload
 *
 * The topic's own rules are checked where it is not known already.
 */

import type { MessageProperties } from './message-properties.ts';
import { MalformedPacket, PUBLISH } from './packet.ts';
import { PropertyReader, propertiesEnd, propertiesStart } from './properties.ts';

export type Qos = 0 | 1 | 2;

/** Where the parts of a PUBLISH lie. One object is filled again and again. */
export class PublishFields {
  qos: Qos = 0;
  dup = false;
  retain = false;
  topicStart = 0;
  topicEnd = 0;
  /** 0 for QoS 0. */
  packetId = 0;
  /** The payload is what follows; for 5.0, once `decodePublishProperties` has moved it on. */
  bodyStart = 0;
}

export function decodePublish(first: number, buffer: Buffer, start: number, end: number, fields: PublishFields): void {
  const qos = (first >> 1) & 3;
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
  } else if (at > end) {
    throw new MalformedPacket('a PUBLISH that ends within its topic');
  }
  fields.qos = qos as Qos;
  fields.dup = (first & 0x08) !== 0;
  fields.retain = (first & 0x01) !== 0;
  fields.topicStart = topicStart;
  fields.topicEnd = topicEnd;
  fields.packetId = packetId;
  fields.bodyStart = at;
}

const reader = new PropertyReader();

/** 5.0: reads the properties that lie where the payload was thought to begin, and moves that on behind them. */
export function decodePublishProperties(
  buffer: Buffer,
  end: number,
  fields: PublishFields,
  properties: MessageProperties,
): void {
  const at = fields.bodyStart;
  if (at < end && buffer[at] === 0) {
    properties.take(reader, buffer, at + 1, at + 1, PUBLISH);
    fields.bodyStart = at + 1;
    return;
  }
  const propsEnd = propertiesEnd(buffer, at, end);
  properties.take(reader, buffer, propertiesStart(buffer, at), propsEnd, PUBLISH);
  fields.bodyStart = propsEnd;
}
