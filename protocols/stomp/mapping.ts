/**
 * STOMP's headers and the neutral properties: the only place that knows both.
 *
 *     neutral            header                 remarks
 *     message id         amqp-message-id        `message-id` names the delivery, not the message
 *     correlation id     correlation-id
 *     reply-to           reply-to               a destination
 *     content type       content-type
 *     content encoding   content-encoding
 *     priority           priority
 *     expiry             expiration             ms, relative; `expires` (ms since the epoch) is read as well
 *     timestamp          timestamp              s since the epoch; values past 10^11 are read as ms, as JMS has it
 *     type               type
 *     user id, app id    user-id, app-id
 *     group id           JMSXGroupID
 *     text               –                      the body came without `content-length`; or `amq-msg-type` says so, which
 *                                               stays a header
 *     headers            under their own names  values as text; lists and maps as JSON, their names gathered in the
 *                                               header `x-json-headers`, separated by commas
 *
 * Death records become flat headers: `x-first-death-queue`, `-reason`, `-exchange`; the same with `x-last-death-` for the
 * latest death; `x-death-count`, how often the message died in all.
 */
import type { Annotations } from '../../src/message/annotations.ts';
import type { Dialect } from '../../src/message/dialect.ts';
import type { MessageView } from '../../src/message/message.ts';
import { type Header, isNested, NO_PROPERTIES, type Properties, valueToText } from '../../src/message/properties.ts';
import { escapeName, escapeValue, unescapeText } from './codec/escape.ts';
import type { Version } from './codec/version.ts';
import { addressOf, formatReplyTo } from './destinations.ts';
import { isTextMarked } from './stored.ts';

const LF = 0x0a;
const COLON = 0x3a;
const JSON_HEADERS = 'x-json-headers';
/** Seconds would not get here before the year 5138. */
const MILLISECONDS_FROM = 100_000_000_000n;

export const STOMP_DIALECT: Dialect = { id: 3, name: 'stomp', decode };

/** The stored headers of a message, in the neutral form. */
function decode(view: MessageView): Properties {
  const { props, propsStart: start, propsEnd: end } = view;
  if (start >= end) return NO_PROPERTIES;
  const headers: Header[] = [];
  const properties: Properties = { headers };
  let at = start;
  if (isTextMarked(props, start, end)) {
    properties.text = true;
    at++;
  }
  while (at < end) {
    let colon = at;
    while (colon < end && props[colon] !== COLON) colon++;
    let lineEnd = colon;
    while (lineEnd < end && props[lineEnd] !== LF) lineEnd++;
    const name = unescapeText(props, at, colon, true);
    const value = unescapeText(props, Math.min(colon + 1, lineEnd), lineEnd, true);
    if (!takeProperty(properties, view, name, value)) headers.push({ name, value });
    at = lineEnd + 1;
  }
  return properties;
}

/** False for a header that is not a property, is a repetition, or does not hold what the property must be. */
function takeProperty(properties: Properties, view: MessageView, name: string, value: string): boolean {
  switch (name) {
    case 'amqp-message-id':
      if (properties.messageId !== undefined) return false;
      properties.messageId = value;
      return true;
    case 'correlation-id':
      if (properties.correlationId !== undefined) return false;
      properties.correlationId = value;
      return true;
    case 'reply-to': {
      const address = properties.replyTo === undefined ? addressOf(value) : undefined;
      if (address === undefined) return false;
      properties.replyTo = address;
      return true;
    }
    case 'content-type':
      if (properties.contentType !== undefined) return false;
      properties.contentType = value;
      return true;
    case 'content-encoding':
      if (properties.contentEncoding !== undefined) return false;
      properties.contentEncoding = value;
      return true;
    case 'priority': {
      const priority = integer(value);
      if (properties.priority !== undefined || priority === undefined || priority > 255) return false;
      properties.priority = priority;
      return true;
    }
    case 'expiration': {
      const expiryMs = integer(value);
      if (properties.expiryMs !== undefined || expiryMs === undefined) return false;
      properties.expiryMs = expiryMs;
      return true;
    }
    case 'expires': {
      if (properties.expiryMs !== undefined || integer(value) === undefined) return false;
      if (view.expiresAtMs > 0) properties.expiryMs = Math.max(0, view.expiresAtMs - view.arrivedAtMs);
      return true;
    }
    case 'timestamp': {
      if (properties.timestampS !== undefined || integer(value) === undefined) return false;
      const stamp = BigInt(value);
      properties.timestampS = stamp >= MILLISECONDS_FROM ? stamp / 1000n : stamp;
      return true;
    }
    case 'type':
      if (properties.type !== undefined) return false;
      properties.type = value;
      return true;
    case 'user-id':
      if (properties.userId !== undefined) return false;
      properties.userId = value;
      return true;
    case 'app-id':
      if (properties.appId !== undefined) return false;
      properties.appId = value;
      return true;
    case 'amq-msg-type':
      if (value === 'text') properties.text = true;
      else if (value === 'bytes') delete properties.text;
      return false;
    case 'JMSXGroupID':
      if (properties.groupId !== undefined) return false;
      properties.groupId = value;
      return true;
    default:
      return false;
  }
}

