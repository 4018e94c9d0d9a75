/** Header values compared with each other, and shown to those who can only read text. */

import type { Header, Headers, Value } from './properties.ts';
import { textOf } from './text.ts';

/** A value as text, for protocols whose headers are strings: numbers in decimal, bytes as text, nested ones as JSON. */
export function valueToText(value: Value): string {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  switch (value.type) {
    case 'decimal':
      return decimalText(value.value, value.scale);
    case 'bytes':
      return textOf(value.value);
    case 'list':
    case 'map':
      return JSON.stringify(valueToJson(value));
    default:
      return String(value.value);
  }
}

/** An integer of any width as a number; undefined for anything else. */
export function integerOf(value: Value | undefined): number | undefined {
  if (typeof value !== 'object' || value === null || !/^u?int/.test(value.type)) return undefined;
  return Number((value as { readonly value: number | bigint }).value);
}

/** True for values that lose their shape as text. */
export function isNested(value: Value): boolean {
  return typeof value === 'object' && value !== null && (value.type === 'list' || value.type === 'map');
}

/** @param large what stands for a whole number that no double holds, of its digits. Default: a text */
export function valueToJson(value: Value, large: (digits: string) => unknown = String): unknown {
  if (value === null || typeof value !== 'object') return value;
  switch (value.type) {
    case 'int64':
    case 'uint64':
    case 'timestamp':
      return Number.isSafeInteger(Number(value.value)) ? Number(value.value) : large(String(value.value));
    case 'decimal':
      return decimalText(value.value, value.scale);
    case 'bytes':
      return value.value.toString('base64');
    case 'list':
      return value.value.map((item) => valueToJson(item, large));
    case 'map':
      return Object.fromEntries(onceEach(value.value).map((header) => [header.name, valueToJson(header.value, large)]));
    case 'float':
    case 'double':
      // JSON has no word for what is no number, or endless.
      return Number.isFinite(value.value) ? value.value : String(value.value);
    default:
      return value.value;
  }
}

const INT64_MAX = 0x7fff_ffff_ffff_ffffn;
const INT64_MIN = -0x8000_0000_0000_0000n;

/** Parses JSON whose whole numbers of 64 bits are to be exact: those that no number holds become bigints. */
export function parseJson(text: string): unknown {
  const exact = (_key: string, value: unknown, { source }: { readonly source?: string }): unknown =>
    typeof value === 'number' && source !== undefined ? exactNumber(value, source) : value;
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
}

/** What was written as `source`: the number, or a bigint where that is a whole one of 64 bits which no number holds. */
export function exactNumber(value: number, source: string): number | bigint {
  // More than 20 characters are too many for 64 bits.
  if (Number.isSafeInteger(value) || !/^-?\d{1,19}$/.test(source)) return value;
  const whole = BigInt(source);
  return whole <= INT64_MAX && whole >= INT64_MIN ? whole : value;
}

/**
 * What JSON says as a value (`parseJson`). Whole numbers are int64, others double. Undefined for what nests deeper, or holds
 * more.
 */
export function valueFromJson(json: unknown, depthMax: number, room = { values: 8192 }): Value | undefined {
  if (--room.values < 0) return undefined;
  if (json === null || typeof json === 'string' || typeof json === 'boolean') return json;
  if (typeof json === 'bigint') return { type: 'int64', value: json };
  if (typeof json === 'number') {
    return Number.isSafeInteger(json) ? { type: 'int64', value: BigInt(json) } : { type: 'double', value: json };
  }
  if (depthMax <= 0) return undefined;
  const list = Array.isArray(json);
  if (Object.keys(json as object).length > room.values) return undefined;
  const items: (Value | undefined)[] = Object.values(json as object).map((v) => valueFromJson(v, depthMax - 1, room));
  if (items.includes(undefined)) return undefined;
  const values = items as Value[];
  if (list) return { type: 'list', value: values };
  return { type: 'map', value: Object.keys(json as object).map((name, i) => ({ name, value: values[i]! })) };
}

const UINT64_MAX = 0xffff_ffff_ffff_ffffn;

