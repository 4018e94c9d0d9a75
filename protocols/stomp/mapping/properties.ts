/**
 * STOMP's headers and the neutral properties: the only place that knows both.
 *
 *     neutral            header                 remarks
 *     message id         amqp-message-id        `message-id` names the delivery, not the message
 *     correlation id     correlation-id         bytes that are no text: `ID:AMQP_BINARY:` and hexadecimal digits, as JMS has it
 *     reply-to           reply-to               a destination
 *     content type       content-type
 *     content encoding   content-encoding
 *     priority           priority
 *     expiry             expiration             ms that are left; `expires` (ms since the epoch) is read as well
 *     timestamp          timestamp              s since the epoch; values past 10^11 are read as ms, as JMS has it
 *     type               type
 *     user id, app id    user-id, app-id
 *     group id           JMSXGroupID
 *     text               –                      the body came without `content-length`, and goes so unless it holds NUL; or
 *                                               `amq-msg-type` says so, which stays a header
 *     headers            under their own names  values as text, in the bytes they came in; lists and maps as JSON, marked
 *                                               (`src/message/flat.ts`)
 *
 * Death records become flat headers: `x-first-death-queue`, `-reason`, `-exchange`; the same with `x-last-death-` for the
 * latest death; `x-death-count`, how often the message died in all. They stand for what its publisher may have said of others.
 */
import {
  type Annotations,
  ByteRange,
  bytesOf,
  type DeathReason,
  type Dialect,
  deathCount,
  flatDeathHeaders,
  flattened,
  type Header,
  isText,
  type MessageView,
  NO_PROPERTIES,
  onceEach,
  type Properties,
  textOf,
  unflattened,
  unsignedOf,
} from '../../../src/api/index.ts';
import { unescapeText } from '../codec/escape.ts';
import { addressOf, formatDestination, formatReplyTo } from './destinations.ts';
import type { HeaderLines } from './header-lines.ts';
import { isTextMarked } from './stored-headers.ts';

const GROUP = 'JMSXGroupID';
const MESSAGE_ID = 'amqp-message-id';
const LF = 0x0a;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
/** How JMS shows an AMQP correlation id of bytes (AMQP JMS Mapping). */
const BINARY_PREFIX = 'ID:AMQP_BINARY:';
/** Seconds would not get here before the year 5138. */
const MILLISECONDS_FROM = 100_000_000_000n;

export const STOMP_DIALECT: Dialect = {
  id: 3,
  name: 'stomp',
  decode,
  // What AMQP would be shown as headers.
  sent(_, { headers, groupId }) {
    return groupId === undefined ? headers : [...headers, { name: GROUP, value: groupId }];
  },
  header: storedHeader,
  messageId: (view) => storedHeader(view, MESSAGE_ID),
  messageIdAt: (view, range) => textAt(view, MESSAGE_ID, range),
  headerTextAt: textAt,
  groupId: (view) => storedHeader(view, GROUP),
};

/** The first header of this name, the others passed over. @param name ASCII, with nothing in it that is escaped */
function storedHeader(view: MessageView, name: string): string | undefined {
  return valueAt(view, name, found) ? unescapeText(view.props, found.start, found.end, true) : undefined;
}

/** Where its value lies, escaped as it may be; false: there is none. */
function valueAt({ props, propsStart, propsEnd: end }: MessageView, name: string, range: ByteRange): boolean {
  const { length } = name;
  let at = propsStart;
  if (at < end && isTextMarked(props, at, end)) at++;
  while (at < end) {
    const colon = at + length;
    let lineEnd = at;
    while (lineEnd < end && props[lineEnd] !== LF) lineEnd++;
    if (colon < lineEnd && props[colon] === COLON && props.latin1Slice(at, colon) === name) {
      range.start = colon + 1;
      range.end = lineEnd;
      return true;
    }
    at = lineEnd + 1;
  }
  return false;
}

/** Where its text lies; false: there is none, or something in it is escaped. */
function textAt(view: MessageView, name: string, range: ByteRange): boolean {
  if (!valueAt(view, name, range)) return false;
  for (let at = range.start; at < range.end; at++) if (view.props[at] === BACKSLASH) return false;
  return true;
}

const found = new ByteRange();

/** The stored headers of a message, in the neutral form. */
function decode(view: MessageView): Properties {
  const { props, propsStart: start, propsEnd: end } = view;
  if (start >= end) return NO_PROPERTIES;
  const properties: Properties = { headers: [] };
  const lines: Header[] = [];
  const names = new Set<string>();
  let lost = 0;
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
    // Of repeated headers the first counts [STOMP 1.2, Repeated Header Entries].
    if (names.has(name)) lost++;
    else if (!takeProperty(properties, name, value)) lines.push({ name, value });
    names.add(name);
    at = lineEnd + 1;
  }
  properties.headers = unflattened(lines).filter(({ name, value }) => {
    const key = typeof value === 'string' ? TEXT_NAMES.get(name) : undefined;
    if (key !== undefined) properties[key] = value as string;
    return key === undefined;
  });
  if (lost > 0) properties.lost = lost;
  return properties;
}