/** Names that the broker writes itself on a MESSAGE, or that say how to read the frame: no message may bring them along. */
const RESERVED: ReadonlySet<string> = new Set([
  'destination',
  'message-id',
  'subscription',
  'ack',
  'redelivered',
  'content-length',
  'receipt',
  'receipt-id',
  'transaction',
  'persistent',
]); // prettier-ignore

/** Header lines under construction, in the form of one version. */
export class HeaderLines {
  text = '';
  /** Headers that could not be written. */
  dropped = 0;
  private readonly version: Version;
  /** Names written so far that a later header must not repeat. */
  private readonly taken = new Set<string>(RESERVED);

  constructor(version: Version) {
    this.version = version;
  }

  /** A property: nothing that follows may take its name. */
  property(name: string, value: string | undefined): void {
    if (value === undefined) return;
    this.taken.add(name);
    this.write(name, value);
  }

  /** A header of the publisher's own. */
  header(name: string, value: string): void {
    if (this.taken.has(name)) this.dropped++;
    else this.write(name, value);
  }

  private write(name: string, value: string): void {
    const escapedName = escapeName(name, this.version);
    const escapedValue = escapeValue(value, this.version);
    if (escapedName === undefined || escapedValue === undefined) this.dropped++;
    else this.text += `${escapedName}:${escapedValue}\n`;
  }
}

/** Writes the properties of a message that came in over another protocol. */
export function writeProperties(properties: Properties, lines: HeaderLines): void {
  const { correlationId, replyTo } = properties;
  lines.property('amqp-message-id', properties.messageId);
  lines.property('correlation-id', typeof correlationId === 'object' ? correlationId.toString('utf8') : correlationId);
  lines.property('reply-to', replyTo === undefined ? undefined : formatReplyTo(replyTo));
  lines.property('content-type', properties.contentType);
  lines.property('content-encoding', properties.contentEncoding);
  lines.property('priority', properties.priority?.toString());
  lines.property('expiration', properties.expiryMs?.toString());
  lines.property('timestamp', properties.timestampS?.toString());
  lines.property('type', properties.type);
  lines.property('user-id', properties.userId);
  lines.property('app-id', properties.appId);
  lines.property('JMSXGroupID', properties.groupId);
  const nested = properties.headers.filter((header) => isNested(header.value)).map((header) => header.name);
  if (nested.length > 0) lines.property(JSON_HEADERS, nested.join(','));
  for (const { name, value } of properties.headers) lines.header(name, valueToText(value));
}

/** Writes where and why a message died. */
export function writeDeaths(annotations: Annotations, lines: HeaderLines): void {
  const { firstDeath } = annotations;
  lines.property('x-first-death-queue', firstDeath.queue);
  lines.property('x-first-death-reason', firstDeath.reason);
  lines.property('x-first-death-exchange', firstDeath.exchange);
  const lastDeath = annotations.deaths[0];
  lines.property('x-last-death-queue', lastDeath?.queue);
  lines.property('x-last-death-reason', lastDeath?.reason);
  lines.property('x-last-death-exchange', lastDeath?.exchange);
  lines.property('x-death-count', String(annotations.deaths.reduce((sum, death) => sum + death.count, 0)));
}

function integer(value: string): number | undefined {
  return /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
