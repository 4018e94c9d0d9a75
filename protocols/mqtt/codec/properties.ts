/**
 * The properties of MQTT 5.0 [section 2.2.2]: one table, one reader that walks over them without making anything of them,
 * one writer.
 *
 *     +------------------------+ +----+-------+ +----+-------+
 *     | length, 1 to 4 bytes   | | id | value | | id | value | …
 *     +------------------------+ +----+-------+ +----+-------+
 *                                     by type:  byte      1 byte
 *                                               u16, u32  2, 4 bytes, most significant first
 *                                               varint    1 to 4 bytes
 *                                               text      2 bytes of length, UTF-8
 *                                               binary    2 bytes of length, any bytes
 *                                               pair      two texts: name, value
 *
 *      id  name                              type    in
 *      01  payload format indicator          byte    PUBLISH, will
 *      02  message expiry interval           u32     PUBLISH, will
 *      03  content type                      text    PUBLISH, will
 *      08  response topic                    text    PUBLISH, will
 *      09  correlation data                  binary  PUBLISH, will
 *      0b  subscription identifier           varint  PUBLISH (from a server, several), SUBSCRIBE
 *      11  session expiry interval           u32     CONNECT, CONNACK, DISCONNECT
 *      12  assigned client identifier        text    CONNACK
 *      13  server keep alive                 u16     CONNACK
 *      15  authentication method             text    CONNECT, CONNACK, AUTH
 *      16  authentication data               binary  CONNECT, CONNACK, AUTH
 *      17  request problem information       byte    CONNECT
 *      18  will delay interval               u32     will
 *      19  request response information      byte    CONNECT
 *      1a  response information              text    CONNACK
 *      1c  server reference                  text    CONNACK, DISCONNECT
 *      1f  reason string                     text    CONNACK, PUBACK to PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH
 *      21  receive maximum                   u16     CONNECT, CONNACK
 *      22  topic alias maximum               u16     CONNECT, CONNACK
 *      23  topic alias                       u16     PUBLISH
 *      24  maximum QoS                       byte    CONNACK
 *      25  retain available                  byte    CONNACK
 *      26  user property                     pair    all, any number of them, in order
 *      27  maximum packet size               u32     CONNECT, CONNACK
 *      28  wildcard subscription available   byte    CONNACK
 *      29  subscription identifier available byte    CONNACK
 *      2a  shared subscription available     byte    CONNACK
 *
 * The reader refuses: an identifier that is not in the table or not for its packet, a value of another form (malformed
 * packet [MQTT5 2.2.2.2]); one that comes twice and may not, a value out of its range (protocol error).
 */

import { varint, varintBytes, writeVarint } from './fields.ts';
import {
  AUTH,
  CONNACK,
  CONNECT,
  DISCONNECT,
  MalformedPacket,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  SUBACK,
  SUBSCRIBE,
  UNSUBACK,
  UNSUBSCRIBE,
} from './packet.ts';
import { PROTOCOL_ERROR } from './reasons.ts';
import { isText } from './text.ts';

export const PAYLOAD_FORMAT = 0x01;
export const MESSAGE_EXPIRY = 0x02;
export const CONTENT_TYPE = 0x03;
export const RESPONSE_TOPIC = 0x08;
export const CORRELATION_DATA = 0x09;
export const SUBSCRIPTION_IDENTIFIER = 0x0b;
export const SESSION_EXPIRY = 0x11;
export const ASSIGNED_CLIENT_IDENTIFIER = 0x12;
export const SERVER_KEEP_ALIVE = 0x13;
export const AUTHENTICATION_METHOD = 0x15;
export const AUTHENTICATION_DATA = 0x16;
export const REQUEST_PROBLEM_INFORMATION = 0x17;
export const WILL_DELAY = 0x18;
export const REQUEST_RESPONSE_INFORMATION = 0x19;
export const RESPONSE_INFORMATION = 0x1a;
export const SERVER_REFERENCE = 0x1c;
export const REASON_STRING = 0x1f;
export const RECEIVE_MAXIMUM = 0x21;
export const TOPIC_ALIAS_MAXIMUM = 0x22;
export const TOPIC_ALIAS = 0x23;
export const MAXIMUM_QOS = 0x24;
export const RETAIN_AVAILABLE = 0x25;
export const USER_PROPERTY = 0x26;
export const MAXIMUM_PACKET_SIZE = 0x27;
export const WILDCARD_SUBSCRIPTION_AVAILABLE = 0x28;
export const SUBSCRIPTION_IDENTIFIER_AVAILABLE = 0x29;
export const SHARED_SUBSCRIPTION_AVAILABLE = 0x2a;

/** Where a will's properties are: in CONNECT, but not CONNECT's own. Packet types use the places 1 to 15. */
export const WILL = 0;

const ABSENT = 0;
const BYTE = 1;
const U16 = 2;
const U32 = 3;
const VARINT = 4;
const TEXT = 5;
const BINARY = 6;
const PAIR = 7;

