/** Values of AMQP 1.0 and of the neutral form, made of each other. */
import type { Header, Headers, Value } from '../../../src/api/index.ts';
import { type AmqpEntry, type AmqpValue, symbol, textValue } from '../codec/values.ts';

/** The neutral value, and whether something of it had no place. */
export interface Converted {
  readonly value: Value;
  readonly lossy: boolean;
}

export function toNeutralValue(value: AmqpValue): Converted {
  if (value === null || typeof value !== 'object') return whole(value);
  switch (value.type) {
    case 'symbol':
      return whole(value.value);
    case 'ubyte':
      return whole({ type: 'uint8', value: value.value });
    case 'ushort':
      return whole({ type: 'uint16', value: value.value });
    case 'uint':
      return whole({ type: 'uint32', value: value.value });
    case 'ulong':
      return whole({ type: 'uint64', value: value.value });
    case 'byte':
      return whole({ type: 'int8', value: value.value });
    case 'short':
      return whole({ type: 'int16', value: value.value });
    case 'int':
      return whole({ type: 'int32', value: value.value });
    case 'long':
      return whole({ type: 'int64', value: value.value });
    case 'float':
    case 'double':
      return whole({ type: value.type, value: value.value });
    case 'char':
      return whole(String.fromCodePoint(value.value));
    case 'timestamp':
      // Seconds are what the neutral form counts; times before 1970 it does not have.
      if (value.value < 0n) return { value: { type: 'int64', value: value.value }, lossy: true };
      return { value: { type: 'timestamp', value: value.value / 1000n }, lossy: value.value % 1000n !== 0n };
    case 'uuid':
      return whole(uuidText(value.value));
    case 'binary':
      return whole({ type: 'bytes', value: value.value });
    case 'decimal32':
    case 'decimal64':
    case 'decimal128':
      return { value: { type: 'bytes', value: value.value }, lossy: true };
    case 'list':
    case 'array': {
      const items = value.value.map(toNeutralValue);
      return {
        value: { type: 'list', value: items.map((item) => item.value) },
        lossy: items.some((item) => item.lossy),
      };
    }
    case 'map': {
      const { headers, lost } = toNeutralHeaders(value.value);
      return { value: { type: 'map', value: headers }, lossy: lost > 0 };
    }
    case 'described':
      return { value: toNeutralValue(value.value).value, lossy: true };
  }
}

/** Entries whose keys are texts or symbols, the first of each name. `lost`: how many had to be left out, or lost something. */
export function toNeutralHeaders(entries: readonly AmqpEntry[]): { headers: Header[]; lost: number } {
  const headers: Header[] = [];
  const names = new Set<string>();
  let lost = 0;
  for (const [key, value] of entries) {
    const name = textValue(key);
    if (name === undefined || names.has(name)) {
      lost++;
      continue;
    }
    names.add(name);
    const converted = toNeutralValue(value);
    if (converted.lossy) lost++;
    headers.push({ name, value: converted.value });
  }
  return { headers, lost };
}

export function fromNeutralValue(value: Value): AmqpValue {
  if (value === null || typeof value !== 'object') return value;
  switch (value.type) {
    case 'int8':
      return { type: 'byte', value: value.value };
    case 'uint8':
      return { type: 'ubyte', value: value.value };
    case 'int16':
      return { type: 'short', value: value.value };
    case 'uint16':
      return { type: 'ushort', value: value.value };
    case 'int32':
      return { type: 'int', value: value.value };
    case 'uint32':
      return { type: 'uint', value: value.value };
    case 'int64':
      return { type: 'long', value: value.value };
    case 'uint64':
      return { type: 'ulong', value: value.value };
    case 'float':
    case 'double':
      return { type: value.type, value: value.value };
    case 'decimal':
      // Those of 0-9-1 are not IEEE's: what it is worth is told.
      return { type: 'double', value: value.value / 10 ** value.scale };
    case 'timestamp':
      return { type: 'timestamp', value: BigInt.asIntN(64, value.value * 1000n) };
    case 'bytes':
      return { type: 'binary', value: value.value };
    case 'list':
      return { type: 'list', value: value.value.map(fromNeutralValue) };
    case 'map':
      return { type: 'map', value: fromNeutralHeaders(value.value) };
  }
}

function fromNeutralHeaders(headers: Headers): AmqpEntry[] {
  return headers.map(({ name, value }): AmqpEntry => [name, fromNeutralValue(value)]);
}

/** Keys of annotations are symbols. */
export function annotationOf({ name, value }: Header): AmqpEntry {
  return [symbol(name), fromNeutralValue(value)];
}

export function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Undefined for what is none. */
export function uuidBytes(text: string): Buffer | undefined {
  return UUID_TEXT.test(text) ? Buffer.from(text.replaceAll('-', ''), 'hex') : undefined;
}

function whole(value: Value): Converted {
  return { value, lossy: false };
}