type TextKey = 'messageId' | 'contentType' | 'contentEncoding' | 'type' | 'appId' | 'groupId';
/** Those that may be marked: what the broker itself goes by, and who sent it, is what it says. */
const TEXT_NAMES: ReadonlyMap<string, TextKey> = new Map([
  ['amqp-message-id', 'messageId'],
  ['content-type', 'contentType'],
  ['content-encoding', 'contentEncoding'],
  ['type', 'type'],
  ['app-id', 'appId'],
  [GROUP, 'groupId'],
]);

/** False for a header that is no property, or one of `TEXT_NAMES`, or does not hold what the property must be. */
function takeProperty(properties: Properties, name: string, value: string): boolean {
  switch (name) {
    case 'user-id':
      properties.userId = value;
      return true;
    case 'correlation-id':
      properties.correlationId = binaryOf(value) ?? value;
      return true;
    case 'reply-to': {
      const address = addressOf(value);
      if (address === undefined) return false;
      properties.replyTo = address;
      return true;
    }
    case 'priority': {
      const priority = integer(value);
      if (priority === undefined || priority > 255) return false;
      properties.priority = priority;
      return true;
    }
    case 'expiration':
    case 'expires':
      // What they say the broker knows.
      return integer(value) !== undefined;
    case 'timestamp': {
      const stamp = unsignedOf(value.replace(/^ +| +$/g, ''));
      if (stamp === undefined) return false;
      properties.timestampS = stamp >= MILLISECONDS_FROM ? stamp / 1000n : stamp;
      return true;
    }
    case 'amq-msg-type':
      if (value === 'text') properties.text = true;
      else if (value === 'bytes') delete properties.text;
      return false;
    default:
      return false;
  }
}

/** A correlation id as a header: bytes that are no text, which a header must be, in JMS's form for them. */
function correlationText(id: string | Buffer): string {
  const text = typeof id === 'string' ? id : textOf(id);
  const plain = isText(text) && !text.includes('\0') && !text.startsWith(BINARY_PREFIX);
  return plain ? text : BINARY_PREFIX + (typeof id === 'string' ? bytesOf(id) : id).toString('hex').toUpperCase();
}

/** The bytes of such a header; undefined for any other. */
function binaryOf(text: string): Buffer | undefined {
  const hex = text.startsWith(BINARY_PREFIX) ? text.slice(BINARY_PREFIX.length) : undefined;
  return hex !== undefined && /^(?:[0-9a-fA-F]{2})+$/.test(hex) ? Buffer.from(hex, 'hex') : undefined;
}

/** Writes the properties of a message that came in over another protocol; its expiry is written by whoever has the time. */
export function writeProperties(properties: Properties, lines: HeaderLines): void {
  const { correlationId, replyTo } = properties;
  const named: readonly (readonly [name: string, value: string | undefined])[] = [
    ['amqp-message-id', properties.messageId],
    ['correlation-id', correlationId === undefined ? undefined : correlationText(correlationId)],
    ['reply-to', replyTo === undefined ? undefined : formatReplyTo(replyTo)],
    ['content-type', properties.contentType],
    ['content-encoding', properties.contentEncoding],
    ['priority', properties.priority?.toString()],
    ['timestamp', properties.timestampS?.toString()],
    ['type', properties.type],
    ['user-id', properties.userId],
    ['app-id', properties.appId],
    [GROUP, properties.groupId],
  ];
  const all: Header[] = named.flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
  // Who sent it is never told on somebody's word alone.
  const others = properties.headers.filter(({ name }) => name !== 'user-id');
  all.push(...others);
  // What is not to be written must not be marked either.
  const kept = onceEach(all.filter(({ name }) => lines.isFree(name)));
  lines.dropped += (properties.lost ?? 0) + properties.headers.length - others.length + all.length - kept.length;
  for (const { name, text } of flattened(kept, false)) lines.header(name, text);
}

/** The line that says how long the message has left to live. */
export function expiryLine(leftMs: number): string {
  return `expiration:${leftMs}\n`;
}

/** Writes where and why a message died. */
export function writeDeaths(annotations: Annotations, lines: HeaderLines): void {
  for (const [name, value] of flatDeathHeaders(annotations, deathCount(annotations))) lines.property(name, value);
}

/**
 * The same in ActiveMQ's words, beside ours: where it was sent to, when it expired (ms since the epoch; 0: it did not), and why it is
 * where it is.
 */
export function writeActivemqDeath({ deaths }: Annotations, lines: HeaderLines): void {
  const death = deaths.at(-1);
  if (death === undefined) return;
  const { exchange = '', routingKeys = [], reason, timeS = 0 } = death;
  const expiredMs = reason === 'expired' ? timeS * 1_000 : 0;
  lines.property('original-destination', formatDestination(exchange, routingKeys[0] ?? '', 0));
  lines.property('originalExpiration', String(expiredMs));
  lines.property('dlqDeliveryFailureCause', CAUSES[reason as DeathReason]?.(expiredMs) ?? reason);
}

const CAUSES: Readonly<Record<DeathReason, (expiredMs: number) => string>> = {
  expired: (expiredMs) => `Message Expired. Expiration:${expiredMs}`,
  rejected: () => 'Refused by a consumer',
  delivery_limit: () => 'Exceeded redelivery policy max redelivery limit',
  maxlen: () => 'One too many in its queue',
};

/** Blanks around it are nothing, as where SEND reads it. */
function integer(value: string): number | undefined {
  return /^ *\d{1,15} *$/.test(value) ? Number(value) : undefined;
}
