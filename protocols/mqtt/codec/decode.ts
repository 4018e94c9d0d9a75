/**
 * Control packets from bytes. Each function takes the variable header and payload, `buffer[start, end)`, and throws
 * MalformedPacket on anything that the specification forbids or that does not add up to the last byte.
 *
 * It decides nothing about sessions, permissions or limits other than form.
 */

import { LEVEL_3_1, MalformedPacket } from './packet.ts';
import { filterFault, isText, topicFault } from './text.ts';

export type Qos = 0 | 1 | 2;

export interface Will {
  readonly topic: Buffer;
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly retain: boolean;
}

/**
 * CONNECT [MQTT 3.1.1, section 3.1]:
 *
 *     2 + n  protocol name, `MQTT` or `MQIsdp`
 *     1      protocol level
 *     1      flags: user name, password, will retain, will QoS (2 bits), will, clean session, reserved 0
 *     2      keep alive, seconds
 *     2 + n  client identifier
 *     2 + n  will topic     } if the will flag is set
 *     2 + n  will message   }
 *     2 + n  user name        if its flag is set
 *     2 + n  password         if its flag is set
 */
export interface Connect {
  readonly level: number;
  readonly clean: boolean;
  /** Seconds, 0 for none. */
  readonly keepAliveS: number;
  readonly clientId: string;
  readonly will: Will | undefined;
  readonly user: string | undefined;
  readonly password: Buffer | undefined;
}

export interface Subscription {
  readonly filter: string;
  readonly qos: Qos;
}

/** Where the parts of a PUBLISH lie. One object is filled again and again. */
export class PublishFields {
  qos: Qos = 0;
  dup = false;
  retain = false;
  topicStart = 0;
  topicEnd = 0;
  /** 0 for QoS 0. */
  packetId = 0;
  /** The payload is what follows. */
  bodyStart = 0;
}

/**
 * The protocol level a CONNECT asks for, without looking further: what follows it depends on it.
 * An unknown protocol name is malformed [MQTT-3.1.2-1].
 */
export function decodeLevel(buffer: Buffer, start: number, end: number): number {
  const nameEnd = start + 2 + u16(buffer, start, end);
  if (nameEnd + 1 > end) throw new MalformedPacket('a CONNECT that ends within its protocol name');
  const name = buffer.toString('latin1', start + 2, nameEnd);
  const level = buffer[nameEnd]!;
  if (name === 'MQTT' || (name === 'MQIsdp' && level === LEVEL_3_1)) return level;
  throw new MalformedPacket('an unknown protocol name [MQTT-3.1.2-1]');
}

export function decodeConnect(buffer: Buffer, start: number, end: number, levelsMax: number): Connect {
  const level = decodeLevel(buffer, start, end);
  let at = start + 3 + u16(buffer, start, end);
  if (at + 3 > end) throw new MalformedPacket('a CONNECT that ends within its header');
  const flags = buffer[at]!;
  const keepAliveS = (buffer[at + 1]! << 8) | buffer[at + 2]!;
  at += 3;
  if ((flags & 0x01) !== 0) throw new MalformedPacket('the reserved flag of CONNECT is set [MQTT-3.1.2-3]');
  const willFlag = (flags & 0x04) !== 0;
  const willQos = (flags >> 3) & 3;
  if (!willFlag && (flags & 0x38) !== 0) throw new MalformedPacket('will flags without a will [MQTT-3.1.2-11]');
  if (willQos === 3) throw new MalformedPacket('will QoS 3 [MQTT-3.1.2-14]');
  const userFlag = (flags & 0x80) !== 0;
  const passwordFlag = (flags & 0x40) !== 0;
  if (passwordFlag && !userFlag) throw new MalformedPacket('a password without a user name [MQTT-3.1.2-22]');

  const idEnd = fieldEnd(buffer, at, end);
  const clientId = text(buffer, at + 2, idEnd, 'client identifier [MQTT-3.1.3-4]');
  at = idEnd;

  let will: Will | undefined;
  if (willFlag) {
    const topicEnd = fieldEnd(buffer, at, end);
    const fault = topicFault(buffer, at + 2, topicEnd, levelsMax);
    if (fault !== undefined) throw new MalformedPacket(`a will with ${fault}`);
    const payloadEnd = fieldEnd(buffer, topicEnd, end);
    // Copies: the will outlives the chunk it came in.
    will = {
      topic: Buffer.from(buffer.subarray(at + 2, topicEnd)),
      payload: Buffer.from(buffer.subarray(topicEnd + 2, payloadEnd)),
      qos: willQos as Qos,
      retain: (flags & 0x20) !== 0,
    };
    at = payloadEnd;
  }
  let user: string | undefined;
  if (userFlag) {
    const userEnd = fieldEnd(buffer, at, end);
    user = text(buffer, at + 2, userEnd, 'user name [MQTT-3.1.3-11]');
    at = userEnd;
  }
  let password: Buffer | undefined;
  if (passwordFlag) {
    const passwordEnd = fieldEnd(buffer, at, end);
    password = Buffer.from(buffer.subarray(at + 2, passwordEnd));
    at = passwordEnd;
  }
  if (at !== end) throw new MalformedPacket('a CONNECT longer than its fields');
  return { level, clean: (flags & 0x02) !== 0, keepAliveS, clientId, will, user, password };
}

