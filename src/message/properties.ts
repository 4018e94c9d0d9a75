/**
 * The neutral form of a message's properties: what every protocol can be read into and written from, so that n
 * protocols need n converters. A message is stored with the property bytes of the protocol that sent it; this form is
 * only made when a message crosses from one protocol to another, or when the broker itself must look (headers exchange,
 * dead-lettering, selectors).
 */

/**
 * A header's value with its type kept. Plain JavaScript values stand for the common ones: string (UTF-8 text), boolean,
 * null (void); everything else is tagged, so that a 16-bit integer comes back as a 16-bit integer.
 */
export type Value =
  | string
  | boolean
  | null
  | { readonly type: 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32' | 'uint32'; readonly value: number }
  | { readonly type: 'int64' | 'uint64'; readonly value: bigint }
  | { readonly type: 'float' | 'double'; readonly value: number }
  /** `value` × 10^-`scale` */
  | { readonly type: 'decimal'; readonly scale: number; readonly value: number }
  /** seconds since the epoch */
  | { readonly type: 'timestamp'; readonly value: bigint }
  | { readonly type: 'bytes'; readonly value: Buffer }
  | { readonly type: 'list'; readonly value: readonly Value[] }
  | { readonly type: 'map'; readonly value: Headers };

export interface Header {
  readonly name: string;
  readonly value: Value;
}

/** Ordered, duplicates allowed: some protocols' properties repeat, and have an order. */
export type Headers = readonly Header[];

/** Where a message can be sent: an exchange ('' is the default one) and a routing key in dotted spelling. */
export interface Address {
  readonly exchange: string;
  readonly key: string;
}

export interface Properties {
  messageId?: string;
  correlationId?: string | Buffer;
  replyTo?: Address;
  contentType?: string;
  contentEncoding?: string;
  /** 0 to 255; 4 is what JMS-style clients assume when absent. */
  priority?: number;
  /** Relative, milliseconds, as the publisher gave it. */
  expiryMs?: number;
  /** Seconds since the epoch, as the publisher gave it. */
  timestampS?: bigint;
  type?: string;
  userId?: string;
  appId?: string;
  groupId?: string;
  /** The body is declared to be UTF-8 text (as publishers of several protocols can say). */
  text?: boolean;
  headers: Headers;
}

export const NO_PROPERTIES: Properties = Object.freeze({ headers: Object.freeze([]) as Headers });

/** A value as text, for protocols whose headers are strings: numbers in decimal, bytes as UTF-8, nested ones as JSON. */
export function valueToText(value: Value): string {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  switch (value.type) {
    case 'decimal':
      return decimalText(value.value, value.scale);
    case 'bytes':
      return value.value.toString('utf8');
    case 'list':
    case 'map':
      return JSON.stringify(valueToJson(value));
    default:
      return String(value.value);
  }
}

/** True for values that lose their shape as text: a header that carries one is marked where that matters. */
export function isNested(value: Value): boolean {
  return typeof value === 'object' && value !== null && (value.type === 'list' || value.type === 'map');
}

export function valueToJson(value: Value): unknown {
  if (value === null || typeof value !== 'object') return value;
  switch (value.type) {
    case 'int64':
    case 'uint64':
    case 'timestamp':
      return Number.isSafeInteger(Number(value.value)) ? Number(value.value) : String(value.value);
    case 'decimal':
      return decimalText(value.value, value.scale);
    case 'bytes':
      return value.value.toString('base64');
    case 'list':
      return value.value.map(valueToJson);
    case 'map':
      return Object.fromEntries(value.value.map((header) => [header.name, valueToJson(header.value)]));
    default:
      return value.value;
  }
}

/** Equal as header values are compared by a headers exchange: numbers by value whatever their width. */
export function valuesEqual(a: Value, b: Value): boolean {
  const left = comparable(a);
  const right = comparable(b);
  return left === right;
}

function comparable(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return `b${value}`;
  if (typeof value === 'string') return `s${value}`;
  switch (value.type) {
    case 'bytes':
      return `s${value.value.toString('utf8')}`;
    case 'list':
    case 'map':
      return `j${JSON.stringify(valueToJson(value))}`;
    case 'timestamp':
      return `t${value.value}`;
    case 'decimal':
      return `n${decimalText(value.value, value.scale)}`;
    default:
      return `n${value.value}`;
  }
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
