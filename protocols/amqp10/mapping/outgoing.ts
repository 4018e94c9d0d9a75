/**
 * A message on its way to a client of AMQP 1.0: the bytes before its body and behind it.
 *
 * What came as AMQP 1.0 leaves as it came, but for the header, which is the broker's to say, and the annotations that it adds
 * [§3.2]. What came by another protocol is written by way of the neutral form: bodies as data, or as a text where they are declared
 * to be one. RabbitMQ 4's conventions (https://www.rabbitmq.com/docs/conversions).
 */
import { isUtf8 } from 'node:buffer';
import {
  AT_MOST_ONCE,
  ByteSink,
  DEATH_HEADERS,
  deathCount,
  decodeAnnotations,
  flatDeathHeaders,
  type Header,
  integerOf,
  isNested,
  type MessageView,
  type Properties,
  type Session,
} from '../../../src/api/index.ts';
import { barePropertiesValue, type MessageId } from '../codec/bare-properties.ts';
import * as descriptors from '../codec/descriptors.ts';
import * as codes from '../codec/format-codes.ts';
import { MessageSections } from '../codec/sections.ts';
import { writeUint, writeValue } from '../codec/value-writer.ts';
import { type AmqpEntry, type AmqpValue, described, symbol } from '../codec/values.ts';
import type { Amqp10Stats } from '../stats.ts';
import { addressOf } from './addresses.ts';
import {
  amqp10Dialect,
  BODY_KIND_HEADER,
  CORRELATION_ID_TYPE_HEADER,
  GROUP_SEQUENCE_HEADER,
  MESSAGE_ID_TYPE_HEADER,
  REPLY_GROUP_HEADER,
} from './dialect.ts';
import { StoredParts } from './stored.ts';
import { annotationOf, fromNeutralValue, uuidBytes } from './values.ts';

const EXCHANGE = 'x-exchange';
const ROUTING_KEY = 'x-routing-key';
const APP_ID = 'x-app-id';
/** Headers that become properties again. */
const PROPERTY_HEADERS: ReadonlySet<string> = new Set([
  MESSAGE_ID_TYPE_HEADER,
  CORRELATION_ID_TYPE_HEADER,
  GROUP_SEQUENCE_HEADER,
  REPLY_GROUP_HEADER,
  BODY_KIND_HEADER,
]);
const DATA8 = Buffer.from([codes.DESCRIBED, codes.SMALL_ULONG, descriptors.DATA, codes.BINARY8]);
const DATA32 = Buffer.from([codes.DESCRIBED, codes.SMALL_ULONG, descriptors.DATA, codes.BINARY32]);
const TEXT8 = Buffer.from([codes.DESCRIBED, codes.SMALL_ULONG, descriptors.AMQP_VALUE, codes.STRING8]);
const TEXT32 = Buffer.from([codes.DESCRIBED, codes.SMALL_ULONG, descriptors.AMQP_VALUE, codes.STRING32]);
const NOTHING = Buffer.alloc(0);

/** One for all links of a connection, used for each message anew. */
export class OutgoingMessage {
  /** Everything before the body's bytes. */
  readonly head = new ByteSink();
  /** Everything behind them: `footer[footerStart, footerEnd)`. */
  footer: Buffer = NOTHING;
  footerStart = 0;
  footerEnd = 0;
  /** Where a body of several pieces is to be wrapped: it is all in `head` then, and none of it is left to be written. */
  bodyInHead = false;
  private readonly parts = new StoredParts();
  private readonly sections = new MessageSections();
  private readonly stats: Amqp10Stats;

  constructor(stats: Amqp10Stats) {
    this.stats = stats;
  }

  /** @param deliveryCount failed attempts before this one */
  make(session: Session, view: MessageView, deliveryCount: number): void {
    const { head } = this;
    head.clear();
    this.footerStart = this.footerEnd = 0;
    this.footer = NOTHING;
    this.bodyInHead = false;
    writeHeader(head, session, view, deliveryCount);
    if (view.dialect === amqp10Dialect.id && this.parts.read(view.props, view.propsStart, view.propsEnd))
      this.asItCame(view);
    else this.converted(session, view);
  }