/**
 * PUBLISH [MQTT 3.1.1, section 3.3]: topic (2 + n), packet identifier (2, QoS 1 and 2), payload (the rest). The topic's
 * own rules are checked where it is not known already.
 */
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

/** The packet identifier of PUBACK, PUBREC, PUBREL, PUBCOMP, which is all they hold in 3.1.1. */
export function decodePacketId(buffer: Buffer, start: number, end: number): number {
  if (end - start !== 2) throw new MalformedPacket('an acknowledgement that is not two bytes long');
  const packetId = (buffer[start]! << 8) | buffer[start + 1]!;
  if (packetId === 0) throw new MalformedPacket('packet identifier 0 [MQTT-2.3.1-1]');
  return packetId;
}

/** SUBSCRIBE: packet identifier (2), then one or more of topic filter (2 + n), requested QoS (1). */
export function decodeSubscribe(
  buffer: Buffer,
  start: number,
  end: number,
  countMax: number,
): { packetId: number; subscriptions: Subscription[] } {
  const packetId = leadingPacketId(buffer, start, end);
  const subscriptions: Subscription[] = [];
  let at = start + 2;
  while (at < end) {
    const filterEnd = fieldEnd(buffer, at, end);
    if (filterEnd + 1 > end) throw new MalformedPacket('a SUBSCRIBE that ends before a QoS');
    const qos = buffer[filterEnd]!;
    if (qos > 2) throw new MalformedPacket('reserved bits or QoS 3 in SUBSCRIBE [MQTT-3.8.3-4]');
    subscriptions.push({ filter: filter(buffer, at + 2, filterEnd), qos: qos as Qos });
    if (subscriptions.length > countMax) throw new MalformedPacket(`a SUBSCRIBE of more than ${countMax} filters`);
    at = filterEnd + 1;
  }
  if (subscriptions.length === 0) throw new MalformedPacket('a SUBSCRIBE without a filter [MQTT-3.8.3-3]');
  return { packetId, subscriptions };
}

/** UNSUBSCRIBE: packet identifier (2), then one or more of topic filter (2 + n). */
export function decodeUnsubscribe(
  buffer: Buffer,
  start: number,
  end: number,
  countMax: number,
): { packetId: number; filters: string[] } {
  const packetId = leadingPacketId(buffer, start, end);
  const filters: string[] = [];
  let at = start + 2;
  while (at < end) {
    const filterEnd = fieldEnd(buffer, at, end);
    filters.push(filter(buffer, at + 2, filterEnd));
    if (filters.length > countMax) throw new MalformedPacket(`an UNSUBSCRIBE of more than ${countMax} filters`);
    at = filterEnd;
  }
  if (filters.length === 0) throw new MalformedPacket('an UNSUBSCRIBE without a filter [MQTT-3.10.3-2]');
  return { packetId, filters };
}

function leadingPacketId(buffer: Buffer, start: number, end: number): number {
  const packetId = u16(buffer, start, end);
  if (packetId === 0) throw new MalformedPacket('packet identifier 0 [MQTT-2.3.1-1]');
  return packetId;
}

function filter(buffer: Buffer, start: number, end: number): string {
  const fault = filterFault(buffer, start, end);
  if (fault !== undefined) throw new MalformedPacket(fault);
  return buffer.toString('utf8', start, end);
}

function text(buffer: Buffer, start: number, end: number, what: string): string {
  if (!isText(buffer, start, end)) throw new MalformedPacket(`not UTF-8 text: ${what}`);
  return buffer.toString('utf8', start, end);
}

function u16(buffer: Buffer, at: number, end: number): number {
  if (at + 2 > end) throw new MalformedPacket('a packet that ends within a field');
  return (buffer[at]! << 8) | buffer[at + 1]!;
}

/** Where the field that begins with its length at `at` ends. */
function fieldEnd(buffer: Buffer, at: number, end: number): number {
  const fieldEnds = at + 2 + u16(buffer, at, end);
  if (fieldEnds > end) throw new MalformedPacket('a packet that ends within a field');
  return fieldEnds;
}
