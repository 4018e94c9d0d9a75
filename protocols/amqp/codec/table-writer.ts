/** Field tables: `Headers` to bytes. The layout and the type letters are in `table.ts`. */
import type { ByteSink, Headers, Value } from '../../../src/api/index.ts';

const NAME_BYTES_MAX = 255;
const INT64_MAX = 0x7fff_ffff_ffff_ffffn;
const INT64_MIN = -0x8000_0000_0000_0000n;

/**
 * Appends a whole table, its length included. A name of more than 255 bytes cannot be written, and one that came before may
 * not come again [§4.2.5.5]: both are left out. Returns how many fields were, or could not be written as they are (an int64
 * that does not fit, as text).
 */
export function writeTable(sink: ByteSink, headers: Headers): number {
  const lengthAt = sink.reserve(4);
  const lossy = writeFields(sink, headers);
  sink.buffer.writeUInt32BE(sink.length - lengthAt - 4, lengthAt);
  return lossy;
}

/** The content of a table, as `writeTable` writes it. */
export function writeFields(sink: ByteSink, headers: Headers): number {
  const seen = new Set<string>();
  let lossy = 0;
  for (const { name, value } of headers) {
    if (seen.has(name)) {
      lossy++;
      continue;
    }
    const lengthAt = sink.reserve(1);
    const bytes = sink.text(name);
    if (bytes > NAME_BYTES_MAX) {
      sink.length = lengthAt;
      lossy++;
      continue;
    }
    seen.add(name);
    sink.buffer[lengthAt] = bytes;
    lossy += writeValue(sink, value);
  }
  return lossy;
}

function writeLetter(sink: ByteSink, letter: number, bytes: number): number {
  const at = sink.reserve(1 + bytes);
  sink.buffer[at] = letter;
  return at + 1;
}

function writeLong(sink: ByteSink, letter: number, bytes: Uint8Array): void {
  const at = writeLetter(sink, letter, 4);
  sink.buffer.writeUInt32BE(bytes.length, at);
  sink.append(bytes);
}

function writeValue(sink: ByteSink, value: Value): number {
  if (value === null) {
    writeLetter(sink, 0x56, 0);
    return 0;
  }
  if (typeof value === 'string') {
    const lengthAt = writeLetter(sink, 0x53, 4);
    const bytes = sink.text(value);
    sink.buffer.writeUInt32BE(bytes, lengthAt);
    return 0;
  }
  if (typeof value === 'boolean') {
    const at = writeLetter(sink, 0x74, 1);
    sink.buffer[at] = value ? 1 : 0;
    return 0;
  }
  switch (value.type) {
    case 'int8': {
      const at = writeLetter(sink, 0x62, 1);
      sink.buffer.writeInt8(value.value, at);
      return 0;
    }
    case 'uint8': {
      const at = writeLetter(sink, 0x42, 1);
      sink.buffer.writeUInt8(value.value, at);
      return 0;
    }
    case 'int16': {
      const at = writeLetter(sink, 0x73, 2);
      sink.buffer.writeInt16BE(value.value, at);
      return 0;
    }
    case 'uint16': {
      const at = writeLetter(sink, 0x75, 2);
      sink.buffer.writeUInt16BE(value.value, at);
      return 0;
    }
    case 'int32': {
      const at = writeLetter(sink, 0x49, 4);
      sink.buffer.writeInt32BE(value.value, at);
      return 0;
    }
    case 'uint32': {
      const at = writeLetter(sink, 0x69, 4);
      sink.buffer.writeUInt32BE(value.value, at);
      return 0;
    }
    case 'int64':
    case 'uint64': {
      // There is no letter for an unsigned 64-bit integer.
      if (value.value > INT64_MAX || value.value < INT64_MIN) {
        writeLong(sink, 0x53, Buffer.from(String(value.value), 'latin1'));
        return 1;
      }
      const at = writeLetter(sink, 0x6c, 8);
      sink.buffer.writeBigInt64BE(value.value, at);
      return 0;
    }
    case 'float': {
      const at = writeLetter(sink, 0x66, 4);
      sink.buffer.writeFloatBE(value.value, at);
      return 0;
    }
    case 'double': {
      const at = writeLetter(sink, 0x64, 8);
      sink.buffer.writeDoubleBE(value.value, at);
      return 0;
    }
    case 'decimal': {
      const at = writeLetter(sink, 0x44, 5);
      sink.buffer[at] = value.scale & 0xff;
      sink.buffer.writeUInt32BE(value.value >>> 0, at + 1);
      return value.value < 0 || value.value > 0xffff_ffff || value.scale > 255 ? 1 : 0;
    }
    case 'timestamp': {
      const at = writeLetter(sink, 0x54, 8);
      sink.buffer.writeBigUInt64BE(BigInt.asUintN(64, value.value), at);
      return 0;
    }
    case 'bytes':
      writeLong(sink, 0x78, value.value);
      return 0;
    case 'list': {
      const lengthAt = writeLetter(sink, 0x41, 4);
      const from = sink.length;
      let lossy = 0;
      for (const item of value.value) lossy += writeValue(sink, item);
      sink.buffer.writeUInt32BE(sink.length - from, lengthAt);
      return lossy;
    }
    case 'map': {
      writeLetter(sink, 0x46, 0);
      return writeTable(sink, value.value);
    }
  }
}
