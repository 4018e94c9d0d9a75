/**
 * Values that a selector calculates with, and the rules of their types.
 *
 *     type          in JavaScript     comes from
 *     string        string            text, bytes read as text
 *     boolean       boolean
 *     exact         bigint            integers; calculated in 64 bits, wrapping as Java's `long` does
 *     approximate   number            floats and decimals
 *     unknown       undefined         a header that is not there, and all that follows from one
 *     opaque        OPAQUE            a list or a map: it is there, and equals nothing
 *
 * Only like types are compared, exact and approximate numbers counting as alike; comparing others is false [JMS 1.1,
 * 3.8.1.2], whatever the operator, and calculating with others is unknown.
 *
 * With `convert` a string that stands beside a number or boolean, and reads as one, counts as one: some clients can send
 * nothing but text.
 */
import type { Value } from '../../message/properties.ts';
import { textOf } from '../../message/text.ts';
import type { Arithmetic } from './tree.ts';

export const OPAQUE = Symbol('opaque');
export type SelectorValue = string | boolean | bigint | number | typeof OPAQUE | undefined;

/** Past this length no text is read as a number. */
const NUMBER_LENGTH_MAX = 64;
const INTEGER_TEXT = /^[+-]?\d+$/;
const NUMBER_TEXT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** A header's value as a selector sees it. */
export function selectorValue(value: Value): SelectorValue {
  if (value === null) return undefined;
  if (typeof value !== 'object') return value;
  switch (value.type) {
    case 'float':
    case 'double':
      return value.value;
    case 'int64':
    case 'uint64':
    case 'timestamp':
      return value.value;
    case 'decimal':
      return value.value / 10 ** value.scale;
    case 'bytes':
      return textOf(value.value);
    case 'list':
    case 'map':
      return OPAQUE;
    default:
      return BigInt(value.value);
  }
}

/** Undefined: their types cannot be compared. */
export function equal(left: SelectorValue, right: SelectorValue, convert: boolean): boolean | undefined {
  if (typeof left === typeof right) return left === right && left !== OPAQUE;
  if (isNumber(left) && isNumber(right)) return Number(left) === Number(right);
  if (!convert) return undefined;
  if (typeof left === 'string') return equalsText(right, left);
  if (typeof right === 'string') return equalsText(left, right);
  return undefined;
}

function equalsText(value: SelectorValue, text: string): boolean | undefined {
  if (typeof value === 'boolean') {
    const other = asBoolean(text, true);
    return other === undefined ? undefined : value === other;
  }
  if (!isNumber(value)) return undefined;
  const other = asNumber(text, true);
  return other === undefined ? undefined : equal(value, other, false);
}

export type Order = (left: bigint | number, right: bigint | number) => boolean;

// Mixed ones are compared as Java promotes them: both as doubles.
export const ORDERS: Readonly<Record<'<' | '<=' | '>' | '>=', Order>> = {
  '<': (a, b) => (typeof a === typeof b ? a < b : Number(a) < Number(b)),
  '<=': (a, b) => (typeof a === typeof b ? a <= b : Number(a) <= Number(b)),
  '>': (a, b) => (typeof a === typeof b ? a > b : Number(a) > Number(b)),
  '>=': (a, b) => (typeof a === typeof b ? a >= b : Number(a) >= Number(b)),
};

/** Undefined for what is no number. */
export function asNumber(value: SelectorValue, convert: boolean): bigint | number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  if (!convert || typeof value !== 'string' || value.length > NUMBER_LENGTH_MAX) return undefined;
  if (INTEGER_TEXT.test(value)) {
    const integer = BigInt(value.startsWith('+') ? value.slice(1) : value);
    return BigInt.asIntN(64, integer) === integer ? integer : Number(value);
  }
  return NUMBER_TEXT.test(value) ? Number(value) : undefined;
}

/** Undefined for what is no boolean. */
export function asBoolean(value: SelectorValue, convert: boolean): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (!convert || typeof value !== 'string' || value.length > 5) return undefined;
  const text = value.toLowerCase();
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

/** Undefined for what is no string. */
export function asText(value: SelectorValue, convert: boolean): string | undefined {
  if (typeof value === 'string') return value;
  return convert && (isNumber(value) || typeof value === 'boolean') ? String(value) : undefined;
}

/**
 * Undefined when it has no result, as a division by zero. `/` and `%` give an approximate number whatever they are given,
 * as ActiveMQ has it: 5 / 2 is 2.5. The others are exact between exact numbers.
 */
export function calculate(
  operator: Arithmetic,
  left: bigint | number,
  right: bigint | number,
): bigint | number | undefined {
  if (operator === '/' || operator === '%') {
    const divisor = Number(right);
    if (divisor === 0) return undefined;
    return operator === '/' ? Number(left) / divisor : Number(left) % divisor;
  }
  if (typeof left === 'bigint' && typeof right === 'bigint') {
    return BigInt.asIntN(64, operator === '+' ? left + right : operator === '-' ? left - right : left * right);
  }
  const a = Number(left);
  const b = Number(right);
  return operator === '+' ? a + b : operator === '-' ? a - b : a * b;
}

export function negate(value: bigint | number): bigint | number {
  return typeof value === 'bigint' ? BigInt.asIntN(64, -value) : -value;
}

function isNumber(value: SelectorValue): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number';
}
