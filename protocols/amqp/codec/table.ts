/**
 * Field tables: bytes to `Headers` with every type kept, and a walk that only checks. The way back is
 * `table-writer.ts`.
 *
 *     table:  u32 bytes | (u8 length, name | value)*          array:  u32 bytes | value*
 *     value:  u8 type letter | the type's own bytes
 *
 * The letters are those that RabbitMQ and its clients use, not those of the specification's text, which no broker
 * ever spoke (https://www.rabbitmq.com/amqp-0-9-1-errata#section_3):
 *
 *     t boolean      b int8   B uint8   s int16   u uint16   I int32   i uint32   l int64 (L accepted)
 *     f float        d double           D decimal (u8 scale, u32 value)           T timestamp (u64, seconds)
 *     S long string  x byte array       A array   F table    V void
 *
 * Refused: nesting deeper than `TABLE_DEPTH_MAX`, more than `TABLE_FIELDS_MAX` values in all, unknown letters, lengths
 * that leave their table. Of fields of one name the first counts [§4.2.5.5]; bytes that are not UTF-8 stay what they are
 * (`src/message/text.ts`).
 */
import { randomInt } from 'node:crypto';
import {
  type ByteRange,
  equalRanges,
  equalsBytes,
  type Header,
  type Headers,
  onceEach,
  textOf,
  type Value,
} from '../../../src/api/index.ts';
import { SyntaxFault } from './faults.ts';

export const TABLE_DEPTH_MAX = 16;
export const TABLE_FIELDS_MAX = 8192;

/** How many more values may be read; one walk at a time, so one counter is enough. */
let fieldsLeft = 0;

/** Reads the table whose content is `buffer[start, end)`: what follows its length. */
export function readTable(buffer: Buffer, start: number, end: number): Headers {
  fieldsLeft = TABLE_FIELDS_MAX;
  named = 0;
  return readFields(buffer, start, end, 1);
}

/**
 * Checks what `readTable` would check and allocates nothing. Says which of the fields that mean something to a publish
 * there are, and whether a name comes twice: a sum of `HAS_COPIES`, `HAS_GROUP`, `HAS_REPEATS`, `HAS_HINTS`.
 */
export function checkTable(buffer: Buffer, start: number, end: number): number {
  fieldsLeft = TABLE_FIELDS_MAX;
  found = 0;
  named = 0;
  checkFields(buffer, start, end, 1);
  return found;
}

/** `CC` or `BCC`: further routing keys. */
export const HAS_COPIES = 1;
/** `JMSXGroupID`: the group it belongs to. */
export const HAS_GROUP = 2;
/** A table, this or one within it, has two fields of one name. */
export const HAS_REPEATS = 4;
/** `x-opt-delivery-time`, `x-opt-delivery-delay` or `x-half-message`: it is not to be routed yet. */
export const HAS_HINTS = 8;
const HALF = Buffer.from('x-half-message', 'latin1');
const DELIVERY_TIME = Buffer.from('x-opt-delivery-time', 'latin1');
const DELIVERY_DELAY = Buffer.from('x-opt-delivery-delay', 'latin1');
const GROUP = Buffer.from('JMSXGroupID', 'latin1');

let found = 0;

/** Looks at the name of a field of the outermost table: `buffer[start, end)`. */
function look(buffer: Buffer, start: number, end: number): void {
  const bytes = end - start;
  if (bytes === GROUP.length) {
    if (equalsBytes(GROUP, buffer, start, end)) found |= HAS_GROUP;
  } else if (bytes === DELIVERY_TIME.length) {
    if (equalsBytes(DELIVERY_TIME, buffer, start, end)) found |= HAS_HINTS;
  } else if (bytes === DELIVERY_DELAY.length) {
    if (equalsBytes(DELIVERY_DELAY, buffer, start, end)) found |= HAS_HINTS;
  } else if (bytes === HALF.length) {
    if (equalsBytes(HALF, buffer, start, end)) found |= HAS_HINTS;
  } else if (bytes === 2 || bytes === 3) {
    // C, C, and B before them
    const copies = buffer[end - 1] === 0x43 && buffer[end - 2] === 0x43 && (bytes === 2 || buffer[start] === 0x42);
    if (copies) found |= HAS_COPIES;
  }
}

/**
 * The value of the first field of this name in the table whose content is `buffer[start, end)`, the others passed over; undefined:
 * there is none. The table is one that `checkTable` has let in.
 * @param name ASCII
 */