const IDS = 0x2b;
const TYPES = new Uint8Array(IDS);
/** By identifier: a bit for each packet type that may have it. */
const PACKETS = new Uint16Array(IDS);
/** By identifier: what a number may be. */
const MINIMUM = new Uint8Array(IDS);
const MAXIMUM = new Float64Array(IDS).fill(0xffff_ffff);

function define(id: number, type: number, packets: readonly number[], minimum = 0, maximum = 0xffff_ffff): void {
  TYPES[id] = type;
  for (const packet of packets) PACKETS[id]! |= 1 << packet;
  MINIMUM[id] = minimum;
  MAXIMUM[id] = maximum;
}

const ACKNOWLEDGEMENTS = [PUBACK, PUBREC, PUBREL, PUBCOMP];

define(PAYLOAD_FORMAT, BYTE, [PUBLISH, WILL], 0, 1);
define(MESSAGE_EXPIRY, U32, [PUBLISH, WILL]);
define(CONTENT_TYPE, TEXT, [PUBLISH, WILL]);
define(RESPONSE_TOPIC, TEXT, [PUBLISH, WILL]);
define(CORRELATION_DATA, BINARY, [PUBLISH, WILL]);
define(SUBSCRIPTION_IDENTIFIER, VARINT, [PUBLISH, SUBSCRIBE], 1);
define(SESSION_EXPIRY, U32, [CONNECT, CONNACK, DISCONNECT]);
define(ASSIGNED_CLIENT_IDENTIFIER, TEXT, [CONNACK]);
define(SERVER_KEEP_ALIVE, U16, [CONNACK]);
define(AUTHENTICATION_METHOD, TEXT, [CONNECT, CONNACK, AUTH]);
define(AUTHENTICATION_DATA, BINARY, [CONNECT, CONNACK, AUTH]);
define(REQUEST_PROBLEM_INFORMATION, BYTE, [CONNECT], 0, 1);
define(WILL_DELAY, U32, [WILL]);
define(REQUEST_RESPONSE_INFORMATION, BYTE, [CONNECT], 0, 1);
define(RESPONSE_INFORMATION, TEXT, [CONNACK]);
define(SERVER_REFERENCE, TEXT, [CONNACK, DISCONNECT]);
define(REASON_STRING, TEXT, [CONNACK, ...ACKNOWLEDGEMENTS, SUBACK, UNSUBACK, DISCONNECT, AUTH]);
define(RECEIVE_MAXIMUM, U16, [CONNECT, CONNACK], 1);
define(TOPIC_ALIAS_MAXIMUM, U16, [CONNECT, CONNACK]);
define(TOPIC_ALIAS, U16, [PUBLISH]); // 0 is refused with a code of its own
define(MAXIMUM_QOS, BYTE, [CONNACK], 0, 1);
define(RETAIN_AVAILABLE, BYTE, [CONNACK], 0, 1);
define(USER_PROPERTY, PAIR, [
  WILL,
  CONNECT,
  CONNACK,
  PUBLISH,
  ...ACKNOWLEDGEMENTS,
  SUBSCRIBE,
  SUBACK,
  UNSUBSCRIBE,
  UNSUBACK,
  DISCONNECT,
  AUTH,
]);
define(MAXIMUM_PACKET_SIZE, U32, [CONNECT, CONNACK], 1);
define(WILDCARD_SUBSCRIPTION_AVAILABLE, BYTE, [CONNACK], 0, 1);
define(SUBSCRIPTION_IDENTIFIER_AVAILABLE, BYTE, [CONNACK], 0, 1);
define(SHARED_SUBSCRIPTION_AVAILABLE, BYTE, [CONNACK], 0, 1);

/** Where the properties end whose length is at `at`. */
export function propertiesEnd(buffer: Buffer, at: number, end: number): number {
  const length = varint(buffer, at, end);
  const propertiesEnds = at + varintBytes(length) + length;
  if (propertiesEnds > end) throw new MalformedPacket('properties that are longer than their packet');
  return propertiesEnds;
}

/** Where the properties whose length is at `at` begin; `propertiesEnd` has checked the length. */
export function propertiesStart(buffer: Buffer, at: number): number {
  while (buffer[at]! >= 0x80) at++;
  return at + 1;
}

/**
 * Walks over the properties of one packet. Used again and again: `begin`, then `next` until it returns false; what the
 * last one was is in the fields.
 */
export class PropertyReader {
  id = 0;
  /** Where the property begins, its identifier included. */
  propertyStart = 0;
  /** The value of a byte, u16, u32 or varint. */
  number = 0;
  /** The value of a text, a binary, or a pair: without its length. */
  start = 0;
  end = 0;
  /** The name of a pair. */
  nameStart = 0;
  nameEnd = 0;
  /** Where the next one begins. */
  at = 0;
  private buffer: Buffer = Buffer.alloc(0);
  private last = 0;
  private packet = 0;
  private seenLow = 0;
  private seenHigh = 0;

