/** The data types of the wire that packets are made of [MQTT 5.0, section 1.5], read with every bound checked. */
import { MalformedPacket } from './packet.ts';
import { isText } from './text.ts';

/** Two bytes, most significant first. */
export function u16(buffer: Buffer, at: number, end: number): number {
  if (at + 2 > end) throw new MalformedPacket('a packet that ends within a field');
  return (buffer[at]! << 8) | buffer[at + 1]!;
}

/** Where the field that begins with its two bytes of length at `at` ends. */
export function fieldEnd(buffer: Buffer, at: number, end: number): number {
  const fieldEnds = at + 2 + u16(buffer, at, end);
  if (fieldEnds > end) throw new MalformedPacket('a packet that ends within a field');
  return fieldEnds;
}

export function text(buffer: Buffer, start: number, end: number, what: string): string {
  if (!isText(buffer, start, end)) throw new MalformedPacket(`not UTF-8 text: ${what}`);
  return buffer.toString('utf8', start, end);
}

/** A packet identifier, which is never 0. */
export function packetIdAt(buffer: Buffer, at: number, end: number): number {
  const packetId = u16(buffer, at, end);
  if (packetId === 0) throw new MalformedPacket('packet identifier 0 [MQTT-2.3.1-1]');
  return packetId;
}

/** How many bytes a variable byte integer takes. */
export function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}

/**
 * A variable byte integer: 7 bits a byte, least significant first, in one to four bytes and no more of them than the
 * value needs [MQTT5-1.5.5-1]. How many it took is `varintBytes` of it.
 */
export function varint(buffer: Buffer, at: number, end: number): number {
  let value = 0;
  for (let shift = 0; shift <= 21; shift += 7) {
    if (at >= end) throw new MalformedPacket('a packet that ends within a variable byte integer');
    const byte = buffer[at++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (byte === 0 && shift > 0) throw new MalformedPacket('an integer in more bytes than it needs [MQTT5-1.5.5-1]');
      return value;
    }
  }
  throw new MalformedPacket('a variable byte integer of more than four bytes');
}

/** Writes a variable byte integer; returns where it ended. */
export function writeVarint(buffer: Buffer, at: number, value: number): number {
  let rest = value;
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}
