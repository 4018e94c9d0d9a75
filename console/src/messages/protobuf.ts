/**
 * Protocol Buffers without their schema: the numbers of fields and what lies in them (https://protobuf.dev/programming-guides/encoding/).
 * What bytes are cannot be known: a message, if they can be read as one; else a text, if they are one; else bytes.
 */
import { Budget, bytesNode, DEPTH_MAX, type Node, noted, number, text, Undecodable } from './node.ts';
import { isUtf8, Reader, utf8 } from './reader.ts';

const FIELD_MAX = 0x1fff_ffff;
/** A text that is all letters is hardly a message that happens to look like one. */
const PRINTABLE = /^[^\p{Cc}\p{Cn}\p{Co}]*$/u;

/** @throws Undecodable */
export function protobuf(bytes: Uint8Array): Node {
  if (bytes.length === 0) throw new Undecodable('there is nothing');
  return message(bytes, new Budget(), 0);
}

function message(bytes: Uint8Array, budget: Budget, depth: number): Node {
  const reader = new Reader(bytes);
  return { kind: 'map', entries: fields(reader, budget, depth, undefined) };
}

/** @param group the field whose end is awaited */
function fields(reader: Reader, budget: Budget, depth: number, group: number | undefined): [string, Node][] {
  const entries: [string, Node][] = [];
  while (reader.left > 0) {
    budget.spend(depth);
    const key = varint(reader);
    const field = Number(key >> 3n);
    const type = Number(key & 7n);
    if (field < 1 || field > FIELD_MAX) throw new Undecodable('a field has no number');
    if (type === 4) {
      if (field !== group) throw new Undecodable('a group ends that has not begun');
      return entries;
    }
    entries.push([String(field), value(reader, budget, depth, type, field)]);
  }
  if (group !== undefined) throw new Undecodable('a group has no end');
  return entries;
}

function value(reader: Reader, budget: Budget, depth: number, type: number, field: number): Node {
  switch (type) {
    case 0:
      return whole(varint(reader));
    case 1:
      return fixed64(reader);
    case 2:
      return delimited(reader.take(bytesLength(reader)), budget, depth + 1);
    case 3:
      return noted({ kind: 'map', entries: fields(reader, budget, depth + 1, field) }, 'group');
    case 5:
      return fixed32(reader);
    default:
      throw new Undecodable(`there is no wire type ${type}`);
  }
}

function bytesLength(reader: Reader): number {
  const length = Number(varint(reader));
  if (length > reader.left) throw new Undecodable(`it ends at byte ${reader.bytes.length}, in the middle of a value`);
  return length;
}

function varint(reader: Reader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.u8();
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new Undecodable('a number has no end');
}

/** Negative ones are written as the largest. */
function whole(value: bigint): Node {
  const signed = BigInt.asIntN(64, value);
  return signed < 0n ? noted(number(signed), `or ${value}`) : number(value);
}

function fixed64(reader: Reader): Node {
  const view = little(reader.take(8));
  return noted(number(view.getFloat64(0, true)), `or ${view.getBigInt64(0, true)}`);
}

function fixed32(reader: Reader): Node {
  const view = little(reader.take(4));
  return noted(number(view.getFloat32(0, true)), `or ${view.getInt32(0, true)}`);
}

const little = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

function delimited(bytes: Uint8Array, budget: Budget, depth: number): Node {
  if (bytes.length === 0) return text('');
  const readable = isUtf8(bytes) ? utf8(bytes) : undefined;
  if (readable !== undefined && PRINTABLE.test(readable)) return text(readable);
  // As deep as that nobody looks; bytes could be tried at each level again.
  if (depth < DEPTH_MAX) {
    try {
      return message(bytes, budget, depth);
    } catch (thrown) {
      if (!(thrown instanceof Undecodable)) throw thrown;
      budget.spend(0);
    }
  }
  return readable === undefined ? bytesNode(bytes) : text(readable);
}