export function readField(buffer: Buffer, start: number, end: number, name: string): Value | undefined {
  const length = name.length;
  let at = start;
  while (at < end) {
    const nameEnd = at + 1 + buffer[at]!;
    if (buffer[at] === length && isNamed(buffer, at + 1, name)) {
      fieldsLeft = TABLE_FIELDS_MAX;
      named = 0;
      return readValue(buffer, nameEnd, end, 1);
    }
    at = valueEnd(buffer, nameEnd, end);
  }
  return undefined;
}

/** Where the text of the first field of this name lies; false: there is none, or it is no text. The bytes have been checked. */
export function findText(buffer: Buffer, start: number, end: number, name: string, range: ByteRange): boolean {
  const length = name.length;
  for (let at = start; at < end; ) {
    const nameEnd = at + 1 + buffer[at]!;
    const to = valueEnd(buffer, nameEnd, end);
    if (buffer[at] === length && isNamed(buffer, at + 1, name)) {
      range.start = nameEnd + 5;
      range.end = to;
      return buffer[nameEnd] === 0x53; // S
    }
    at = to;
  }
  return false;
}

function isNamed(buffer: Buffer, at: number, name: string): boolean {
  // Names begin alike more often than they end alike.
  for (let i = name.length - 1; i >= 0; i--) if (buffer[at + i] !== name.charCodeAt(i)) return false;
  return true;
}

let position = 0;

function readFields(buffer: Buffer, start: number, end: number, depth: number): Headers {
  const headers: Header[] = [];
  const first = named;
  let at = start;
  while (at < end) {
    const nameEnd = at + 1 + buffer[at]!;
    if (nameEnd >= end) throw new SyntaxFault('field name leaves its table');
    names[named++] = at;
    const name = textOf(buffer, at + 1, nameEnd);
    const value = readValue(buffer, nameEnd, end, depth);
    headers.push({ name, value });
    at = position;
  }
  // Seldom, and a set of thousands of names takes as long as reading them.
  const once = named - first > 1 && repeats(buffer, first, named) ? onceEach(headers) : headers;
  named = first;
  return once;
}

/** Reads the value at `at` and leaves `position` behind it. */
function readValue(buffer: Buffer, at: number, end: number, depth: number): Value {
  const letter = buffer[at]!;
  const from = at + 1;
  const to = countedEnd(buffer, at, end);
  position = to;
  switch (letter) {
    case 0x74: // t
      return buffer[from] !== 0;
    case 0x62: // b
      return { type: 'int8', value: buffer.readInt8(from) };
    case 0x42: // B
      return { type: 'uint8', value: buffer[from]! };
    case 0x73: // s
      return { type: 'int16', value: buffer.readInt16BE(from) };
    case 0x75: // u
      return { type: 'uint16', value: buffer.readUInt16BE(from) };
    case 0x49: // I
      return { type: 'int32', value: buffer.readInt32BE(from) };
    case 0x69: // i
      return { type: 'uint32', value: buffer.readUInt32BE(from) };
    case 0x6c: // l
    case 0x4c: // L
      return { type: 'int64', value: buffer.readBigInt64BE(from) };
    case 0x66: // f
      return { type: 'float', value: buffer.readFloatBE(from) };
    case 0x64: // d
      return { type: 'double', value: buffer.readDoubleBE(from) };
    case 0x44: // D
      return { type: 'decimal', scale: buffer[from]!, value: buffer.readUInt32BE(from + 1) };
    case 0x54: // T
      return { type: 'timestamp', value: buffer.readBigUInt64BE(from) };
    case 0x53: // S
      return textOf(buffer, from + 4, to);
    case 0x78: // x
      return { type: 'bytes', value: Buffer.from(buffer.subarray(from + 4, to)) };
    case 0x41: {
      // A
      if (depth >= TABLE_DEPTH_MAX) throw new SyntaxFault(`tables nested deeper than ${TABLE_DEPTH_MAX}`);
      const value: Value[] = [];
      for (let item = from + 4; item < to; item = position) value.push(readValue(buffer, item, to, depth + 1));
      position = to;
      return { type: 'list', value };
    }
    case 0x46: {
      // F
      if (depth >= TABLE_DEPTH_MAX) throw new SyntaxFault(`tables nested deeper than ${TABLE_DEPTH_MAX}`);
      const value = readFields(buffer, from + 4, to, depth + 1);
      position = to;
      return { type: 'map', value };
    }
    default: // V; valueEnd has refused all others
      return null;
  }
}

