/**
 * MQTT bytes by hand, for what no library would send: each function gives bytes and checks nothing.
 *
 *     packet  = first byte, remaining length (1 to 4 bytes, 7 bits each, lowest first), rest
 *     text    = length (2 bytes), UTF-8
 *     section = length (1 to 4 bytes), properties: each an identifier and a value
 */

export type Part = Buffer | string | number | readonly number[];

/** Numbers are bytes; strings are taken as Latin-1, one byte a character. */
export const join = (...parts: readonly Part[]): Buffer =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === 'number'
        ? Buffer.from([part])
        : typeof part === 'string'
          ? Buffer.from(part, 'latin1')
          : Buffer.from(part),
    ),
  );

export const u16 = (n: number): Buffer => Buffer.from([n >> 8, n & 255]);
export const u32 = (n: number): Buffer => Buffer.from([n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);

export function varint(n: number): Buffer {
  const bytes: number[] = [];
  do {
    bytes.push((n & 127) | (n > 127 ? 128 : 0));
    n >>>= 7;
  } while (n > 0);
  return Buffer.from(bytes);
}

/** A length and its bytes: UTF-8 text if given as a string, anything at all if given as bytes. */
export function text(value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return join(u16(bytes.length), bytes);
}

export function packet(first: number, ...parts: readonly Part[]): Buffer {
  const rest = join(...parts);
  return join(first, varint(rest.length), rest);
}

/** A section of properties, with its length. */
export function section(...parts: readonly Part[]): Buffer {
  const rest = join(...parts);
  return join(varint(rest.length), rest);
}

/** The empty section in MQTT 5, nothing before. */
export const none = (level: number): Buffer => (level === 5 ? Buffer.from([0]) : Buffer.alloc(0));

export interface RawConnect {
  readonly level: number;
  readonly name?: string;
  /** The level that the packet says; default `level`. */
  readonly says?: number;
  /** Default: clean, nothing else. */
  readonly flags?: number;
  readonly keepAliveS?: number;
  /** What is in the section of properties (MQTT 5). */
  readonly properties?: readonly Part[];
  /** What follows the header; default: a client identifier that says nothing. */
  readonly payload?: readonly Part[];
}

export function connect(options: RawConnect): Buffer {
  const { level, flags = 0x02, keepAliveS = 0, payload = [text('by-hand')] } = options;
  return packet(
    0x10,
    text(options.name ?? (level === 3 ? 'MQIsdp' : 'MQTT')),
    options.says ?? level,
    flags,
    u16(keepAliveS),
    level === 5 ? section(...(options.properties ?? [])) : [],
    ...payload,
  );
}

/** A PUBLISH; `id` only where QoS asks for it, `properties` in MQTT 5 only. */
export function publish(
  level: number,
  first: number,
  topic: string | Buffer,
  id: number | undefined,
  payload: string,
  properties: readonly Part[] = [],
): Buffer {
  return packet(
    first,
    text(topic),
    id === undefined ? [] : u16(id),
    level === 5 ? section(...properties) : [],
    Buffer.from(payload),
  );
}

export type PropertyValue = number | Buffer | readonly [name: string, value: string];

const ONE_BYTE = new Set([0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a]);
const TWO_BYTES = new Set([0x13, 0x21, 0x22, 0x23]);
const FOUR_BYTES = new Set([0x02, 0x11, 0x18, 0x27]);

/** The properties of a received MQTT 5 PUBLISH, in their order, duplicates and all: what a library's object cannot tell. */
export function propertiesOf(bytes: Buffer): (readonly [id: number, value: PropertyValue])[] {
  let at = 1;
  while (bytes[at]! > 127) at++;
  at++;
  at += 2 + bytes.readUInt16BE(at);
  if ((bytes[0]! & 6) !== 0) at += 2;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const data = (): Buffer => {
    const start = at + 2;
    at = start + bytes.readUInt16BE(at);
    return bytes.subarray(start, at);
  };
  const length = number();
  const end = at + length;
  const found: (readonly [number, PropertyValue])[] = [];
  while (at < end) {
    const id = bytes[at++]!;
    if (id === 0x0b) found.push([id, number()]);
    else if (ONE_BYTE.has(id)) found.push([id, bytes[at++]!]);
    else if (TWO_BYTES.has(id)) {
      found.push([id, bytes.readUInt16BE(at)]);
      at += 2;
    } else if (FOUR_BYTES.has(id)) {
      found.push([id, bytes.readUInt32BE(at)]);
      at += 4;
    } else if (id === 0x26) {
      const name = data().toString('utf8');
      found.push([id, [name, data().toString('utf8')]]);
    } else found.push([id, data()]);
  }
  return found;
}
