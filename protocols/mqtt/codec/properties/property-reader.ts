/**
 * The reader of MQTT 5.0's properties [section 2.2.2]: it walks over them where they lie and makes nothing of them.
 *
 * The reader refuses: an identifier that is not in the table or not for its packet, a value of another form (malformed
 * packet [MQTT5 2.2.2.2]); one that comes twice and may not, a value out of its range (protocol error).
 */
import { varint, varintBytes } from '../fields.ts';
import { MalformedPacket } from '../packet.ts';
import { PROTOCOL_ERROR } from '../reasons.ts';
import { isText } from '../text.ts';
import {
  ABSENT,
  BINARY,
  BYTE,
  IDS,
  MAXIMUM,
  MINIMUM,
  PACKETS,
  PAIR,
  TEXT,
  TYPES,
  U16,
  USER_PROPERTY,
  VARINT,
} from './property-table.ts';

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
  /** The name of a pair; an empty range for every other property. */
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
    this.nameStart = 0;
    this.nameEnd = 0;
    if (id !== USER_PROPERTY) this.once(id);
    this.at++;
    const type = TYPES[id]!;
    if (type >= TEXT) this.ranges(type);
    else this.integer(type, id);
    return true;
  }

  /** It is a pair of this name. @param name ASCII, not empty */
  isNamed(name: string): boolean {
    return this.buffer.latin1Slice(this.nameStart, this.nameEnd) === name;
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
