/** How bytes can be looked at, and which way is tried first. */
import { cbor } from './cbor.ts';
import { json } from './json.ts';
import { msgpack } from './msgpack.ts';
import { type Node, Undecodable } from './node.ts';
import { protobuf } from './protobuf.ts';
import { isUtf8, utf8 } from './reader.ts';

export const FORMS = {
  text: 'Text',
  json: 'JSON',
  hex: 'Hex',
  msgpack: 'MessagePack',
  cbor: 'CBOR',
  protobuf: 'Protobuf',
} as const;
export type Form = keyof typeof FORMS;

/** A tree for what has one. @throws Undecodable */
export function treeOf(form: Exclude<Form, 'text' | 'hex'>, bytes: Uint8Array): Node {
  switch (form) {
    case 'json':
      return json(utf8(bytes));
    case 'msgpack':
      return msgpack(bytes);
    case 'cbor':
      return cbor(bytes);
    case 'protobuf':
      return protobuf(bytes);
  }
}

const TYPES: readonly (readonly [RegExp, Form])[] = [
  [/json/i, 'json'],
  [/msgpack|messagepack/i, 'msgpack'],
  [/cbor/i, 'cbor'],
  [/proto/i, 'protobuf'],
];

/** What its content type says, if it is true; else what it looks like. */
export function formOf(bytes: Uint8Array, contentType: string | undefined): Form {
  const named = TYPES.find(([pattern]) => pattern.test(contentType ?? ''))?.[1];
  if (named !== undefined && readsAs(named, bytes)) return named;
  if (!isUtf8(bytes)) return 'hex';
  return /^\s*[{[]/.test(utf8(bytes.subarray(0, 64).slice(0, wholeCharacters(bytes)))) && readsAs('json', bytes)
    ? 'json'
    : 'text';
}

/** Where the first 64 bytes end between two characters. */
function wholeCharacters(bytes: Uint8Array): number {
  let end = Math.min(64, bytes.length);
  if (end === bytes.length) return end;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return end;
}

function readsAs(form: Form, bytes: Uint8Array): boolean {
  if (form === 'text' || form === 'hex') return true;
  try {
    treeOf(form, bytes);
    return true;
  } catch (thrown) {
    if (thrown instanceof Undecodable) return false;
    throw thrown;
  }
}

const ROW = 16;

/** Offset, bytes and what of them can be printed. @param rows at most */
export function hexDump(bytes: Uint8Array, rows: number): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length && lines.length < rows; at += ROW) {
    const row = bytes.subarray(at, at + ROW);
    const codes = Array.from(row, (byte) => byte.toString(16).padStart(2, '0'));
    const left = codes.slice(0, 8).join(' ');
    const right = codes.slice(8).join(' ');
    const seen = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${left.padEnd(23)}  ${right.padEnd(23)}  ${seen}`);
  }
  return lines.join('\n');
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

export function toBase64(bytes: Uint8Array): string {
  let characters = '';
  for (let at = 0; at < bytes.length; at += 8192) characters += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(characters);
}
