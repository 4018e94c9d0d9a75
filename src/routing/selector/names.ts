/**
 * Names in selectors, and what of a message they stand for.
 *
 *     JMSDestination       queue://NAME, topic://KEY, or exchange://NAME/KEY
 *     JMSReplyTo           the same
 *     JMSDeliveryMode      'PERSISTENT' or 'NON_PERSISTENT'
 *     JMSPriority          4 if it has none
 *     JMSTimestamp         ms since the epoch: the publisher's, or else when it came
 *     JMSExpiration        ms since the epoch, 0 for never
 *     JMSMessageID, JMSCorrelationID, JMSType, JMSXGroupID, JMSXUserID, JMSXAppID
 *     JMSXGroupSeq         the header of that name, as a number
 *     JMSRedelivered       boolean
 *     JMSXDeliveryCount    failed attempts so far, and one
 *
 * Any other name is a header's: the first of that name, letter by letter. If there is none, the names by which publishers
 * set properties that are not headers here (`"content-type"`, `type`, `"app-id"` and so on) give those. What a message
 * does not have is unknown.
 */
import { AT_MOST_ONCE, type MessageView } from '../../message/message.ts';
import type { Address, Properties } from '../../message/properties.ts';
import { dotted } from '../../message/spelling.ts';
import { textOf } from '../../message/text.ts';
import { asNumber, type SelectorValue, selectorValue } from './values.ts';

const TOPICS = 'amq.topic';

export type Read = (view: MessageView, properties: Properties) => SelectorValue;

export interface Name {
  readonly read: Read;
  /** False: the view alone tells. */
  readonly readsProperties: boolean;
}

const ABOUT_DELIVERY: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['JMSDestination', destination],
  ['JMSDeliveryMode', (view) => (view.assurance === AT_MOST_ONCE ? 'NON_PERSISTENT' : 'PERSISTENT')],
  ['JMSPriority', (view) => BigInt(view.priority < 0 ? 4 : view.priority)],
  ['JMSExpiration', (view) => BigInt(view.expiresAtMs)],
  ['JMSRedelivered', (view) => view.redelivered],
  ['JMSXDeliveryCount', (view) => BigInt(view.attempts + 1)],
]);

const PROPERTIES: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['JMSMessageID', messageId],
  ['JMSCorrelationID', correlationId],
  ['JMSReplyTo', replyTo],
  [
    'JMSTimestamp',
    (view, { timestampS }) => (timestampS === undefined ? BigInt(view.arrivedAtMs) : timestampS * 1000n),
  ],
  ['JMSType', type],
  ['JMSXGroupID', (_, { groupId, headers }) => groupId ?? header(headers, 'JMSXGroupID')],
  ['JMSXGroupSeq', (_, { headers }) => asNumber(header(headers, 'JMSXGroupSeq'), true)],
  ['JMSXUserID', userId],
  ['JMSXAppID', appId],
]);

const UNLESS_A_HEADER: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['message-id', messageId],
  ['correlation-id', correlationId],
  ['reply-to', replyTo],
  ['content-type', (_, { contentType }) => contentType],
  ['content-encoding', (_, { contentEncoding }) => contentEncoding],
  ['priority', (view) => (view.priority < 0 ? undefined : BigInt(view.priority))],
  ['expiration', (_, { expiryMs }) => (expiryMs === undefined ? undefined : BigInt(expiryMs))],
  ['timestamp', (_, { timestampS }) => timestampS],
  ['type', type],
  ['user-id', userId],
  ['app-id', appId],
]);

export function nameOf(name: string): Name {
  const known = ABOUT_DELIVERY.get(name);
  if (known !== undefined) return { read: known, readsProperties: false };
  return { read: PROPERTIES.get(name) ?? headerReader(name), readsProperties: true };
}

function headerReader(name: string): Read {
  const otherwise = UNLESS_A_HEADER.get(name);
  if (otherwise === undefined) return (_, properties) => header(properties.headers, name);
  return (view, properties) => header(properties.headers, name) ?? otherwise(view, properties);
}

function header(headers: Properties['headers'], name: string): SelectorValue {
  for (let i = 0; i < headers.length; i++) {
    const found = headers[i]!;
    if (found.name === name) return selectorValue(found.value);
  }
  return undefined;
}

function messageId(_: MessageView, properties: Properties): SelectorValue {
  return properties.messageId;
}

function correlationId(_: MessageView, { correlationId: id }: Properties): SelectorValue {
  return typeof id === 'object' ? textOf(id) : id;
}

function type(_: MessageView, properties: Properties): SelectorValue {
  return properties.type;
}

function userId(_: MessageView, properties: Properties): SelectorValue {
  return properties.userId;
}

function appId(_: MessageView, properties: Properties): SelectorValue {
  return properties.appId;
}

function replyTo(_: MessageView, properties: Properties): SelectorValue {
  return properties.replyTo === undefined ? undefined : address(properties.replyTo);
}

function destination(view: MessageView): SelectorValue {
  return address({ exchange: view.exchange(), key: dotted(view.key(), view.spelling) });
}

function address({ exchange, key }: Address): string {
  if (exchange === '') return `queue://${key}`;
  return exchange === TOPICS ? `topic://${key}` : `exchange://${exchange}/${key}`;
}
