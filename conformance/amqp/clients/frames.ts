/**
 * Frames by hand: methods, headers and fields as bytes, and read back. It shares nothing with the broker's own codec.
 *
 *      type   channel    size       payload       end
 *     +----+ +--------+ +--------+ +-----------+ +------+
 *     | u8 | | uint16 | | uint32 | | size bytes| | 0xCE |       [§2.3.5]
 *     +----+ +--------+ +--------+ +-----------+ +------+
 */

export const METHOD = 1;
export const HEADER = 2;
export const BODY = 3;
export const HEARTBEAT = 8;
export const FRAME_END = 0xce;
export const GREETING = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);

export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

/** Class and method of each, as the specification numbers them. */
export const METHODS = {
  'connection.start': 10 * 65_536 + 10,
  'connection.start-ok': 10 * 65_536 + 11,
  'connection.tune': 10 * 65_536 + 30,
  'connection.tune-ok': 10 * 65_536 + 31,
  'connection.open': 10 * 65_536 + 40,
  'connection.open-ok': 10 * 65_536 + 41,
  'connection.close': 10 * 65_536 + 50,
  'connection.close-ok': 10 * 65_536 + 51,
  'connection.blocked': 10 * 65_536 + 60,
  'connection.unblocked': 10 * 65_536 + 61,
  'connection.update-secret': 10 * 65_536 + 70,
  'connection.update-secret-ok': 10 * 65_536 + 71,
  'channel.open': 20 * 65_536 + 10,
  'channel.open-ok': 20 * 65_536 + 11,
  'channel.flow': 20 * 65_536 + 20,
  'channel.flow-ok': 20 * 65_536 + 21,
  'channel.close': 20 * 65_536 + 40,
  'channel.close-ok': 20 * 65_536 + 41,
  'access.request': 30 * 65_536 + 10,
  'access.request-ok': 30 * 65_536 + 11,
  'exchange.declare': 40 * 65_536 + 10,
  'exchange.declare-ok': 40 * 65_536 + 11,
  'exchange.delete': 40 * 65_536 + 20,
  'exchange.delete-ok': 40 * 65_536 + 21,
  'exchange.bind': 40 * 65_536 + 30,
  'exchange.bind-ok': 40 * 65_536 + 31,
  'exchange.unbind': 40 * 65_536 + 40,
  'exchange.unbind-ok': 40 * 65_536 + 51,
  'queue.declare': 50 * 65_536 + 10,
  'queue.declare-ok': 50 * 65_536 + 11,
  'queue.bind': 50 * 65_536 + 20,
  'queue.bind-ok': 50 * 65_536 + 21,
  'queue.purge': 50 * 65_536 + 30,
  'queue.purge-ok': 50 * 65_536 + 31,
  'queue.delete': 50 * 65_536 + 40,
  'queue.delete-ok': 50 * 65_536 + 41,
  'queue.unbind': 50 * 65_536 + 50,
  'queue.unbind-ok': 50 * 65_536 + 51,
  'basic.qos': 60 * 65_536 + 10,
  'basic.qos-ok': 60 * 65_536 + 11,
  'basic.consume': 60 * 65_536 + 20,
  'basic.consume-ok': 60 * 65_536 + 21,
  'basic.cancel': 60 * 65_536 + 30,
  'basic.cancel-ok': 60 * 65_536 + 31,
  'basic.publish': 60 * 65_536 + 40,
  'basic.return': 60 * 65_536 + 50,
  'basic.deliver': 60 * 65_536 + 60,
  'basic.get': 60 * 65_536 + 70,
  'basic.get-ok': 60 * 65_536 + 71,
  'basic.get-empty': 60 * 65_536 + 72,
  'basic.ack': 60 * 65_536 + 80,
  'basic.reject': 60 * 65_536 + 90,
  'basic.recover-async': 60 * 65_536 + 100,
  'basic.recover': 60 * 65_536 + 110,
  'basic.recover-ok': 60 * 65_536 + 111,
  'basic.nack': 60 * 65_536 + 120,
  'confirm.select': 85 * 65_536 + 10,
  'confirm.select-ok': 85 * 65_536 + 11,
  'tx.select': 90 * 65_536 + 10,
  'tx.select-ok': 90 * 65_536 + 11,
  'tx.commit': 90 * 65_536 + 20,
  'tx.commit-ok': 90 * 65_536 + 21,
  'tx.rollback': 90 * 65_536 + 30,
  'tx.rollback-ok': 90 * 65_536 + 31,
} as const;

