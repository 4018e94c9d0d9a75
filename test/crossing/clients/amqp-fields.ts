/** AMQP's property lists and field values as bytes, written and read by a codec of the tests' own. */
import { u16 } from '../../../conformance/amqp/clients/frames.ts';
import { addTo, bytes, type Said } from './said.ts';

const FIELDS = [
  ['content-type', 0x8000],
  ['content-encoding', 0x4000],
  ['headers', 0x2000],
  ['delivery-mode', 0x1000],
  ['priority', 0x0800],
  ['correlation-id', 0x0400],
  ['reply-to', 0x0200],
  ['expiration', 0x0100],
  ['message-id', 0x0080],
  ['timestamp', 0x0040],
  ['type', 0x0020],
  ['user-id', 0x0010],
  ['app-id', 0x0008],
] as const;
const OCTETS: ReadonlySet<string> = new Set(['delivery-mode', 'priority']);

/** Bytes after their length in four. */
export const long = (content: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
};

const number = (value: string, size: number): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt.asIntN(64, BigInt(value)));
  return buffer.subarray(8 - size);
};

const SIZES: Readonly<Record<string, number>> = { b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, l: 8, L: 8, T: 8 };

/** `LETTER:text` as a table field's letter and value. */
export function field(said: string): Buffer {
  const [letter, text] = [said[0]!, said.slice(2)];
  const size = SIZES[letter];
  if (size !== undefined) return Buffer.concat([bytes(letter), number(text, size)]);
  if (letter === 't') return Buffer.concat([bytes(letter), Buffer.of(text === 'true' ? 1 : 0)]);
  if (letter === 'V') return bytes(letter);
  if (letter === 'd') {
    const value = Buffer.alloc(8);
    value.writeDoubleBE(Number(text));
    return Buffer.concat([bytes(letter), value]);
  }
  if (letter === 'D') {
    const [scale, value] = text.split('/');
    return Buffer.concat([bytes(letter), number(scale!, 1), number(value!, 4)]);
  }
  return Buffer.concat([bytes(letter), long(bytes(text))]);
}

export const named = (name: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.of(name.length), bytes(name), value]);
export const tableOf = (...fields: Buffer[]): Buffer => Buffer.concat([bytes('F'), long(Buffer.concat(fields))]);
export const listOf = (...values: Buffer[]): Buffer => Buffer.concat([bytes('A'), long(Buffer.concat(values))]);

/** A property list: flags and what they announce. */
export function propertyList(said: Said): Buffer {
  let flags = 0;
  const parts: Buffer[] = [];
  for (const [name, flag] of FIELDS) {
    if (name === 'headers') {
      const headers = Object.entries(said).filter(([key]) => key.startsWith('h:'));
      if (headers.length === 0) continue;
      flags |= flag;
      const fields = headers.flatMap(([key, value]) =>
        (Array.isArray(value) ? (value as string[]) : [value as string | Buffer]).map((one) =>
          named(key.slice(2), typeof one === 'string' ? field(one) : one),
        ),
      );
      parts.push(long(Buffer.concat(fields)));
      continue;
    }
    const value = said[name] as string | undefined;
    if (value === undefined) continue;
    flags |= flag;
    if (OCTETS.has(name)) parts.push(number(value, 1));
    else if (name === 'timestamp') parts.push(number(value, 8));
    else parts.push(Buffer.of(value.length), bytes(value));
  }
  return Buffer.concat([u16(flags), ...parts]);
}

/** A table field's letter and value as text: what `field` has written, lists and tables spelled out. */
export function fieldText(value: Buffer): string {
  const [text, end] = readField(value, 0);
  if (end !== value.length) throw new Error('more than one field');
  return text;
}

function readField(b: Buffer, at: number): [text: string, end: number] {
  const letter = String.fromCharCode(b[at]!);
  const from = at + 1;
  const size = SIZES[letter];
  if (size !== undefined) {
    let value = 0n;
    for (let i = 0; i < size; i++) value = (value << 8n) | BigInt(b[from + i]!);
    const signed = 'bsIl'.includes(letter) ? BigInt.asIntN(size * 8, value) : value;
    return [`${letter}:${signed}`, from + size];
  }
  if (letter === 't') return [`t:${b[from] !== 0}`, from + 1];
  if (letter === 'V') return ['V:', from];
  if (letter === 'd') return [`d:${b.readDoubleBE(from)}`, from + 8];
  if (letter === 'f') return [`f:${b.readFloatBE(from)}`, from + 4];
  if (letter === 'D') return [`D:${b[from]}/${b.readUInt32BE(from + 1)}`, from + 5];
  const end = from + 4 + b.readUInt32BE(from);
  if (letter === 'A') {
    const items: string[] = [];
    for (let i = from + 4; i < end; ) {
      const [text, next] = readField(b, i);
      items.push(text);
      i = next;
    }
    return [`A[${items.join(',')}]`, end];
  }
  if (letter === 'F')
    return [
      `F{${readFields(b, from + 4, end)
        .map(([k, v]) => `${k}=${v}`)
        .join(',')}}`,
      end,
    ];
  return [`${letter}:${b.latin1Slice(from + 4, end)}`, end];
}

function readFields(b: Buffer, start: number, end: number): [name: string, value: string][] {
  const fields: [string, string][] = [];
  for (let at = start; at < end; ) {
    const nameEnd = at + 1 + b[at]!;
    const [text, next] = readField(b, nameEnd);
    fields.push([b.latin1Slice(at + 1, nameEnd), text]);
    at = next;
  }
  return fields;
}

export function readPropertyList(list: Buffer): Record<string, string | string[]> {
  const flags = list.readUInt16BE(0);
  const seen: Record<string, string | string[]> = {};
  let at = 2;
  for (const [name, flag] of FIELDS) {
    if ((flags & flag) === 0) continue;
    if (name === 'headers') {
      const end = at + 4 + list.readUInt32BE(at);
      for (const [key, value] of readFields(list, at + 4, end)) addTo(seen, `h:${key}`, value);
      at = end;
    } else if (OCTETS.has(name)) seen[name] = String(list[at++]);
    else if (name === 'timestamp') {
      seen[name] = String(list.readBigUInt64BE(at));
      at += 8;
    } else {
      const end = at + 1 + list[at]!;
      seen[name] = list.latin1Slice(at + 1, end);
      at = end;
    }
  }
  return seen;
}
