/**
 * Property lists and tables with something changed, and all other bytes as they came: what a client has sent is not read
 * and written again to add a field to it.
 */
import { ByteSink, type Headers } from '../../../src/api/index.ts';
import {
  HAS_CONTENT_ENCODING,
  HAS_CONTENT_TYPE,
  HAS_CORRELATION_ID,
  HAS_DELIVERY_MODE,
  HAS_EXPIRATION,
  HAS_HEADERS,
  HAS_PRIORITY,
  HAS_REPLY_TO,
} from './constants.ts';
import { SyntaxFault } from './faults.ts';
import { valueEnd } from './table.ts';
import { writeFields } from './table-writer.ts';

const NO_NAMES: ReadonlySet<string> = new Set();

export interface PropertyEdit {
  /** Names of headers (ASCII) that are left out. */
  readonly without?: ReadonlySet<string>;
  /** Headers that are added behind the others. Default: none. */
  readonly added?: Headers;
  /** What stands as the expiration; null for none. Undefined: it stays as it is. */
  readonly expiration?: string | null;
}

/**
 * Appends the property list `buffer[start, end)`, edited. Returns how many added values do not fit.
 * @throws SyntaxFault for bytes that `PropertyScan.read` would not have let in
 */
export function editProperties(sink: ByteSink, buffer: Buffer, start: number, end: number, edit: PropertyEdit): number {
  const flags = buffer.readUInt16BE(start);
  let at = start + 2;
  const skip = (flag: number, bytes: number): void => {
    if ((flags & flag) !== 0) at += bytes;
  };
  const skipShort = (flag: number): void => skip(flag, 1 + buffer[at]!);
  skipShort(HAS_CONTENT_TYPE);
  skipShort(HAS_CONTENT_ENCODING);
  const headersAt = at;
  let tableStart = at;
  if ((flags & HAS_HEADERS) !== 0) {
    tableStart = at + 4;
    at = tableStart + buffer.readUInt32BE(at);
  }
  const tableEnd = at;
  skip(HAS_DELIVERY_MODE, 1);
  skip(HAS_PRIORITY, 1);
  skipShort(HAS_CORRELATION_ID);
  skipShort(HAS_REPLY_TO);
  const expirationAt = at;
  skipShort(HAS_EXPIRATION);
  const expirationEnd = at;
  if (!(at <= end)) throw new SyntaxFault('a property leaves its header');

  const { added = [], expiration } = edit;
  let now = flags;
  if (added.length > 0) now |= HAS_HEADERS;
  if (expiration !== undefined) now = expiration === null ? now & ~HAS_EXPIRATION : now | HAS_EXPIRATION;
  sink.byte(now >>> 8);
  sink.byte(now & 0xff);
  sink.append(buffer.subarray(start + 2, headersAt));
  let lossy = 0;
  if ((now & HAS_HEADERS) !== 0) {
    const lengthAt = sink.reserve(4);
    appendWithout(sink, buffer, tableStart, tableEnd, edit.without ?? NO_NAMES);
    lossy = writeFields(sink, added);
    sink.buffer.writeUInt32BE(sink.length - lengthAt - 4, lengthAt);
  }
  sink.append(buffer.subarray(tableEnd, expirationAt));
  if (typeof expiration === 'string') {
    sink.byte(expiration.length);
    sink.append(Buffer.from(expiration, 'latin1'));
  }
  sink.append(buffer.subarray(expiration === undefined ? expirationAt : expirationEnd, end));
  return lossy;
}

/** A table's content without its fields of these names (ASCII). `buffer[start, end)` is the content. */
export function withoutFields(buffer: Buffer, start: number, end: number, names: ReadonlySet<string>): Buffer {
  const sink = new ByteSink();
  appendWithout(sink, buffer, start, end, names);
  return Buffer.from(sink.buffer.subarray(0, sink.length));
}

function appendWithout(sink: ByteSink, buffer: Buffer, start: number, end: number, names: ReadonlySet<string>): void {
  let from = start;
  for (let at = start; at < end; ) {
    const nameEnd = at + 1 + buffer[at]!;
    const next = valueEnd(buffer, nameEnd, end);
    if (names.has(buffer.latin1Slice(at + 1, nameEnd))) {
      sink.append(buffer.subarray(from, at));
      from = next;
    }
    at = next;
  }
  sink.append(buffer.subarray(from, end));
}

/** A table's content without the fields whose name one before them has, in tables within it as well. [§4.2.5.5] */
export function withoutRepeats(buffer: Buffer, start: number, end: number): Buffer {
  const sink = new ByteSink();
  appendOnce(sink, buffer, start, end);
  return Buffer.from(sink.buffer.subarray(0, sink.length));
}

function appendOnce(sink: ByteSink, buffer: Buffer, start: number, end: number): void {
  const seen = new Set<string>();
  for (let at = start; at < end; ) {
    const nameEnd = at + 1 + buffer[at]!;
    const next = valueEnd(buffer, nameEnd, end);
    const name = buffer.latin1Slice(at + 1, nameEnd);
    if (!seen.has(name)) {
      seen.add(name);
      sink.append(buffer.subarray(at, nameEnd));
      appendValue(sink, buffer, nameEnd, next);
    }
    at = next;
  }
}

function appendValue(sink: ByteSink, buffer: Buffer, start: number, end: number): void {
  const letter = buffer[start];
  if (letter !== 0x46 && letter !== 0x41) {
    sink.append(buffer.subarray(start, end));
    return;
  }
  sink.byte(letter);
  const lengthAt = sink.reserve(4);
  if (letter === 0x46) appendOnce(sink, buffer, start + 5, end);
  else {
    for (let at = start + 5; at < end; ) {
      const next = valueEnd(buffer, at, end);
      appendValue(sink, buffer, at, next);
      at = next;
    }
  }
  sink.buffer.writeUInt32BE(sink.length - lengthAt - 4, lengthAt);
}

/** `buffer[start, end)` as a copy in which `bytes` stand for what lies at `[from, to)`. */
export function replaced(buffer: Buffer, start: number, end: number, from: number, to: number, bytes: Buffer): Buffer {
  return Buffer.concat([buffer.subarray(start, from), bytes, buffer.subarray(to, end)]);
}
