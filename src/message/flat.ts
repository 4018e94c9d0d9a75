/**
 * Headers for protocols whose headers are text. A list or a map goes as JSON, its name among those in the header
 * `x-json-headers`; what holds NUL goes as base64, and so do bytes that are no text where the protocol can say only text,
 * their names in `x-base64-headers`. Whoever reads the headers back (`unflattened`) has lists, maps and bytes again. Names are parted by
 * commas; a comma or `%` in a name is written %2C, %25.
 */
import type { Header, Headers, Value } from './properties.ts';
import { bytesOf, isText, textOf } from './text.ts';
import { isNested, parseJson, valueFromJson, valueToText } from './values.ts';

export const JSON_HEADERS = 'x-json-headers';
export const BASE64_HEADERS = 'x-base64-headers';
/** A list or map that nests deeper stays text: no protocol's tables may be deeper. */
const DEPTH_MAX = 15;

export interface FlatHeader {
  readonly name: string;
  readonly text: string;
}

/** @param textOnly values must be text; NUL can be in none */
export function flattened(headers: Headers, textOnly: boolean): FlatHeader[] {
  const flat: FlatHeader[] = [];
  const json: string[] = [];
  const base64: string[] = [];
  for (const { name, value } of headers) {
    if (isNested(value)) json.push(name);
    let text = valueToText(value);
    if (text.includes('\0') || (textOnly && !isText(text))) {
      base64.push(name);
      text = bytesOf(text).toString('base64');
    }
    flat.push({ name, text });
  }
  if (json.length > 0) mark(flat, JSON_HEADERS, json);
  if (base64.length > 0) mark(flat, BASE64_HEADERS, base64);
  return flat;
}

/** Takes the marks away again, and gives the marked headers their values back. */
export function unflattened(headers: Header[]): Header[] {
  const json = marked(headers, JSON_HEADERS);
  const base64 = marked(headers, BASE64_HEADERS);
  if (json === undefined && base64 === undefined) return headers;
  return headers.flatMap(({ name, value }) => {
    if ((name === JSON_HEADERS && json !== undefined) || (name === BASE64_HEADERS && base64 !== undefined)) return [];
    let was = value;
    if (typeof was === 'string' && base64?.has(name)) was = unpacked(was) ?? was;
    if (typeof was === 'string' && json?.has(name)) was = parsed(was) ?? was;
    return [{ name, value: was }];
  });
}

function mark(flat: FlatHeader[], name: string, names: readonly string[]): void {
  const text = names.map((one) => one.replace(/[,%]/g, (c) => (c === ',' ? '%2C' : '%25'))).join(',');
  const at = flat.findIndex((header) => header.name === name);
  if (at < 0) flat.push({ name, text });
  else flat[at] = { name, text };
}

function marked(headers: Headers, name: string): ReadonlySet<string> | undefined {
  const value = headers.find((header) => header.name === name)?.value;
  if (typeof value !== 'string') return undefined;
  return new Set(value.split(',').map((one) => one.replace(/%2C|%25/g, (sign) => (sign === '%25' ? '%' : ','))));
}

/** Undefined for what is no base64: somebody else's mark. */
function unpacked(text: string): string | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? textOf(bytes) : undefined;
}

function parsed(text: string): Value | undefined {
  try {
    const value = valueFromJson(parseJson(text), DEPTH_MAX);
    return value !== undefined && isNested(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
