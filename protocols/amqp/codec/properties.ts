/**
 * The properties of a basic message: a word of flags and, in the order of the flags, what is there. [§4.2.6.1]
 *
 *     0       2
 *     +-------+--------------------------------------------------------------+
 *     | flags | content-type, content-encoding, headers, delivery-mode, …    |
 *     +-------+--------------------------------------------------------------+
 *       u16     short strings (u8 length, bytes), u8, u64, one field table
 *
 * These very bytes are what is stored with a message, so between two AMQP clients they are copied, not decoded.
 * `PropertyScan` reads from them what the broker must know, without allocating; `readProperties` and
 * `writeProperties` are for the borders.
 */
import { ByteRange, type ByteSink, bytesOf, type Headers, textOf, type Value } from '../../../src/api/index.ts';
import {
  HAS_APP_ID,
  HAS_CLUSTER_ID,
  HAS_CONTENT_ENCODING,
  HAS_CONTENT_TYPE,
  HAS_CORRELATION_ID,
  HAS_DELIVERY_MODE,
  HAS_EXPIRATION,
  HAS_HEADERS,
  HAS_MESSAGE_ID,
  HAS_PRIORITY,
  HAS_REPLY_TO,
  HAS_TIMESTAMP,
  HAS_TYPE,
  HAS_USER_ID,
  UNDEFINED_FLAGS,
} from './constants.ts';
import { SyntaxFault } from './faults.ts';
import { checkTable, findText, HAS_COPIES, HAS_GROUP, HAS_HINTS, HAS_REPEATS, readField, readTable } from './table.ts';
import { writeTable } from './table-writer.ts';

/** What a publisher's properties mean to the broker. `read` checks all of them, so that no consumer gets broken ones. */
export class PropertyScan {
  /** 2 is persistent; 0 when not given. */
  deliveryMode = 0;
  /** 0 to 255, -1 when not given. */
  priority = -1;
  /** Where the expiration's digits are, if it `expires`. */
  expirationStart = 0;
  expirationEnd = 0;
  expires = false;
  /** Where the user id is, if `claimsUser`. */
  userIdStart = 0;
  userIdEnd = 0;
  claimsUser = false;
  /** Where the content of the headers table is; equal when there is none. */
  headersStart = 0;
  headersEnd = 0;
  /** The headers name further routing keys: `CC` or `BCC`. */
  copies = false;
  /** The headers name a group. */
  grouped = false;
  /** The headers say something that the broker goes by (`takeHints`). */
  hinted = false;
  /** Two headers have one name, which may not be. */
  repeats = false;
  /** Where the reply-to is; equal when not given (or empty). */
  replyToStart = 0;
  replyToEnd = 0;
  private at = 0;

  read(buffer: Buffer, start: number, end: number): void {
    this.deliveryMode = 0;
    this.priority = -1;
    this.expires = false;
    this.claimsUser = false;
    this.copies = false;
    this.grouped = false;
    this.hinted = false;
    this.repeats = false;
    this.headersStart = this.headersEnd = 0;
    this.replyToStart = this.replyToEnd = 0;
    if (end - start < 2) throw new SyntaxFault('content header without property flags');
    const flags = (buffer[start]! << 8) | buffer[start + 1]!;
    this.at = start + 2;
    if (flags !== 0) {
      if ((flags & UNDEFINED_FLAGS) !== 0) throw new SyntaxFault('undefined property flags');
      if ((flags & HAS_CONTENT_TYPE) !== 0) this.skipShort(buffer, end);
      if ((flags & HAS_CONTENT_ENCODING) !== 0) this.skipShort(buffer, end);
      if ((flags & HAS_HEADERS) !== 0) {
        const from = this.skip(4, end);
        const table = this.skip(buffer.readUInt32BE(from), end);
        const found = checkTable(buffer, table, this.at);
        this.copies = (found & HAS_COPIES) !== 0;
        this.grouped = (found & HAS_GROUP) !== 0;
        this.hinted = (found & HAS_HINTS) !== 0;
        this.repeats = (found & HAS_REPEATS) !== 0;
        this.headersStart = table;
        this.headersEnd = this.at;
      }
      if ((flags & HAS_DELIVERY_MODE) !== 0) this.deliveryMode = buffer[this.skip(1, end)]!;
      if ((flags & HAS_PRIORITY) !== 0) this.priority = buffer[this.skip(1, end)]!;
      if ((flags & HAS_CORRELATION_ID) !== 0) this.skipShort(buffer, end);
      if ((flags & HAS_REPLY_TO) !== 0) {
        this.replyToStart = this.skipShort(buffer, end);
        this.replyToEnd = this.at;
      }
      if ((flags & HAS_EXPIRATION) !== 0) {
        this.expirationStart = this.skipShort(buffer, end);
        this.expirationEnd = this.at;
        this.expires = true;
      }
      if ((flags & HAS_MESSAGE_ID) !== 0) this.skipShort(buffer, end);
      if ((flags & HAS_TIMESTAMP) !== 0) this.skip(8, end);
      if ((flags & HAS_TYPE) !== 0) this.skipShort(buffer, end);
      if ((flags & HAS_USER_ID) !== 0) {
        this.userIdStart = this.skipShort(buffer, end);
        this.userIdEnd = this.at;
        this.claimsUser = true;
      }
      if ((flags & HAS_APP_ID) !== 0) this.skipShort(buffer, end);
      if ((flags & HAS_CLUSTER_ID) !== 0) this.skipShort(buffer, end);
    }
    if (this.at !== end) throw new SyntaxFault(`${end - this.at} bytes behind the properties`);
  }