  private asItCame(view: MessageView): void {
    const { parts, sections, head } = this;
    const { props } = view;
    sections.scan(props, parts.beforeStart, parts.beforeEnd);
    const { messageAnnotations } = sections;
    const own = messageAnnotations.present ? props.subarray(messageAnnotations.value, messageAnnotations.end) : NOTHING;
    writeAnnotations(head, own, addedAnnotations(view));
    const restAt = messageAnnotations.present ? messageAnnotations.end : parts.beforeStart;
    head.append(props.subarray(restAt, parts.beforeEnd));
    this.footer = props;
    this.footerStart = parts.footerStart;
    this.footerEnd = parts.footerEnd;
    if (parts.pieces === 1) {
      parts.nextPiece(props);
      head.append(props.subarray(parts.wrapStart, parts.wrapEnd));
    } else if (parts.pieces > 1 && view.large === null) {
      let at = view.bodyStart;
      for (let i = 0; i < parts.pieces; i++) {
        parts.nextPiece(props);
        head.append(props.subarray(parts.wrapStart, parts.wrapEnd));
        head.append(view.body.subarray(at, at + parts.pieceBytes));
        at += parts.pieceBytes;
      }
      this.bodyInHead = true;
    } else if (parts.pieces > 1) {
      // Too large to be put together here: one section of data holds the same bytes.
      wrapBody(head, view, false);
    }
  }

  private converted(session: Session, view: MessageView): void {
    const { head } = this;
    const properties = session.properties(view);
    const annotations: AmqpEntry[] = addedAnnotations(view);
    const application: AmqpEntry[] = [];
    let lost = properties.lost ?? 0;
    for (const header of properties.headers) {
      if (PROPERTY_HEADERS.has(header.name) || (view.notesEnd > view.notesStart && DEATH_HEADERS.has(header.name)))
        continue;
      if (header.name.startsWith('x-')) annotations.push(annotationOf(header));
      // Application properties hold no lists and maps. [§3.2.5]
      else if (isNested(header.value)) lost++;
      else application.push([header.name, fromNeutralValue(header.value)]);
    }
    if (properties.appId !== undefined) annotations.push([symbol(APP_ID), properties.appId]);
    writeAnnotations(head, NOTHING, annotations);
    writeValue(head, barePropertiesValue(bareOf(properties, view)));
    if (application.length > 0) {
      writeValue(head, described(descriptors.APPLICATION_PROPERTIES, { type: 'map', value: application }));
    }
    if (lost > 0) {
      view.lossy = true;
      this.stats.lossyConversions++;
    }
    const kind = valueUnder(properties.headers, BODY_KIND_HEADER);
    // It went through another protocol as it had been encoded, and is that again.
    if (kind === 'value' || kind === 'sequence') return;
    wrapBody(head, view, properties.text === true && view.large === null);
  }
}

/** [§3.2.1] */
function writeHeader(sink: ByteSink, session: Session, view: MessageView, deliveryCount: number): void {
  const durable = view.assurance !== AT_MOST_ONCE;
  const ttlMs = view.expiresAtMs === 0 ? undefined : session.timeLeftMs(view);
  const count =
    deliveryCount > 0 ? 5 : view.redelivered ? 4 : ttlMs !== undefined ? 3 : view.priority >= 0 ? 2 : durable ? 1 : 0;
  sink.byte(codes.DESCRIBED);
  sink.byte(codes.SMALL_ULONG);
  sink.byte(descriptors.HEADER);
  if (count === 0) {
    sink.byte(codes.LIST0);
    return;
  }
  const at = sink.reserve(3);
  sink.byte(durable ? codes.TRUE : codes.FALSE);
  if (count > 1) {
    if (view.priority < 0) sink.byte(codes.NULL);
    else {
      sink.byte(codes.UBYTE);
      sink.byte(view.priority);
    }
  }
  if (count > 2) {
    if (ttlMs === undefined) sink.byte(codes.NULL);
    else writeUint(sink, Math.min(ttlMs, 0xffff_ffff));
  }
  if (count > 3) sink.byte(view.redelivered ? codes.FALSE : codes.TRUE);
  if (count > 4) writeUint(sink, deliveryCount);
  sink.buffer[at] = codes.LIST8;
  sink.buffer[at + 1] = sink.length - at - 2;
  sink.buffer[at + 2] = count;
}

