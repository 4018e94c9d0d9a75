/** CBOR: RFC 8949. */
import { Budget, bytesNode, type Node, nameOf, noted, number, text, Undecodable, word } from './node.ts';
import { Reader } from './reader.ts';

const ENDLESS = 31;
const BREAK = 0xff;

/** One value, and nothing behind it. @throws Undecodable */
export function cbor(bytes: Uint8Array): Node {
  const reader = new Reader(bytes);
  const value = read(reader, new Budget(), 0);
  if (reader.left > 0) throw new Undecodable(`${reader.left} bytes follow the value`);
  return value;
}

function read(reader: Reader, budget: Budget, depth: number): Node {
  budget.spend(depth);
  const first = reader.u8();
  const info = first & 0x1f;
  switch (first >> 5) {
    case 0:
      return number(argument(reader, info));
    case 1:
      return number(-1n - BigInt(argument(reader, info)));
    case 2:
      return bytesNode(joined(reader, budget, info, 2));
    case 3:
      return textOf(reader, budget, info);
    case 4:
      return list(reader, budget, depth, info);
    case 5:
      return map(reader, budget, depth, info);
    case 6:
      return tagged(reader, budget, depth, argument(reader, info));
    default:
      return simple(reader, info);
  }
}

/** @throws Undecodable */
function argument(reader: Reader, info: number): number | bigint {
  if (info < 24) return info;
  if (info === 24) return reader.u8();
  if (info === 25) return reader.u16();
  if (info === 26) return reader.u32();
  if (info === 27) return reader.u64();
  throw new Undecodable('a length is none');
}

/** No more than there are bytes. @throws Undecodable */
function length(reader: Reader, info: number): number {
  const value = Number(argument(reader, info));
  if (value > reader.left) throw new Undecodable(`it ends at byte ${reader.bytes.length}, in the middle of a value`);
  return value;
}

/** The pieces of a text or of bytes. */
function* pieces(reader: Reader, budget: Budget, info: number, major: number): Generator<Uint8Array> {
  if (info !== ENDLESS) {
    yield reader.take(length(reader, info));
    return;
  }
  for (;;) {
    budget.spend(0);
    const first = reader.u8();
    if (first === BREAK) return;
    if (first >> 5 !== major || (first & 0x1f) === ENDLESS) throw new Undecodable('a piece of a text is none');
    yield reader.take(length(reader, first & 0x1f));
  }
}

function joined(reader: Reader, budget: Budget, info: number, major: number): Uint8Array {
  const all = [...pieces(reader, budget, info, major)];
  const whole = new Uint8Array(all.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of all) {
    whole.set(one, at);
    at += one.length;
  }
  return whole;
}

function textOf(reader: Reader, budget: Budget, info: number): Node {
  let whole = '';
  for (const piece of pieces(reader, budget, info, 3)) whole += new Reader(piece).utf8(piece.length);
  return text(whole);
}

function* places(reader: Reader, info: number): Generator<void> {
  if (info === ENDLESS) {
    while (reader.peek() !== BREAK) yield;
    reader.u8();
    return;
  }
  for (let left = length(reader, info); left > 0; left--) yield;
}

function list(reader: Reader, budget: Budget, depth: number, info: number): Node {
  const items: Node[] = [];
  for (const _ of places(reader, info)) items.push(read(reader, budget, depth + 1));
  return { kind: 'list', items };
}

function map(reader: Reader, budget: Budget, depth: number, info: number): Node {
  const entries: [string, Node][] = [];
  for (const _ of places(reader, info)) {
    const name = nameOf(read(reader, budget, depth + 1));
    entries.push([name, read(reader, budget, depth + 1)]);
  }
  return { kind: 'map', entries };
}

function tagged(reader: Reader, budget: Budget, depth: number, tag: number | bigint): Node {
  const value = read(reader, budget, depth + 1);
  if (tag === 1 && value.kind === 'value' && value.of === 'number') {
    const at = new Date(Number(value.text) * 1000);
    if (!Number.isNaN(at.getTime())) return noted(text(at.toISOString()), 'time');
  }
  if (tag === 55799) return value;
  return noted(value, tag === 0 ? 'time' : `tag ${tag}`);
}

function simple(reader: Reader, info: number): Node {
  if (info === 20 || info === 21) return word(info === 21);
  if (info === 22) return word(null);
  if (info === 23) return word(undefined);
  if (info === 25) return number(half(reader.u16()));
  if (info === 26) return number(reader.f32());
  if (info === 27) return number(reader.f64());
  if (info === 24 || info < 20) return noted(number(info === 24 ? reader.u8() : info), 'simple');
  throw new Undecodable('what ends nothing');
}

/** A float of two bytes. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const size =
    exponent === 0
      ? fraction * 2 ** -24
      : exponent === 31
        ? fraction === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}
