/** MessagePack: https://github.com/msgpack/msgpack/blob/master/spec.md */
import { Budget, bytesNode, type Node, nameOf, noted, number, text, Undecodable, word } from './node.ts';
import { Reader } from './reader.ts';

/** One value, and nothing behind it. @throws Undecodable */
export function msgpack(bytes: Uint8Array): Node {
  const reader = new Reader(bytes);
  const value = read(reader, new Budget(), 0);
  if (reader.left > 0) throw new Undecodable(`${reader.left} bytes follow the value`);
  return value;
}

function read(reader: Reader, budget: Budget, depth: number): Node {
  budget.spend(depth);
  const first = reader.u8();
  if (first < 0x80) return number(first);
  if (first < 0x90) return map(reader, budget, depth, first & 0x0f);
  if (first < 0xa0) return list(reader, budget, depth, first & 0x0f);
  if (first < 0xc0) return text(reader.utf8(first & 0x1f));
  if (first >= 0xe0) return number(first - 0x100);
  switch (first) {
    case 0xc0:
      return word(null);
    case 0xc2:
      return word(false);
    case 0xc3:
      return word(true);
    case 0xc4:
      return bytesNode(reader.take(reader.u8()));
    case 0xc5:
      return bytesNode(reader.take(reader.u16()));
    case 0xc6:
      return bytesNode(reader.take(reader.u32()));
    case 0xc7:
      return extension(reader, reader.u8());
    case 0xc8:
      return extension(reader, reader.u16());
    case 0xc9:
      return extension(reader, reader.u32());
    case 0xca:
      return number(reader.f32());
    case 0xcb:
      return number(reader.f64());
    case 0xcc:
      return number(reader.u8());
    case 0xcd:
      return number(reader.u16());
    case 0xce:
      return number(reader.u32());
    case 0xcf:
      return number(reader.u64());
    case 0xd0:
      return number(reader.i8());
    case 0xd1:
      return number(reader.i16());
    case 0xd2:
      return number(reader.i32());
    case 0xd3:
      return number(reader.i64());
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return extension(reader, 1 << (first - 0xd4));
    case 0xd9:
      return text(reader.utf8(reader.u8()));
    case 0xda:
      return text(reader.utf8(reader.u16()));
    case 0xdb:
      return text(reader.utf8(reader.u32()));
    case 0xdc:
      return list(reader, budget, depth, reader.u16());
    case 0xdd:
      return list(reader, budget, depth, reader.u32());
    case 0xde:
      return map(reader, budget, depth, reader.u16());
    case 0xdf:
      return map(reader, budget, depth, reader.u32());
    default:
      throw new Undecodable('byte 0xc1 begins no value');
  }
}

function list(reader: Reader, budget: Budget, depth: number, length: number): Node {
  const items: Node[] = [];
  for (let i = 0; i < length; i++) items.push(read(reader, budget, depth + 1));
  return { kind: 'list', items };
}

function map(reader: Reader, budget: Budget, depth: number, length: number): Node {
  const entries: [string, Node][] = [];
  for (let i = 0; i < length; i++) {
    const name = nameOf(read(reader, budget, depth + 1));
    entries.push([name, read(reader, budget, depth + 1)]);
  }
  return { kind: 'map', entries };
}

function extension(reader: Reader, length: number): Node {
  const type = reader.i8();
  const bytes = reader.take(length);
  if (type === -1) {
    const at = timestamp(bytes);
    if (at !== undefined) return at;
  }
  return noted(bytesNode(bytes), `extension ${type}`);
}

function timestamp(bytes: Uint8Array): Node | undefined {
  const reader = new Reader(bytes);
  let seconds: bigint;
  let nanoseconds = 0n;
  if (bytes.length === 4) seconds = BigInt(reader.u32());
  else if (bytes.length === 8) {
    const both = reader.u64();
    [seconds, nanoseconds] = [both & 0x3_ffff_ffffn, both >> 34n];
  } else if (bytes.length === 12) {
    nanoseconds = BigInt(reader.u32());
    seconds = reader.i64();
  } else return undefined;
  const at = new Date(Number(seconds) * 1000 + Number(nanoseconds / 1_000_000n));
  return Number.isNaN(at.getTime()) ? undefined : noted(text(at.toISOString()), 'timestamp');
}
