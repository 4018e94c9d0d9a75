/**
 * The properties that an application message comes with, in PUBLISH or as a will, as the broker stores them: the bytes
 * of the wire, less what concerns only this hop or changes on the way.
 *
 *     stored as it is          payload format, content type, response topic, correlation data, user properties
 *     taken out, with meaning  message expiry interval, topic alias, will delay interval
 *
 * A message that has none of the second kind keeps its bytes where they lie. What is made of the bytes is said in
 * `mapping/dialect.ts`.
 */
import { MalformedPacket } from '../packet.ts';
import { PROTOCOL_ERROR, QUOTA_EXCEEDED, TOPIC_ALIAS_INVALID } from '../reasons.ts';
import type { PropertyReader } from './property-reader.ts';
import {
  MESSAGE_EXPIRY,
  PAYLOAD_FORMAT,
  RESPONSE_TOPIC,
  SUBSCRIPTION_IDENTIFIER,
  TOPIC_ALIAS,
  USER_PROPERTY,
  WILL_DELAY,
} from './property-table.ts';
import { PropertyWriter } from './property-writer.ts';

const NOTHING = Buffer.alloc(0);
const PLUS = 0x2b;
const HASH = 0x23;

export class MessageProperties {
  /** What is stored: `buffer[start, end)`, valid as long as the packet, and until the next `take`. */
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  /** Seconds, -1 for not given. */
  expiryS = -1;
  /** 0 for not given. */
  alias = 0;
  /** Seconds. */
  willDelayS = 0;
  /** The payload is declared to be UTF-8 text. */
  text = false;
  /** It has user properties: those of some names mean something to the broker. */
  hasUserProperties = false;
  private readonly rest = new PropertyWriter();

  /**
   * Reads `buffer[start, end)`, which begins behind the length.
   * @param sizeMax the most bytes there may be
   * @throws MalformedPacket
   */
  take(reader: PropertyReader, buffer: Buffer, start: number, end: number, packet: number, sizeMax: number): void {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.expiryS = -1;
    this.alias = 0;
    this.willDelayS = 0;
    this.text = false;
    this.hasUserProperties = false;
    if (start === end) return;
    if (end - start > sizeMax) {
      throw new MalformedPacket(`${end - start} bytes of properties, more than ${sizeMax}`, QUOTA_EXCEEDED);
    }
    let cut = false;
    reader.begin(buffer, start, end, packet);
    while (reader.next()) {
      switch (reader.id) {
        case USER_PROPERTY:
          this.hasUserProperties = true;
          break;
        case PAYLOAD_FORMAT:
          this.text = reader.number === 1;
          break;
        case MESSAGE_EXPIRY:
          this.expiryS = reader.number;
          cut = true;
          break;
        case TOPIC_ALIAS:
          if (reader.number === 0) throw new MalformedPacket('topic alias 0 [MQTT5-3.3.2-8]', TOPIC_ALIAS_INVALID);
          this.alias = reader.number;
          cut = true;
          break;
        case WILL_DELAY:
          this.willDelayS = reader.number;
          cut = true;
          break;
        case RESPONSE_TOPIC:
          checkResponseTopic(buffer, reader.start, reader.end);
          break;
        case SUBSCRIPTION_IDENTIFIER:
          throw new MalformedPacket('a subscription identifier from a client [MQTT5-3.3.4-6]', PROTOCOL_ERROR);
        default:
      }
    }
    if (cut) this.cut(reader, buffer, start, end, packet);
  }

  /** The same, with bytes of its own: for as long as it is wanted. */
  copy(): MessageProperties {
    const { start, end } = this;
    if (start === end && this.expiryS < 0) return NO_PROPERTIES; // the delay of a will is not of its message
    const copy = new MessageProperties();
    copy.buffer = Buffer.from(this.buffer.subarray(start, end));
    copy.end = end - start;
    copy.expiryS = this.expiryS;
    copy.willDelayS = this.willDelayS;
    copy.text = this.text;
    copy.hasUserProperties = this.hasUserProperties;
    return copy;
  }

  /** Those of a message that is stored: its bytes, and seconds to live, -1 for not given. */
  static stored(bytes: Buffer, expiryS: number): MessageProperties {
    const properties = new MessageProperties();
    properties.buffer = bytes;
    properties.end = bytes.length;
    properties.expiryS = expiryS;
    properties.hasUserProperties = bytes.length > 0;
    return properties;
  }

  private cut(reader: PropertyReader, buffer: Buffer, start: number, end: number, packet: number): void {
    const { rest } = this;
    rest.clear();
    reader.begin(buffer, start, end, packet);
    while (reader.next()) {
      const { id } = reader;
      if (id !== MESSAGE_EXPIRY && id !== TOPIC_ALIAS && id !== WILL_DELAY) {
        rest.raw(buffer, reader.propertyStart, reader.at);
      }
    }
    this.buffer = rest.buffer;
    this.start = 0;
    this.end = rest.length;
  }
}

/** Of a message that has none. */
export const NO_PROPERTIES: MessageProperties = new MessageProperties();

/** A response topic is a topic name [MQTT5-3.3.2-14]. */
function checkResponseTopic(buffer: Buffer, start: number, end: number): void {
  for (let i = start; i < end; i++) {
    if (buffer[i] === PLUS || buffer[i] === HASH) {
      throw new MalformedPacket('a wildcard in a response topic [MQTT5-3.3.2-14]', PROTOCOL_ERROR);
    }
  }
}
