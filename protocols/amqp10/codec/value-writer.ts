/**
 * Values to bytes, each in the shortest form that the specification has for it. [AMQP 1.0 §1.6]
 *
 * A compound value is written behind room for its long head, and moved forward when it turns out to be short: such values are
 * small, and written seldom.
 */
import { type ByteSink, bytesOf, isText } from '../../../src/api/index.ts';
import * as codes from './format-codes.ts';
import type { AmqpArray, AmqpEntry, AmqpValue } from './values.ts';

/** Code, size and count of a compound value in its long form. */
const LONG_HEAD_BYTES = 9;

export function writeValue(sink: ByteSink, value: AmqpValue): void {
  if (value === null) sink.byte(codes.NULL);
  else if (typeof value === 'boolean') sink.byte(value ? codes.TRUE : codes.FALSE);
  else if (typeof value === 'string') writeText(sink, value, codes.STRING8, codes.STRING32);
  else writeTyped(sink, value);
}

function writeTyped(sink: ByteSink, value: Exclude<AmqpValue, null | boolean | string>): void {
  switch (value.type) {
    case 'ubyte':
    case 'byte':
    case 'ushort':
    case 'short':
    case 'float':
    case 'double':
    case 'char':
    case 'timestamp':
    case 'decimal32':
    case 'decimal64':
    case 'decimal128':
    case 'uuid': {
      const code = FIXED_CODES[value.type];
      sink.byte(code);
      writeContent(sink, code, value);
      return;
    }
    case 'uint':
      writeUint(sink, value.value);
      return;
    case 'ulong':
      writeUlong(sink, value.value);
      return;
    case 'int': {
      const small = value.value >= -128 && value.value <= 127;
      sink.byte(small ? codes.SMALL_INT : codes.INT);
      writeContent(sink, small ? codes.SMALL_INT : codes.INT, value);
      return;
    }
    case 'long': {
      const small = value.value >= -128n && value.value <= 127n;
      sink.byte(small ? codes.SMALL_LONG : codes.LONG);
      writeContent(sink, small ? codes.SMALL_LONG : codes.LONG, value);
      return;
    }
    case 'binary':
      writeSized(sink, value.value, codes.BINARY8, codes.BINARY32);
      return;
    case 'symbol':
      writeText(sink, value.value, codes.SYMBOL8, codes.SYMBOL32);
      return;
    case 'list':
      if (value.value.length === 0) sink.byte(codes.LIST0);
      else writeCompound(sink, codes.LIST8, value.value.length, () => writeAll(sink, value.value));
      return;
    case 'map':
      writeCompound(sink, codes.MAP8, value.value.length * 2, () => writeEntries(sink, value.value));
      return;
    case 'array':
      writeArray(sink, value);
      return;
    case 'described':
      sink.byte(codes.DESCRIBED);
      writeValue(sink, value.descriptor);
      writeValue(sink, value.value);
  }
}

const FIXED_CODES = {
  ubyte: codes.UBYTE,
  byte: codes.BYTE,
  ushort: codes.USHORT,
  short: codes.SHORT,
  float: codes.FLOAT,
  double: codes.DOUBLE,
  char: codes.CHAR,
  timestamp: codes.TIMESTAMP,
  decimal32: codes.DECIMAL32,
  decimal64: codes.DECIMAL64,
  decimal128: codes.DECIMAL128,
  uuid: codes.UUID,
} as const;

export function writeUint(sink: ByteSink, value: number): void {
  if (value === 0) sink.byte(codes.UINT0);
  else if (value < 0x100) {
    const at = sink.reserve(2);
    sink.buffer[at] = codes.SMALL_UINT;
    sink.buffer[at + 1] = value;
  } else {
    const at = sink.reserve(5);
    sink.buffer[at] = codes.UINT;
    sink.buffer.writeUInt32BE(value, at + 1);
  }
}

export function writeUlong(sink: ByteSink, value: bigint): void {
  if (value === 0n) sink.byte(codes.ULONG0);
  else if (value < 0x100n) {
    const at = sink.reserve(2);
    sink.buffer[at] = codes.SMALL_ULONG;
    sink.buffer[at + 1] = Number(value);
  } else {
    const at = sink.reserve(9);
    sink.buffer[at] = codes.ULONG;
    sink.buffer.writeBigUInt64BE(value, at + 1);
  }
}

export function writeBinary(sink: ByteSink, bytes: Uint8Array): void {
  writeSized(sink, bytes, codes.BINARY8, codes.BINARY32);
}

export function writeString(sink: ByteSink, text: string): void {
  writeText(sink, text, codes.STRING8, codes.STRING32);
}

export function writeSymbol(sink: ByteSink, text: string): void {
  writeText(sink, text, codes.SYMBOL8, codes.SYMBOL32);
}

/** Writes a list whose values `write` writes, in the shortest form; a performative's or a section's. */
export function writeList(sink: ByteSink, count: number, write: () => void): void {
  if (count === 0) sink.byte(codes.LIST0);
  else writeCompound(sink, codes.LIST8, count, write);
}