  private skip(n: number, end: number): number {
    const at = this.at;
    if (n > end - at) throw new SyntaxFault('a property leaves its header');
    this.at = at + n;
    return at;
  }

  private skipShort(buffer: Buffer, end: number): number {
    const at = this.skip(1, end);
    return this.skip(buffer[at]!, end);
  }
}

/** The properties under the specification's names; what is undefined was not there. */
export interface BasicProperties {
  contentType?: string;
  contentEncoding?: string;
  headers?: Headers;
  deliveryMode?: number;
  priority?: number;
  correlationId?: string;
  replyTo?: string;
  expiration?: string;
  messageId?: string;
  timestampS?: bigint;
  type?: string;
  userId?: string;
  appId?: string;
  clusterId?: string;
}

/** Throws a `SyntaxFault` where `PropertyScan.read` would. */
export function readProperties(buffer: Buffer, start: number, end: number): BasicProperties {
  if (end - start < 2) throw new SyntaxFault('content header without property flags');
  const flags = buffer.readUInt16BE(start);
  if ((flags & UNDEFINED_FLAGS) !== 0) throw new SyntaxFault('undefined property flags');
  const properties: BasicProperties = {};
  let at = start + 2;
  const skip = (n: number): number => {
    if (n > end - at) throw new SyntaxFault('a property leaves its header');
    at += n;
    return at - n;
  };
  const short = (): string => {
    const length = buffer[skip(1)]!;
    const from = skip(length);
    return textOf(buffer, from, from + length);
  };
  if ((flags & HAS_CONTENT_TYPE) !== 0) properties.contentType = short();
  if ((flags & HAS_CONTENT_ENCODING) !== 0) properties.contentEncoding = short();
  if ((flags & HAS_HEADERS) !== 0) {
    const length = buffer.readUInt32BE(skip(4));
    const from = skip(length);
    properties.headers = readTable(buffer, from, from + length);
  }
  if ((flags & HAS_DELIVERY_MODE) !== 0) properties.deliveryMode = buffer[skip(1)]!;
  if ((flags & HAS_PRIORITY) !== 0) properties.priority = buffer[skip(1)]!;
  if ((flags & HAS_CORRELATION_ID) !== 0) properties.correlationId = short();
  if ((flags & HAS_REPLY_TO) !== 0) properties.replyTo = short();
  if ((flags & HAS_EXPIRATION) !== 0) properties.expiration = short();
  if ((flags & HAS_MESSAGE_ID) !== 0) properties.messageId = short();
  if ((flags & HAS_TIMESTAMP) !== 0) properties.timestampS = buffer.readBigUInt64BE(skip(8));
  if ((flags & HAS_TYPE) !== 0) properties.type = short();
  if ((flags & HAS_USER_ID) !== 0) properties.userId = short();
  if ((flags & HAS_APP_ID) !== 0) properties.appId = short();
  if ((flags & HAS_CLUSTER_ID) !== 0) properties.clusterId = short();
  if (at !== end) throw new SyntaxFault(`${end - at} bytes behind the properties`);
  return properties;
}

/**
 * One header, the others passed over; undefined: there is none. The bytes are those that `PropertyScan.read` has let in.
 * @param name ASCII
 */