function checkFields(buffer: Buffer, start: number, end: number, depth: number): void {
  const first = named;
  let at = start;
  while (at < end) {
    const nameEnd = at + 1 + buffer[at]!;
    if (nameEnd >= end) throw new SyntaxFault('field name leaves its table');
    if (depth === 1) look(buffer, at + 1, nameEnd);
    names[named++] = at;
    at = checkValue(buffer, nameEnd, end, depth);
  }
  if (named - first > 1 && repeats(buffer, first, named)) found |= HAS_REPEATS;
  named = first;
}

/** Where the names of the tables are that are being checked or read: those of an inner one behind those of the tables around it. */
const names = new Int32Array(TABLE_FIELDS_MAX);
let named = 0;
/** Up to so many names are compared each with each; more are found by their hash, which nobody outside can foresee. */
const COMPARED_MAX = 4;
const SEED = randomInt(0x7fff_ffff);
/** By hash, the place of a name in `names`, as long as `stamps` has the number of the table that is looked at. */
const places = new Int32Array(2 * TABLE_FIELDS_MAX);
const stamps = new Int32Array(2 * TABLE_FIELDS_MAX);
let stamp = 0;

/** Whether two of the names at `names[first, last)` are the same. */
function repeats(buffer: Buffer, first: number, last: number): boolean {
  if (last - first <= COMPARED_MAX) {
    for (let i = first + 1; i < last; i++) {
      for (let j = first; j < i; j++) if (sameName(buffer, names[i]!, names[j]!)) return true;
    }
    return false;
  }
  stamp = (stamp + 1) | 0;
  const mask = places.length - 1;
  for (let i = first; i < last; i++) {
    const at = names[i]!;
    const end = at + 1 + buffer[at]!;
    let hash = SEED;
    for (let from = at; from < end; from++) hash = Math.imul(hash ^ buffer[from]!, 0x01000193);
    let place = (hash ^ (hash >>> 15)) & mask;
    for (; stamps[place] === stamp; place = (place + 1) & mask) if (sameName(buffer, at, places[place]!)) return true;
    stamps[place] = stamp;
    places[place] = at;
  }
  return false;
}

function sameName(buffer: Buffer, at: number, other: number): boolean {
  const bytes = buffer[at]!;
  return buffer[other] === bytes && equalRanges(buffer, at + 1, at + 1 + bytes, buffer, other + 1, other + 1 + bytes);
}

function checkValue(buffer: Buffer, at: number, end: number, depth: number): number {
  const to = countedEnd(buffer, at, end);
  const letter = buffer[at]!;
  if (letter === 0x46 || letter === 0x41) {
    if (depth >= TABLE_DEPTH_MAX) throw new SyntaxFault(`tables nested deeper than ${TABLE_DEPTH_MAX}`);
    if (letter === 0x46) checkFields(buffer, at + 5, to, depth + 1);
    else for (let item = at + 5; item < to; ) item = checkValue(buffer, item, to, depth + 1);
  }
  return to;
}

/** Where the value at `at` ends; counts it, and refuses one that leaves `[at, end)`. */
function countedEnd(buffer: Buffer, at: number, end: number): number {
  if (--fieldsLeft < 0) throw new SyntaxFault(`more than ${TABLE_FIELDS_MAX} values in one table`);
  return valueEnd(buffer, at, end);
}

/** Where the value at `at` ends. @throws SyntaxFault if it leaves `[at, end)` */
export function valueEnd(buffer: Buffer, at: number, end: number): number {
  const from = at + 1;
  let to: number;
  switch (buffer[at]) {
    case 0x56: // V
      to = from;
      break;
    case 0x74: // t
    case 0x62: // b
    case 0x42: // B
      to = from + 1;
      break;
    case 0x73: // s
    case 0x75: // u
      to = from + 2;
      break;
    case 0x49: // I
    case 0x69: // i
    case 0x66: // f
      to = from + 4;
      break;
    case 0x44: // D
      to = from + 5;
      break;
    case 0x6c: // l
    case 0x4c: // L
    case 0x64: // d
    case 0x54: // T
      to = from + 8;
      break;
    case 0x53: // S
    case 0x78: // x
    case 0x41: // A
    case 0x46: // F
      if (from + 4 > end) throw new SyntaxFault('field value leaves its table');
      to = from + 4 + buffer.readUInt32BE(from);
      break;
    default:
      throw new SyntaxFault(`unknown field type ${buffer[at]}`);
  }
  if (to > end) throw new SyntaxFault('field value leaves its table');
  return to;
}
