/**
 * Values of the type system with their types kept [AMQP 1.0 §1.6]: what `ValueReader.value` reads and `writeValue` writes. Plain
 * JavaScript values stand for null, boolean and string. How wide a value was on the wire is not kept: what must leave as it
 * came is kept as bytes.
 */
import { SYMBOL32 } from './format-codes.ts';

export type AmqpValue =
  | null
  | boolean
  | string
  | AmqpSymbol
  | {
      readonly type: 'ubyte' | 'ushort' | 'uint' | 'byte' | 'short' | 'int' | 'float' | 'double';
      readonly value: number;
    }
  /** A code point. */
  | { readonly type: 'char'; readonly value: number }
  | { readonly type: 'ulong' | 'long'; readonly value: bigint }
  /** Milliseconds since the epoch. */
  | { readonly type: 'timestamp'; readonly value: bigint }
  /** IEEE 754 decimals, in their bytes. */
  | { readonly type: 'decimal32' | 'decimal64' | 'decimal128'; readonly value: Buffer }
  /** 16 bytes. */
  | { readonly type: 'uuid'; readonly value: Buffer }
  | { readonly type: 'binary'; readonly value: Buffer }
  | { readonly type: 'list'; readonly value: readonly AmqpValue[] }
  /** In order; keys may be of any type. */
  | { readonly type: 'map'; readonly value: readonly AmqpEntry[] }
  | AmqpArray
  | AmqpDescribed;

export interface AmqpSymbol {
  readonly type: 'symbol';
  readonly value: string;
}

export type AmqpEntry = readonly [key: AmqpValue, value: AmqpValue];

export interface AmqpArray {
  readonly type: 'array';
  /** The format code that all its values share. */
  readonly code: number;
  /** Those that all its values share, the outermost first. */
  readonly descriptors: readonly AmqpValue[];
  readonly value: readonly AmqpValue[];
}

export interface AmqpDescribed {
  readonly type: 'described';
  readonly descriptor: AmqpValue;
  readonly value: AmqpValue;
}

export function symbol(value: string): AmqpSymbol {
  return { type: 'symbol', value };
}

export function uint(value: number): AmqpValue {
  return { type: 'uint', value };
}

export function ubyte(value: number): AmqpValue {
  return { type: 'ubyte', value };
}

export function ulong(value: number | bigint): AmqpValue {
  return { type: 'ulong', value: BigInt(value) };
}

export function described(code: number, value: AmqpValue): AmqpDescribed {
  return { type: 'described', descriptor: ulong(code), value };
}

/** A described list without the nulls at its end, which mean the same as nothing. */
export function composite(code: number, fields: readonly AmqpValue[]): AmqpDescribed {
  let count = fields.length;
  while (count > 0 && fields[count - 1] === null) count--;
  return described(code, { type: 'list', value: count === fields.length ? fields : fields.slice(0, count) });
}

/** Null for none; several symbols as an array, which every client reads where one could stand alone. */
export function symbolArray(names: readonly string[]): AmqpValue {
  if (names.length === 0) return null;
  return { type: 'array', code: SYMBOL32, descriptors: [], value: names.map(symbol) };
}

/** A map whose keys are symbols. */
export function symbolMap(entries: Iterable<readonly [string, AmqpValue]>): AmqpValue {
  return { type: 'map', value: Array.from(entries, ([key, value]): AmqpEntry => [symbol(key), value]) };
}

/** A text or a symbol, as text; undefined for any other value. */
export function textValue(value: AmqpValue | undefined): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value?.type === 'symbol' ? value.value : undefined;
}

/** A whole number of any width; undefined for any other value. One past 2^53 loses its last digits. */
export function wholeValue(value: AmqpValue | undefined): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  switch (value.type) {
    case 'ubyte':
    case 'ushort':
    case 'uint':
    case 'byte':
    case 'short':
    case 'int':
      return value.value;
    case 'ulong':
    case 'long':
      return Number(value.value);
    default:
      return undefined;
  }
}

/** The value that a map has for a key, be that a text or a symbol; undefined: it is no map, or has none. The first counts. */
export function entryOf(map: AmqpValue | undefined, key: string): AmqpValue | undefined {
  if (typeof map !== 'object' || map?.type !== 'map') return undefined;
  return map.value.find(([name]) => textValue(name) === key)?.[1];
}

/** The symbols of a field that may have several: one, an array of them, or none. [§1.4, multiple] */
export function symbolsOf(value: AmqpValue | undefined): readonly string[] {
  if (value === undefined || value === null) return [];
  const one = textValue(value);
  if (one !== undefined) return [one];
  if (typeof value !== 'object' || (value.type !== 'array' && value.type !== 'list')) return [];
  return value.value.flatMap((item) => textValue(item) ?? []);
}