/** The digits of an unsigned number of 64 bits as that number; undefined for any other text. */
export function unsignedOf(text: string): bigint | undefined {
  if (!/^\d{1,20}$/.test(text)) return undefined;
  const number = BigInt(text);
  return number <= UINT64_MAX ? number : undefined;
}

/** Without those whose name one before them has. */
export function onceEach(headers: Headers): Headers {
  const seen = new Set<string>();
  const once = headers.filter(({ name }) => !seen.has(name) && seen.add(name));
  return once.length === headers.length ? headers : once;
}

/**
 * Equal as a headers exchange compares (RabbitMQ's rules): integers, floats and timestamps by what they are worth whatever
 * their type, text and bytes by their bytes, decimals with their scale; lists and maps are equal if they are identical.
 */
export function valuesEqual(a: Value, b: Value): boolean {
  if (a === b) return true;
  const [left, right] = [numberOf(a), numberOf(b)];
  // A bigint and a number are ordered by what they are worth, nothing rounded.
  if (left !== undefined && right !== undefined) return left <= right && left >= right;
  const [text, other] = [textLike(a), textLike(b)];
  if (text !== undefined && other !== undefined) return text === other;
  return identical(a, b);
}

/** Of one type and one value, tables in one order. What differs early costs little, however much follows. */
function identical(a: Value, b: Value): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (a.type === 'bytes') return b.type === 'bytes' && a.value.equals(b.value);
  if (a.type === 'decimal') return b.type === 'decimal' && a.value === b.value && a.scale === b.scale;
  if (a.type === 'list') {
    if (b.type !== 'list' || a.value.length !== b.value.length) return false;
    return a.value.every((item, i) => identical(item, b.value[i]!));
  }
  if (a.type === 'map') {
    if (b.type !== 'map' || a.value.length !== b.value.length) return false;
    return a.value.every(({ name, value }, i) => name === b.value[i]!.name && identical(value, b.value[i]!.value));
  }
  return a.type === b.type && a.value === b.value;
}

function numberOf(value: Value): bigint | number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  switch (value.type) {
    case 'decimal':
    case 'bytes':
    case 'list':
    case 'map':
      return undefined;
    default:
      return value.value;
  }
}

function textLike(value: Value): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value?.type === 'bytes' ? textOf(value.value) : undefined;
}

/** The same text for the same value of the same type, and for no other. */
export function valueIdentity(value: Value): string {
  if (value === null) return 'V';
  if (typeof value === 'boolean') return value ? 'T' : 'F';
  if (typeof value === 'string') return `S${value.length}:${value}`;
  switch (value.type) {
    case 'bytes': {
      const text = value.value.latin1Slice();
      return `B${text.length}:${text}`;
    }
    case 'decimal':
      return `${value.value}e-${value.scale};`;
    case 'list':
      return `[${value.value.map(valueIdentity).join('')}]`;
    case 'map':
      return `{${value.value.map(headerIdentity).join('')}}`;
    default:
      return `${value.type}=${value.value};`;
  }
}

/** The same for headers that have the same names, types and values, in whatever order. */
export function headersIdentity(headers: Headers): string {
  return onceEach(headers).map(headerIdentity).sort().join('');
}

function headerIdentity({ name, value }: Header): string {
  return `${name.length}:${name}${valueIdentity(value)}`;
}

function decimalText(value: number, scale: number): string {
  if (scale === 0) return String(value);
  const digits = String(Math.abs(value)).padStart(scale + 1, '0');
  return `${value < 0 ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The name of a value's type, as error texts have it (RabbitMQ's names). */
export function typeName(value: Value): string {
  if (typeof value === 'string') return 'longstr';
  if (typeof value === 'boolean') return 'bool';
  if (value === null) return 'void';
  const names: Record<string, string> = {
    int8: 'byte',
    uint8: 'unsignedbyte',
    int16: 'short',
    uint16: 'unsignedshort',
    int32: 'signedint',
    uint32: 'unsignedint',
    int64: 'long',
    bytes: 'binary',
    list: 'array',
    map: 'table',
  };
  return names[value.type] ?? value.type;
}
