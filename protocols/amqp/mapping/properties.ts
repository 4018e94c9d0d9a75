/**
 * AMQP's properties and the broker's neutral form, read and written: used when a message crosses to or from another protocol.
 *
 * What AMQP has no field for travels in headers: `x-correlation-id` (one that is not a short string of text), `JMSXGroupID`
 * (the group), `x-reply-to-exchange` (where a reply goes when that is not the default exchange). `WireProperties` adds what
 * the broker says of a message.
 */
import { isUtf8 } from 'node:buffer';
import { bytesOf, type Header, isText, type Properties, REPLY_EXCHANGE_HEADER } from '../../../src/api/index.ts';
import type { BasicProperties } from '../codec/properties.ts';

const CORRELATION_HEADER = 'x-correlation-id';
export const GROUP_HEADER = 'JMSXGroupID';
const SHORT_BYTES_MAX = 255;

/** Properties as read from the wire to the neutral form; all but when the message expires, which the broker knows. */
export function toNeutral(basic: BasicProperties): Properties {
  const headers: Header[] = [];
  let correlation: string | Buffer | undefined;
  let group: string | undefined;
  let replyExchange = '';
  for (const header of basic.headers ?? []) {
    const { name, value } = header;
    const text = typeof value === 'string' ? value : undefined;
    const id = text ?? (typeof value === 'object' && value?.type === 'bytes' ? value.value : undefined);
    if (name === CORRELATION_HEADER && basic.correlationId === undefined && id !== undefined) correlation = id;
    else if (name === GROUP_HEADER && text !== undefined) group = text;
    else if (name === REPLY_EXCHANGE_HEADER && basic.replyTo !== undefined && text !== undefined) replyExchange = text;
    else headers.push(header);
  }
  const properties: Properties = { headers };
  if (basic.contentType !== undefined) properties.contentType = basic.contentType;
  if (basic.contentEncoding !== undefined) properties.contentEncoding = basic.contentEncoding;
  if (basic.priority !== undefined) properties.priority = basic.priority;
  if (basic.correlationId !== undefined) properties.correlationId = basic.correlationId;
  else if (correlation !== undefined) properties.correlationId = correlation;
  if (basic.replyTo !== undefined) properties.replyTo = { exchange: replyExchange, key: basic.replyTo };
  if (basic.messageId !== undefined) properties.messageId = basic.messageId;
  if (basic.timestampS !== undefined) properties.timestampS = basic.timestampS;
  if (basic.type !== undefined) properties.type = basic.type;
  if (basic.userId !== undefined) properties.userId = basic.userId;
  if (basic.appId !== undefined) properties.appId = basic.appId;
  if (group !== undefined) properties.groupId = group;
  return properties;
}

/** The neutral form to what is written on the wire. @param persistent the message asks for more than at-most-once */
export function fromNeutral(properties: Properties, persistent: boolean): BasicProperties {
  const basic: BasicProperties = { deliveryMode: persistent ? 2 : 1 };
  // They come first: a publisher's own header cannot stand in for them.
  const headers: Header[] = [];
  if (properties.contentType !== undefined) basic.contentType = properties.contentType;
  if (properties.contentEncoding !== undefined) basic.contentEncoding = properties.contentEncoding;
  if (properties.priority !== undefined) basic.priority = properties.priority;
  if (properties.correlationId !== undefined) {
    const id = asText(properties.correlationId);
    if (typeof id === 'string' && Buffer.byteLength(id) <= SHORT_BYTES_MAX) basic.correlationId = id;
    else headers.push({ name: CORRELATION_HEADER, value: typeof id === 'string' ? id : { type: 'bytes', value: id } });
  }
  if (properties.replyTo !== undefined) {
    const { exchange, key } = properties.replyTo;
    basic.replyTo = key;
    // An exchange alone, where the key is too long, would lead elsewhere.
    if (exchange !== '' && bytesOf(key).length <= SHORT_BYTES_MAX)
      headers.push({ name: REPLY_EXCHANGE_HEADER, value: exchange });
  }
  if (properties.expiryMs !== undefined) basic.expiration = expirationText(properties.expiryMs);
  if (properties.messageId !== undefined) basic.messageId = properties.messageId;
  if (properties.timestampS !== undefined) basic.timestampS = properties.timestampS;
  if (properties.type !== undefined) basic.type = properties.type;
  if (properties.userId !== undefined) basic.userId = properties.userId;
  if (properties.appId !== undefined) basic.appId = properties.appId;
  if (properties.groupId !== undefined) headers.push({ name: GROUP_HEADER, value: properties.groupId });
  headers.push(...properties.headers);
  if (headers.length > 0) basic.headers = headers;
  return basic;
}

/** Text if it is any, else bytes: many clients take it for granted that a short string is UTF-8. */
function asText(id: string | Buffer): string | Buffer {
  if (typeof id !== 'string') return isUtf8(id) ? id.utf8Slice() : id;
  return isText(id) ? id : bytesOf(id);
}

/** The expiration property: milliseconds in decimal, 0 at least. */
export function expirationText(ms: number): string {
  return String(Math.max(0, Math.round(ms)));
}