export function readHeader(buffer: Buffer, start: number, end: number, name: string): Value | undefined {
  const table = headersAt(buffer, start, end);
  return table < 0 ? undefined : readField(buffer, table + 4, table + 4 + buffer.readUInt32BE(table), name);
}

/** Where the text of the first header of this name lies; false: there is none, or it is no text. */
export function findHeaderText(buffer: Buffer, start: number, end: number, name: string, range: ByteRange): boolean {
  const table = headersAt(buffer, start, end);
  return table >= 0 && findText(buffer, table + 4, table + 4 + buffer.readUInt32BE(table), name, range);
}

function headersAt(buffer: Buffer, start: number, end: number): number {
  const flags = (buffer[start]! << 8) | buffer[start + 1]!;
  if (end - start < 2 || (flags & HAS_HEADERS) === 0) return -1;
  let at = start + 2;
  if ((flags & HAS_CONTENT_TYPE) !== 0) at += 1 + buffer[at]!;
  if ((flags & HAS_CONTENT_ENCODING) !== 0) at += 1 + buffer[at]!;
  return at;
}

/** The message id alone; undefined: there is none. The bytes are those that `PropertyScan.read` has let in. */
export function readMessageId(buffer: Buffer, start: number, end: number): string | undefined {
  return findMessageId(buffer, start, end, found) ? textOf(buffer, found.start, found.end) : undefined;
}

const found = new ByteRange();

/** Where it lies; false: there is none. */
export function findMessageId(buffer: Buffer, start: number, end: number, range: ByteRange): boolean {
  const flags = (buffer[start]! << 8) | buffer[start + 1]!;
  if (end - start < 2 || (flags & HAS_MESSAGE_ID) === 0) return false;
  let at = start + 2;
  if ((flags & HAS_CONTENT_TYPE) !== 0) at += 1 + buffer[at]!;
  if ((flags & HAS_CONTENT_ENCODING) !== 0) at += 1 + buffer[at]!;
  if ((flags & HAS_HEADERS) !== 0) at += 4 + buffer.readUInt32BE(at);
  if ((flags & HAS_DELIVERY_MODE) !== 0) at++;
  if ((flags & HAS_PRIORITY) !== 0) at++;
  if ((flags & HAS_CORRELATION_ID) !== 0) at += 1 + buffer[at]!;
  if ((flags & HAS_REPLY_TO) !== 0) at += 1 + buffer[at]!;
  if ((flags & HAS_EXPIRATION) !== 0) at += 1 + buffer[at]!;
  range.start = at + 1;
  range.end = range.start + buffer[at]!;
  return true;
}

/** Appends flags and property list. Returns how many values had to be changed or left out to fit. */
export function writeProperties(sink: ByteSink, properties: BasicProperties): number {
  const flagsAt = sink.reserve(2);
  let flags = 0;
  let lossy = 0;
  const short = (flag: number, text: string | undefined): void => {
    if (text === undefined) return;
    const bytes = bytesOf(text);
    // A short string has one length byte. Half a value would be a wrong one.
    if (bytes.length > 255) {
      lossy++;
      return;
    }
    flags |= flag;
    sink.byte(bytes.length);
    sink.append(bytes);
  };
  const octet = (flag: number, value: number | undefined): void => {
    if (value === undefined) return;
    flags |= flag;
    sink.byte(value & 0xff);
  };
  short(HAS_CONTENT_TYPE, properties.contentType);
  short(HAS_CONTENT_ENCODING, properties.contentEncoding);
  if (properties.headers !== undefined) {
    flags |= HAS_HEADERS;
    lossy += writeTable(sink, properties.headers);
  }
  octet(HAS_DELIVERY_MODE, properties.deliveryMode);
  octet(HAS_PRIORITY, properties.priority);
  short(HAS_CORRELATION_ID, properties.correlationId);
  short(HAS_REPLY_TO, properties.replyTo);
  short(HAS_EXPIRATION, properties.expiration);
  short(HAS_MESSAGE_ID, properties.messageId);
  if (properties.timestampS !== undefined) {
    flags |= HAS_TIMESTAMP;
    const at = sink.reserve(8);
    sink.buffer.writeBigUInt64BE(BigInt.asUintN(64, properties.timestampS), at);
  }
  short(HAS_TYPE, properties.type);
  short(HAS_USER_ID, properties.userId);
  short(HAS_APP_ID, properties.appId);
  short(HAS_CLUSTER_ID, properties.clusterId);
  sink.buffer.writeUInt16BE(flags, flagsAt);
  return lossy;
}