  /**
   * @param start behind their length
   * @param packet a packet type, or WILL
   */
  begin(buffer: Buffer, start: number, end: number, packet: number): void {
    this.buffer = buffer;
    this.at = start;
    this.last = end;
    this.packet = packet;
    this.seenLow = 0;
    this.seenHigh = 0;
  }

  next(): boolean {
    const { buffer, last } = this;
    if (this.at >= last) return false;
    this.propertyStart = this.at;
    // The identifier is a variable byte integer, but all that exist fit into one byte.
    const id = buffer[this.at]!;
    if (id >= IDS || TYPES[id] === ABSENT || (PACKETS[id]! & (1 << this.packet)) === 0) {
      throw new MalformedPacket(`property 0x${id.toString(16)} in packet type ${this.packet} [MQTT5 2.2.2.2]`);
    }
    this.id = id;
    if (id !== USER_PROPERTY) this.once(id);
    this.at++;
    const type = TYPES[id]!;
    if (type >= TEXT) this.ranges(type);
    else this.integer(type, id);
    return true;
  }

  /** A server's PUBLISH alone may have a property twice, and a client may not send that one at all. */
  private once(id: number): void {
    const bit = 1 << (id & 31);
    const seen = id < 32 ? this.seenLow : this.seenHigh;
    if ((seen & bit) !== 0) {
      throw new MalformedPacket(`property 0x${id.toString(16)} more than once`, PROTOCOL_ERROR);
    }
    if (id < 32) this.seenLow |= bit;
    else this.seenHigh |= bit;
  }

  private integer(type: number, id: number): void {
    const { buffer, last } = this;
    let at = this.at;
    if (type === VARINT) {
      this.number = varint(buffer, at, last);
      at += varintBytes(this.number);
    } else {
      const bytes = type === BYTE ? 1 : type === U16 ? 2 : 4;
      if (at + bytes > last) throw new MalformedPacket('properties that end within a value');
      let value = 0;
      for (let i = 0; i < bytes; i++) value = value * 256 + buffer[at++]!;
      this.number = value;
    }
    this.at = at;
    if (this.number < MINIMUM[id]! || this.number > MAXIMUM[id]!) {
      throw new MalformedPacket(`property 0x${id.toString(16)} is ${this.number}`, PROTOCOL_ERROR);
    }
  }

  private ranges(type: number): void {
    if (type === PAIR) {
      this.field(true);
      this.nameStart = this.start;
      this.nameEnd = this.end;
    }
    this.field(type !== BINARY);
  }

  private field(text: boolean): void {
    const { buffer, at, last } = this;
    const start = at + 2;
    if (start > last) throw new MalformedPacket('properties that end within a length');
    const end = start + ((buffer[at]! << 8) | buffer[at + 1]!);
    if (end > last) throw new MalformedPacket('properties that end within a value');
    if (text && !isText(buffer, start, end)) throw new MalformedPacket('a property that is not UTF-8 [MQTT5-1.5.4-1]');
    this.start = start;
    this.end = end;
    this.at = end;
  }
}

const ROOM = 256;

/** Gathers properties as bytes. Used again and again: `clear`, then add; `bytes` is `buffer[0, length)`. */
export class PropertyWriter {
  buffer: Buffer = Buffer.allocUnsafeSlow(ROOM);
  length = 0;

  clear(): void {
    this.length = 0;
  }

  integer(id: number, value: number): void {
    const type = TYPES[id]!;
    this.room(5);
    this.buffer[this.length++] = id;
    if (type === VARINT) {
      this.length = writeVarint(this.buffer, this.length, value);
      return;
    }
    for (let shift = type === BYTE ? 0 : type === U16 ? 8 : 24; shift >= 0; shift -= 8) {
      this.buffer[this.length++] = value >>> shift;
    }
  }

  /** A text or a binary. False if it is longer than a field can be: then nothing is written. */
  field(id: number, value: string | Buffer): boolean {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    if (bytes.length > 0xffff) return false;
    this.room(3 + bytes.length);
    this.buffer[this.length++] = id;
    this.put(bytes);
    return true;
  }

  /** A user property. False if either part is too long: then nothing is written. */
  pair(name: string, value: string): boolean {
    const nameBytes = Buffer.from(name, 'utf8');
    const valueBytes = Buffer.from(value, 'utf8');
    if (nameBytes.length > 0xffff || valueBytes.length > 0xffff) return false;
    this.room(5 + nameBytes.length + valueBytes.length);
    this.buffer[this.length++] = USER_PROPERTY;
    this.put(nameBytes);
    this.put(valueBytes);
    return true;
  }

  /** Properties that are bytes already. */
  raw(source: Buffer, start: number, end: number): void {
    this.room(end - start);
    source.copy(this.buffer, this.length, start, end);
    this.length += end - start;
  }

  private put(bytes: Buffer): void {
    this.buffer[this.length++] = bytes.length >>> 8;
    this.buffer[this.length++] = bytes.length;
    bytes.copy(this.buffer, this.length);
    this.length += bytes.length;
  }

  private room(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.length + bytes, 2 * this.buffer.length));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}
