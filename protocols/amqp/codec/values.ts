/** The names that RabbitMQ gives the types of field values. */
import type { Value } from '../../../src/api/index.ts';

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
