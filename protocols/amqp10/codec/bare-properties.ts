/** The properties section, read and written. [AMQP 1.0 §3.2.4] */
import * as descriptors from './descriptors.ts';
import { DecodeFault } from './faults.ts';
import { FieldReader } from './field-reader.ts';
import { type AmqpValue, composite, symbol, uint } from './values.ts';

/** A ulong, uuid, binary or string. */
export type MessageId = AmqpValue;

export interface BareProperties {
  readonly messageId?: MessageId | undefined;
  readonly userId?: Buffer | undefined;
  readonly to?: string | undefined;
  readonly subject?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly correlationId?: MessageId | undefined;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly absoluteExpiryTimeMs?: bigint | undefined;
  readonly creationTimeMs?: bigint | undefined;
  readonly groupId?: string | undefined;
  readonly groupSequence?: number | undefined;
  readonly replyToGroupId?: string | undefined;
}

/** Reads the section whose value is `buffer[start, end)`. */
export function readBareProperties(buffer: Buffer, start: number, end: number): BareProperties {
  const fields = new FieldReader();
  fields.values.begin(buffer, start, end);
  fields.begin('properties');
  const properties: BareProperties = {
    messageId: messageId(fields, 'message-id'),
    userId: fields.binary('user-id'),
    to: text(fields, 'to'),
    subject: fields.string('subject'),
    replyTo: text(fields, 'reply-to'),
    correlationId: messageId(fields, 'correlation-id'),
    contentType: text(fields, 'content-type'),
    contentEncoding: text(fields, 'content-encoding'),
    absoluteExpiryTimeMs: time(fields, 'absolute-expiry-time'),
    creationTimeMs: time(fields, 'creation-time'),
    groupId: fields.string('group-id'),
    groupSequence: optional(fields.uint('group-sequence', -1)),
    replyToGroupId: fields.string('reply-to-group-id'),
  };
  fields.finish();
  return properties;
}

export function barePropertiesValue(properties: BareProperties): AmqpValue {
  return composite(descriptors.PROPERTIES, [
    properties.messageId ?? null,
    properties.userId === undefined ? null : { type: 'binary', value: properties.userId },
    properties.to ?? null,
    properties.subject ?? null,
    properties.replyTo ?? null,
    properties.correlationId ?? null,
    properties.contentType === undefined ? null : symbol(properties.contentType),
    properties.contentEncoding === undefined ? null : symbol(properties.contentEncoding),
    timestamp(properties.absoluteExpiryTimeMs),
    timestamp(properties.creationTimeMs),
    properties.groupId ?? null,
    properties.groupSequence === undefined ? null : uint(properties.groupSequence),
    properties.replyToGroupId ?? null,
  ]);
}

const ID_TYPES: readonly string[] = ['ulong', 'uuid', 'binary'];

function messageId(fields: FieldReader, field: string): MessageId | undefined {
  const value = fields.any(field);
  if (value === undefined || typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && ID_TYPES.includes(value.type)) return value;
  throw new DecodeFault(`${field} must be a ulong, a uuid, a binary or a string`);
}

/** Addresses are of any type by the specification, and text in every client; content types are symbols, which some send as strings. */
function text(fields: FieldReader, field: string): string | undefined {
  const value = fields.any(field);
  if (value === undefined || typeof value === 'string') return value;
  return typeof value === 'object' && value?.type === 'symbol' ? value.value : undefined;
}

function time(fields: FieldReader, field: string): bigint | undefined {
  const value = fields.any(field);
  return typeof value === 'object' && value?.type === 'timestamp' ? value.value : undefined;
}

function timestamp(ms: bigint | undefined): AmqpValue {
  return ms === undefined ? null : { type: 'timestamp', value: ms };
}

function optional(value: number): number | undefined {
  return value < 0 ? undefined : value;
}
