/** The fourteen basic properties as JSON has them over HTTP, to and from the neutral form. */
import { EXPIRATION_MAX_MS, readExpiration } from '../../../message/expiration.ts';
import { GROUP_HEADER, type Properties, REPLY_EXCHANGE_HEADER, type Value } from '../../../message/properties.ts';
import { bytesOf, isText, textOf as textOfBytes } from '../../../message/text.ts';
import { badRequest } from '../http/errors.ts';
import { type Body, headersOf } from '../http/fields.ts';
import { valueShown } from '../shapes/arguments.ts';

/** What of a message's properties is not in the neutral form. */
export interface Carried {
  readonly properties: Properties;
  readonly persistent: boolean;
  /** -1: not given. */
  readonly priority: number;
  /** Milliseconds; -1: not given. */
  readonly ttlMs: number;
}

const TEXTS = {
  content_type: 'contentType',
  content_encoding: 'contentEncoding',
  correlation_id: 'correlationId',
  message_id: 'messageId',
  type: 'type',
  user_id: 'userId',
  app_id: 'appId',
} as const;
const SHORT_BYTES_MAX = 255;

/**
 * Unknown keys are passed over, as RabbitMQ does; `cluster_id` is one: it stands for nothing outside AMQP's own frames.
 * @param user who publishes: nobody may say to be another
 * @throws Failure 400
 */
export function carriedFrom(given: Body, user: string): Carried {
  const headers = headersOf(given, 'headers');
  const replyTo = shortText(given, 'reply_to');
  // A message's group has no place among the fourteen: it travels as a header, as it does in AMQP.
  const group = headers.find(({ name }) => name === GROUP_HEADER)?.value;
  const grouped = typeof group === 'string' && group !== '';
  const properties: Record<string, unknown> = {
    headers: headers.filter(
      ({ name }) => !(grouped && name === GROUP_HEADER) && !(replyTo !== undefined && name === REPLY_EXCHANGE_HEADER),
    ),
    ...(grouped && { groupId: group }),
  };
  for (const [key, name] of Object.entries(TEXTS)) {
    const text = shortText(given, key);
    if (text !== undefined) properties[name] = text;
  }
  if (replyTo !== undefined) {
    const exchange = headers.find(({ name }) => name === REPLY_EXCHANGE_HEADER)?.value;
    properties['replyTo'] = { exchange: typeof exchange === 'string' ? exchange : '', key: replyTo };
  }
  const timestamp = number(given, 'timestamp', 0, Number.MAX_SAFE_INTEGER);
  if (timestamp !== undefined) properties['timestampS'] = BigInt(timestamp);
  const priority = number(given, 'priority', 0, 255);
  if (priority !== undefined) properties['priority'] = priority;
  const mode = number(given, 'delivery_mode', 0, 255);
  if (mode !== undefined && mode !== 1 && mode !== 2) {
    throw badRequest(`406 PRECONDITION_FAILED - invalid message: {delivery_mode_unknown,${mode}}`);
  }
  const claimed = properties['userId'];
  if (claimed !== undefined && claimed !== user) {
    throw badRequest(
      `406 PRECONDITION_FAILED - user_id property set to '${String(claimed)}' but authenticated user was '${user}'`,
    );
  }
  return {
    properties: properties as unknown as Properties,
    persistent: mode === 2,
    priority: priority ?? -1,
    ttlMs: expiration(shortText(given, 'expiration')),
  };
}

function shortText(given: Body, key: string): string | undefined {
  const value = given[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw badRequest(['not_string', key]);
  if (Buffer.byteLength(value) > SHORT_BYTES_MAX) throw badRequest(`${key} has more than ${SHORT_BYTES_MAX} bytes`);
  return value;
}

function number(given: Body, key: string, min: number, max: number): number | undefined {
  const value = given[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw badRequest(['not_int', key]);
  if (value < min || value > max) throw badRequest(`${key} is a whole number from ${min} to ${max}`);
  return value;
}

function expiration(text: string | undefined): number {
  if (text === undefined) return -1;
  const value = readExpiration(text);
  if (typeof value === 'number') return value;
  throw badRequest(`406 PRECONDITION_FAILED - invalid expiration '${text}': ${value}`);
}

/** What is set of a message; none of it is `[]`, as RabbitMQ shows it. */
export function propertiesShown({ properties, persistent, priority, ttlMs }: Carried): object {
  const shown: Record<string, unknown> = {};
  if (properties.type !== undefined) shown['type'] = properties.type.toWellFormed();
  for (const [key, name] of Object.entries(TEXTS)) {
    const value = properties[name];
    if (value !== undefined) shown[key] = (Buffer.isBuffer(value) ? textOfBytes(value) : value).toWellFormed();
  }
  if (properties.replyTo !== undefined) shown['reply_to'] = properties.replyTo.key.toWellFormed();
  if (properties.timestampS !== undefined) shown['timestamp'] = Number(properties.timestampS);
  const level = properties.priority ?? (priority >= 0 ? priority : undefined);
  if (level !== undefined) shown['priority'] = level;
  if (ttlMs >= 0) shown['expiration'] = String(Math.min(ttlMs, EXPIRATION_MAX_MS));
  if (persistent) shown['delivery_mode'] = 2;
  const { groupId, replyTo } = properties;
  const leads = replyTo !== undefined && replyTo.exchange !== '';
  const headers = [
    ...(leads ? [{ name: REPLY_EXCHANGE_HEADER, value: replyTo.exchange }] : []),
    ...properties.headers,
    ...(groupId === undefined ? [] : [{ name: GROUP_HEADER, value: groupId }]),
  ];
  if (headers.length > 0) shown['headers'] = valueShown(wellFormed({ type: 'map', value: headers }));
  return Object.keys(shown).length === 0 ? [] : shown;
}

/** Text that is no UTF-8 is told in RabbitMQ's words: as it is it would make JSON that strict readers refuse. */
function wellFormed(value: Value): Value {
  if (typeof value === 'string')
    return isText(value) ? value : `Not UTF-8, base64 is: ${bytesOf(value).toString('base64')}`;
  if (typeof value !== 'object' || value === null) return value;
  if (value.type === 'list') return { type: 'list', value: value.value.map(wellFormed) };
  if (value.type !== 'map') return value;
  return {
    type: 'map',
    value: value.value.map(({ name, value: one }) => ({ name: name.toWellFormed(), value: wellFormed(one) })),
  };
}