/** What the broker says of a message: where it was published, and of its deaths. */
function addedAnnotations(view: MessageView): AmqpEntry[] {
  const added: AmqpEntry[] = [
    [symbol(EXCHANGE), view.exchange()],
    [symbol(ROUTING_KEY), view.key()],
  ];
  if (view.notesEnd > view.notesStart) {
    const notes = decodeAnnotations(view.notes, view.notesStart, view.notesEnd);
    if (notes === undefined) return added;
    for (const [name, value] of flatDeathHeaders(notes, deathCount(notes))) added.push([symbol(name), value]);
  }
  return added;
}

/** @param own the map that the message came with, as it was encoded; empty: none */
function writeAnnotations(sink: ByteSink, own: Buffer, added: readonly AmqpEntry[]): void {
  const short = own.length > 0 && own[0] === codes.MAP8;
  const contentAt = own.length === 0 ? 0 : short ? 3 : 9;
  const ownCount = own.length === 0 ? 0 : short ? own[2]! : own.readUInt32BE(5);
  sink.byte(codes.DESCRIBED);
  sink.byte(codes.SMALL_ULONG);
  sink.byte(descriptors.MESSAGE_ANNOTATIONS);
  const at = sink.reserve(9);
  sink.append(own.subarray(contentAt));
  for (const [key, value] of added) {
    writeValue(sink, key);
    writeValue(sink, value);
  }
  sink.buffer[at] = codes.MAP32;
  sink.buffer.writeUInt32BE(sink.length - at - 5, at + 1);
  sink.buffer.writeUInt32BE(ownCount + 2 * added.length, at + 5);
}

function wrapBody(sink: ByteSink, view: MessageView, text: boolean): void {
  const bytes = view.bodyLength;
  const asText = text && isUtf8(view.body.subarray(view.bodyStart, view.bodyEnd));
  if (bytes < 0x100) {
    sink.append(asText ? TEXT8 : DATA8);
    sink.byte(bytes);
    return;
  }
  sink.append(asText ? TEXT32 : DATA32);
  const at = sink.reserve(4);
  sink.buffer.writeUInt32BE(bytes, at);
}

function bareOf(properties: Properties, view: MessageView) {
  const { headers, correlationId, replyTo, timestampS, userId } = properties;
  const sequence = headers.find(({ name }) => name === GROUP_SEQUENCE_HEADER)?.value;
  return {
    messageId: idOf(properties.messageId, valueUnder(headers, MESSAGE_ID_TYPE_HEADER)),
    userId: userId === undefined ? undefined : Buffer.from(userId, 'utf8'),
    subject: properties.type,
    replyTo: replyTo === undefined ? undefined : addressOf(replyTo.exchange, replyTo.key),
    correlationId: Buffer.isBuffer(correlationId)
      ? ({ type: 'binary', value: correlationId } as const)
      : idOf(correlationId, valueUnder(headers, CORRELATION_ID_TYPE_HEADER)),
    contentType: properties.contentType,
    contentEncoding: properties.contentEncoding,
    absoluteExpiryTimeMs: view.expiresAtMs === 0 ? undefined : BigInt(view.expiresAtMs),
    creationTimeMs: timestampS === undefined ? undefined : BigInt.asIntN(64, timestampS * 1000n),
    groupId: properties.groupId,
    groupSequence: sequence === undefined ? undefined : (integerOf(sequence) ?? 0) >>> 0,
    replyToGroupId: valueUnder(headers, REPLY_GROUP_HEADER),
  };
}

/** An id is again what it was before it crossed. */
function idOf(id: string | undefined, type: string | undefined): MessageId | undefined {
  if (id === undefined) return undefined;
  if (type === 'ulong' && /^\d{1,20}$/.test(id)) return { type: 'ulong', value: BigInt.asUintN(64, BigInt(id)) };
  if (type === 'binary') return { type: 'binary', value: Buffer.from(id, 'base64') };
  const uuid = type === 'uuid' ? uuidBytes(id) : undefined;
  const value: AmqpValue = uuid === undefined ? id : { type: 'uuid', value: uuid };
  return value;
}

function valueUnder(headers: readonly Header[], wanted: string): string | undefined {
  const value = headers.find(({ name }) => name === wanted)?.value;
  return typeof value === 'string' ? value : undefined;
}
