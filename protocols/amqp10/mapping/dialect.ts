/**
 * The dialect of AMQP 1.0: how the broker reads messages that its clients have sent. The conventions are RabbitMQ 4's: `subject` is
 * the type, annotations that begin with `x-` are headers, and a message id that is no text says what it was in `x-message-id-type`
 * (https://www.rabbitmq.com/docs/conversions).
 */
import { type Dialect, type Header, type MessageView, NO_PROPERTIES, type Properties } from '../../../src/api/index.ts';
import { type BareProperties, type MessageId, readBareProperties } from '../codec/bare-properties.ts';
import { MessageSections } from '../codec/sections.ts';
import { ValueReader } from '../codec/value-reader.ts';
import type { AmqpEntry } from '../codec/values.ts';
import { nodeOf } from './addresses.ts';
import { BARE, StoredParts, TEXT } from './stored.ts';
import { toNeutralHeaders, uuidText } from './values.ts';

export const MESSAGE_ID_TYPE_HEADER = 'x-message-id-type';
export const CORRELATION_ID_TYPE_HEADER = 'x-correlation-id-type';
/** The body is no bytes and no text: which section of AMQP 1.0 it is, as it was encoded. */
export const BODY_KIND_HEADER = 'x-amqp-body';
export const GROUP_SEQUENCE_HEADER = 'JMSXGroupSeq';
export const REPLY_GROUP_HEADER = 'x-reply-to-group-id';

const parts = new StoredParts();
const sections = new MessageSections();
const reader = new ValueReader();

export const amqp10Dialect: Dialect = {
  id: 6,
  name: 'amqp10',
  decode(view) {
    try {
      return decode(view);
    } catch {
      // Checked when it came, so this is damage; a message without properties is still a message.
      return NO_PROPERTIES;
    }
  },
  messageId(view) {
    try {
      const { messageId } = bareProperties(view);
      return messageId === undefined ? undefined : idText(messageId);
    } catch {
      return undefined;
    }
  },
  groupId(view) {
    try {
      return bareProperties(view).groupId;
    } catch {
      return undefined;
    }
  },
};

function scan({ props, propsStart, propsEnd }: MessageView): boolean {
  if (!parts.read(props, propsStart, propsEnd)) return false;
  sections.scan(props, parts.beforeStart, parts.beforeEnd);
  return true;
}

/** The properties section alone. */
function bareProperties(view: MessageView): BareProperties {
  if (!scan(view) || !sections.properties.present) return {};
  return readBareProperties(view.props, sections.properties.value, sections.properties.end);
}

function decode(view: MessageView): Properties {
  if (!scan(view)) return NO_PROPERTIES;
  const bare = sections.properties.present
    ? readBareProperties(view.props, sections.properties.value, sections.properties.end)
    : {};
  const application = toNeutralHeaders(entriesOf(view.props, sections.applicationProperties));
  const annotations = toNeutralHeaders(entriesOf(view.props, sections.messageAnnotations));
  const told = annotations.headers.filter(({ name }) => name.startsWith('x-'));
  let lost = application.lost + annotations.lost + annotations.headers.length - told.length;
  const headers: Header[] = [...extraHeaders(bare), ...told, ...application.headers];
  const properties: Properties = { headers };
  if ((parts.flags & BARE) === 0) {
    headers.unshift({ name: BODY_KIND_HEADER, value: view.body[view.bodyStart + 2] === 0x76 ? 'sequence' : 'value' });
    lost++;
  }
  if ((parts.flags & TEXT) !== 0) properties.text = true;
  if (view.priority >= 0) properties.priority = view.priority;
  lost += fill(properties, bare);
  if (lost > 0) properties.lost = lost;
  return properties;
}

/** @returns how many had no place */
function fill(properties: Properties, bare: BareProperties): number {
  let lost = 0;
  if (bare.messageId !== undefined) properties.messageId = idText(bare.messageId);
  if (bare.correlationId !== undefined) {
    const { correlationId: id } = bare;
    properties.correlationId = typeof id === 'object' && id?.type === 'binary' ? id.value : idText(id);
  }
  if (bare.userId !== undefined) properties.userId = bare.userId.toString('utf8');
  if (bare.subject !== undefined) properties.type = bare.subject;
  if (bare.contentType !== undefined) properties.contentType = bare.contentType;
  if (bare.contentEncoding !== undefined) properties.contentEncoding = bare.contentEncoding;
  if (bare.groupId !== undefined) properties.groupId = bare.groupId;
  if (bare.creationTimeMs !== undefined && bare.creationTimeMs >= 0n) {
    properties.timestampS = bare.creationTimeMs / 1000n;
    if (bare.creationTimeMs % 1000n !== 0n) lost++;
  }
  if (bare.replyTo !== undefined) {
    const replyTo = replyAddress(bare.replyTo);
    if (replyTo === undefined) lost++;
    else properties.replyTo = replyTo;
  }
  return lost;
}

/** What the neutral form has no property for. */
function extraHeaders(bare: BareProperties): Header[] {
  const headers: Header[] = [];
  const messageIdType = idType(bare.messageId);
  const correlationIdType = idType(bare.correlationId);
  if (messageIdType !== undefined) headers.push({ name: MESSAGE_ID_TYPE_HEADER, value: messageIdType });
  if (correlationIdType !== undefined && correlationIdType !== 'binary') {
    headers.push({ name: CORRELATION_ID_TYPE_HEADER, value: correlationIdType });
  }
  if (bare.groupSequence !== undefined) {
    headers.push({ name: GROUP_SEQUENCE_HEADER, value: { type: 'int32', value: bare.groupSequence | 0 } });
  }
  if (bare.replyToGroupId !== undefined) headers.push({ name: REPLY_GROUP_HEADER, value: bare.replyToGroupId });
  return headers;
}

function replyAddress(address: string): { exchange: string; key: string } | undefined {
  try {
    const node = nodeOf(address);
    return node.kind === 'queue' ? { exchange: '', key: node.queue } : { exchange: node.exchange, key: node.key ?? '' };
  } catch {
    return undefined;
  }
}

/** The entries of a section that is a map; none if it is not there. */
function entriesOf(buffer: Buffer, range: { present: boolean; value: number; end: number }): readonly AmqpEntry[] {
  if (!range.present) return [];
  const value = reader.begin(buffer, range.value, range.end).value();
  return typeof value === 'object' && value?.type === 'map' ? value.value : [];
}

/** What a message id is, where it is no text. */
function idType(id: MessageId | undefined): string | undefined {
  return typeof id === 'object' && id !== null ? id.type : undefined;
}

/** An id as text; of bytes in base64. */
export function idText(id: MessageId): string {
  if (typeof id === 'string') return id;
  if (typeof id !== 'object' || id === null) return '';
  if (id.type === 'ulong') return String(id.value);
  if (id.type === 'uuid') return uuidText(id.value);
  return id.type === 'binary' ? id.value.toString('base64') : '';
}