export type MethodName = keyof typeof METHODS;
/** Its name by class and method in one number. */
export const NAMES = new Map<number, MethodName>(Object.entries(METHODS).map(([name, id]) => [id, name as MethodName]));

// -- writing

export const u8 = (value: number): Buffer => Buffer.from([value]);
export const u16 = (value: number): Buffer => Buffer.from([value >>> 8, value & 0xff]);
export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
export const short = (text: string | Buffer): Buffer => {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([u8(bytes.length), bytes]);
};
export const long = (text: string | Buffer): Buffer => {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([u32(bytes.length), bytes]);
};
/** Bits are packed into octets, the first lowest. [§4.2.5.2] */
export const bits = (...flags: readonly boolean[]): Buffer =>
  u8(flags.reduce((octet, flag, i) => octet | (flag ? 1 << i : 0), 0));
/** One field of a table: its type's letter and the bytes of its value. */
export const field = (name: string, type: string, value: Buffer = Buffer.alloc(0)): Buffer =>
  Buffer.concat([short(name), Buffer.from(type, 'latin1'), value]);
export const table = (...fields: readonly Buffer[]): Buffer => long(Buffer.concat(fields));
export const EMPTY_TABLE = table();

export function frame(type: number, channel: number, payload: Buffer): Buffer {
  return Buffer.concat([u8(type), u16(channel), u32(payload.length), payload, u8(FRAME_END)]);
}

export function method(channel: number, name: MethodName | number, ...fields: readonly Buffer[]): Buffer {
  const id = typeof name === 'number' ? name : METHODS[name];
  return frame(METHOD, channel, Buffer.concat([u32(id), ...fields]));
}

/** A content header; `properties` are the flags' word and what they announce. */
export function header(channel: number, bodySize: number | bigint, properties: Buffer = u16(0), classId = 60): Buffer {
  return frame(HEADER, channel, Buffer.concat([u16(classId), u16(0), u64(bodySize), properties]));
}

export const body = (channel: number, bytes: string | Buffer): Buffer =>
  frame(BODY, channel, Buffer.from(bytes as string));

/** basic.publish to an exchange, without its content. */
export const publish = (channel: number, exchange: string, key: string, mandatory = false, immediate = false): Buffer =>
  method(channel, 'basic.publish', u16(0), short(exchange), short(key), bits(mandatory, immediate));

/** Content-type, headers … in the order of their flags: here the headers alone. */
export const HEADERS_FLAG = 0x2000;

// -- reading

export interface Method {
  readonly name: MethodName | `${number}.${number}`;
  readonly channel: number;
  readonly fields: Reader;
}

export class Reader {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  u8(): number {
    return this.bytes.readUInt8(this.at++);
  }

  u16(): number {
    this.at += 2;
    return this.bytes.readUInt16BE(this.at - 2);
  }

  u32(): number {
    this.at += 4;
    return this.bytes.readUInt32BE(this.at - 4);
  }

  u64(): bigint {
    this.at += 8;
    return this.bytes.readBigUInt64BE(this.at - 8);
  }

  take(length: number): Buffer {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  short(): string {
    return this.take(this.u8()).toString('utf8');
  }

  long(): Buffer {
    return this.take(this.u32());
  }

  rest(): Buffer {
    return this.bytes.subarray(this.at);
  }
}