function writeAll(sink: ByteSink, values: readonly AmqpValue[]): void {
  for (const value of values) writeValue(sink, value);
}

function writeEntries(sink: ByteSink, entries: readonly AmqpEntry[]): void {
  for (const [key, value] of entries) {
    writeValue(sink, key);
    writeValue(sink, value);
  }
}

function writeArray(sink: ByteSink, array: AmqpArray): void {
  writeCompound(sink, codes.ARRAY8, array.value.length, () => {
    for (const descriptor of array.descriptors) {
      sink.byte(codes.DESCRIBED);
      writeValue(sink, descriptor);
    }
    sink.byte(array.code);
    for (const value of array.value) writeContent(sink, array.code, value);
  });
}

/** A value without its code, which is one of its type. An array's values all have the same, however short they are. */
function writeContent(sink: ByteSink, code: number, value: AmqpValue): void {
  const width = codes.FIXED_WIDTHS[code >> 4]!;
  if (width === 0) return;
  if (value === null || typeof value === 'boolean') {
    sink.byte(value === true ? 1 : 0);
    return;
  }
  if (typeof value === 'string') {
    writeSizedContent(sink, bytesOf(value), code);
    return;
  }
  switch (value.type) {
    case 'symbol':
      writeSizedContent(sink, bytesOf(value.value), code);
      return;
    case 'binary':
      writeSizedContent(sink, value.value, code);
      return;
    case 'decimal32':
    case 'decimal64':
    case 'decimal128':
    case 'uuid':
      sink.append(value.value);
      return;
    case 'list':
      writeCompoundContent(sink, code, value.value.length, () => writeAll(sink, value.value));
      return;
    case 'map':
      writeCompoundContent(sink, code, value.value.length * 2, () => writeEntries(sink, value.value));
      return;
    case 'array':
      writeCompoundContent(sink, code, value.value.length, () => {
        for (const descriptor of value.descriptors) {
          sink.byte(codes.DESCRIBED);
          writeValue(sink, descriptor);
        }
        sink.byte(value.code);
        for (const item of value.value) writeContent(sink, value.code, item);
      });
      return;
    case 'described':
      throw new TypeError('what describes the values of an array is said once, before them');
    default:
      writeNumber(sink, code, width, value.value);
  }
}

function writeNumber(sink: ByteSink, code: number, width: number, value: number | bigint): void {
  const at = sink.reserve(width);
  const { buffer } = sink;
  if (code === codes.FLOAT) buffer.writeFloatBE(value as number, at);
  else if (code === codes.DOUBLE) buffer.writeDoubleBE(value as number, at);
  else if (width === 8) buffer.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)), at);
  else {
    const number = Number(value);
    for (let i = width - 1, rest = number; i >= 0; i--, rest = Math.floor(rest / 256)) buffer[at + i] = rest & 0xff;
  }
}

function writeText(sink: ByteSink, text: string, short: number, long: number): void {
  if (text.length > 85 || !isText(text)) {
    writeSized(sink, bytesOf(text), short, long);
    return;
  }
  // Three bytes a unit at most: it is sure to be short.
  const at = sink.reserve(2);
  const bytes = sink.text(text);
  sink.buffer[at] = short;
  sink.buffer[at + 1] = bytes;
}

function writeSized(sink: ByteSink, bytes: Uint8Array, short: number, long: number): void {
  const code = bytes.length < 0x100 ? short : long;
  sink.byte(code);
  writeSizedContent(sink, bytes, code);
}

function writeSizedContent(sink: ByteSink, bytes: Uint8Array, code: number): void {
  if ((code & 0x10) === 0) sink.byte(bytes.length);
  else {
    const at = sink.reserve(4);
    sink.buffer.writeUInt32BE(bytes.length, at);
  }
  sink.append(bytes);
}

/** @param short its code in the short form; the long one is 0x10 more */
function writeCompound(sink: ByteSink, short: number, count: number, write: () => void): void {
  const at = sink.reserve(LONG_HEAD_BYTES);
  write();
  const bytes = sink.length - at - LONG_HEAD_BYTES;
  const { buffer } = sink;
  if (bytes + 1 < 0x100 && count < 0x100) {
    buffer.copyWithin(at + 3, at + LONG_HEAD_BYTES, sink.length);
    buffer[at] = short;
    buffer[at + 1] = bytes + 1;
    buffer[at + 2] = count;
    sink.length -= LONG_HEAD_BYTES - 3;
    return;
  }
  buffer[at] = short + 0x10;
  buffer.writeUInt32BE(bytes + 4, at + 1);
  buffer.writeUInt32BE(count, at + 5);
}

/** Size, count and content of a compound value within an array, whose code says how wide the first two are. */
function writeCompoundContent(sink: ByteSink, code: number, count: number, write: () => void): void {
  const width = (code & 0x10) === 0 ? 1 : 4;
  if (code === codes.LIST0) return;
  const at = sink.reserve(2 * width);
  write();
  const bytes = sink.length - at - width;
  sink.buffer.writeUIntBE(bytes, at, width);
  sink.buffer.writeUIntBE(count, at + width, width);
}
