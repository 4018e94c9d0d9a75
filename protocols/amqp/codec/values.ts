/** Types of field values: integers of any width as numbers, and the names that RabbitMQ gives types. */
import type { Value } from '../../../src/api/index.ts';

const INTEGERS: ReadonlySet<string> = new Set(['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64']);

/** An integer of any width as a number; undefined for anything else. */
export function integerOf(value: Value): number | undefined {
  if (typeof value !== 'object' || value === null || !INTEGERS.has(value.type)) return undefined;
  return Number(value.value);
}

/** The type as RabbitMQ calls it. */
export function typeNameOf(value: Value): string {
  if (typeof value === 'string') return 'longstr';
  if (typeof value === 'boolean') return 'bool';
  if (value === null) return 'void';
  return TYPE_NAMES[value.type];
}

const TYPE_NAMES: Readonly<Record<Exclude<Value, string | boolean | null>['type'], string>> = {
  int8: 'byte',
  uint8: 'unsignedbyte',
  int16: 'short',
  uint16: 'unsignedshort',
  int32: 'signedint',
  uint32: 'unsignedint',
  int64: 'long',
  uint64: 'long',
  float: 'float',
  double: 'double',
  decimal: 'decimal',
  timestamp: 'timestamp',
  bytes: 'binary',
  list: 'array',
  map: 'table',
};
