/**
 * Between AMQP's properties and the broker's neutral form: the only place that knows both.
 *
 * Between two AMQP clients nothing is converted: the stored property bytes are the wire's (`WireProperties.of`). The
 * neutral form is made when a message crosses to or from another protocol, or must be shown with what the broker
 * adds: its death records (`x-death`), or the whole topic when the key is too long for this protocol.
 *
 * What AMQP has no field for travels in headers: `x-correlation-id` (one that is not a short string), `JMSXGroupID` (the
 * group), `x-reply-to-exchange` (where a reply goes when that is not the default exchange), `x-mqtt-topic` (a key that
 * was cut). What cannot be carried at all is left out and counted in `AmqpStats.lossyConversions`.
 */
import { isUtf8 } from 'node:buffer';
import { type Annotations, decodeAnnotations } from '../../src/message/annotations.ts';
import type { Dialect } from '../../src/message/dialect.ts';
import { AT_MOST_ONCE, type MessageView } from '../../src/message/message.ts';
import { type Header, type Headers, NO_PROPERTIES, type Properties, type Value } from '../../src/message/properties.ts';
import { ByteSink } from './codec/byte-sink.ts';
import { HAS_DELIVERY_MODE } from './codec/constants.ts';
import { type BasicProperties, readProperties, writeProperties } from './codec/properties.ts';
import type { AmqpStats } from './options.ts';

const CORRELATION_HEADER = 'x-correlation-id';
const GROUP_HEADER = 'JMSXGroupID';
/** Other keys that a message was sent to: not shown once a queue's own key has taken their place. */
const COPIES_HEADER = 'CC';
const REPLY_EXCHANGE_HEADER = 'x-reply-to-exchange';
const TOPIC_HEADER = 'x-mqtt-topic';
/** How often a message of a quorum queue has failed before. */
const COUNT_HEADER = 'x-delivery-count';
/** The longest key or exchange name that a short string holds. */
export const KEY_BYTES_MAX = 255;
const DEATH_HEADERS: ReadonlySet<string> = new Set([
  'x-death',
  'x-first-death-queue',
  'x-first-death-reason',
  'x-first-death-exchange',
]);

/** Property bytes larger than this are not kept for comparison with the next message's. */
const MEMO_BYTES_MAX = 4096;
const NOTHING = Buffer.alloc(0);
const TRANSIENT = Buffer.from([HAS_DELIVERY_MODE >> 8, 0, 1]);
const PERSISTENT = Buffer.from([HAS_DELIVERY_MODE >> 8, 0, 2]);

export const amqpDialect: Dialect = {
  id: 1,
  name: 'amqp',
  decode(view) {
    try {
      return toNeutral(readProperties(view.props, view.propsStart, view.propsEnd));
    } catch {
      // Checked when they came in, so this is damage; a message without properties is still a message.
      return NO_PROPERTIES;
    }
  },
};

export function toNeutral(basic: BasicProperties): Properties {
  const headers: Header[] = [];
  let correlation: Value | undefined;
  let group: string | undefined;
  let replyExchange = '';
  for (const header of basic.headers ?? []) {
    if (header.name === CORRELATION_HEADER && basic.correlationId === undefined) correlation = header.value;
    else if (header.name === GROUP_HEADER && typeof header.value === 'string') group = header.value;
    else if (header.name === REPLY_EXCHANGE_HEADER && typeof header.value === 'string') replyExchange = header.value;
    else headers.push(header);
  }
  const properties: Properties = { headers };
  if (basic.contentType !== undefined) properties.contentType = basic.contentType;
  if (basic.contentEncoding !== undefined) properties.contentEncoding = basic.contentEncoding;
  if (basic.priority !== undefined) properties.priority = basic.priority;
  if (basic.correlationId !== undefined) properties.correlationId = basic.correlationId;
  else if (typeof correlation === 'string') properties.correlationId = correlation;
  else if (typeof correlation === 'object' && correlation?.type === 'bytes')
    properties.correlationId = correlation.value;
  if (basic.replyTo !== undefined) properties.replyTo = { exchange: replyExchange, key: basic.replyTo };
  if (basic.expiration !== undefined && /^\d{1,15}$/.test(basic.expiration)) {
    properties.expiryMs = Number(basic.expiration);
  }
  if (basic.messageId !== undefined) properties.messageId = basic.messageId;
  if (basic.timestampS !== undefined) properties.timestampS = basic.timestampS;
  if (basic.type !== undefined) properties.type = basic.type;
  if (basic.userId !== undefined) properties.userId = basic.userId;
  if (basic.appId !== undefined) properties.appId = basic.appId;
  if (group !== undefined) properties.groupId = group;
  return properties;
}

export function fromNeutral(properties: Properties, persistent: boolean): BasicProperties {
  const basic: BasicProperties = { deliveryMode: persistent ? 2 : 1 };
  const headers: Header[] = [...properties.headers];
  if (properties.contentType !== undefined) basic.contentType = properties.contentType;
  if (properties.contentEncoding !== undefined) basic.contentEncoding = properties.contentEncoding;
  if (properties.priority !== undefined) basic.priority = properties.priority;
  const correlation = properties.correlationId;
  if (typeof correlation === 'string') {
    if (Buffer.byteLength(correlation) <= 255) basic.correlationId = correlation;
    else headers.push({ name: CORRELATION_HEADER, value: correlation });
  } else if (correlation !== undefined) {
    if (correlation.length <= 255 && isUtf8(correlation)) basic.correlationId = correlation.toString('utf8');
    else headers.push({ name: CORRELATION_HEADER, value: { type: 'bytes', value: correlation } });
  }
  if (properties.replyTo !== undefined) {
    basic.replyTo = properties.replyTo.key;
    if (properties.replyTo.exchange !== '') {
      headers.push({ name: REPLY_EXCHANGE_HEADER, value: properties.replyTo.exchange });
    }
  }
  if (properties.expiryMs !== undefined) basic.expiration = String(Math.max(0, Math.round(properties.expiryMs)));
  if (properties.messageId !== undefined) basic.messageId = properties.messageId;
  if (properties.timestampS !== undefined) basic.timestampS = properties.timestampS;
  if (properties.type !== undefined) basic.type = properties.type;
  if (properties.userId !== undefined) basic.userId = properties.userId;
  if (properties.appId !== undefined) basic.appId = properties.appId;
  if (properties.groupId !== undefined) headers.push({ name: GROUP_HEADER, value: properties.groupId });
  if (headers.length > 0) basic.headers = headers;
  return basic;
}

/** The headers as they are shown with a dead letter: the broker's own records in place of any that came with it. */
export function withDeathHeaders(headers: Headers, annotations: Annotations): Headers {
  const long = (value: bigint): Value => ({ type: 'int64', value });
  const deaths: Value[] = annotations.deaths.map((death) => ({
    type: 'map',
    value: [
      { name: 'count', value: long(BigInt(death.count)) },
      { name: 'reason', value: death.reason },
      { name: 'queue', value: death.queue },
      { name: 'time', value: { type: 'timestamp', value: BigInt(Math.max(0, Math.floor(death.timeS))) } },
      { name: 'exchange', value: death.exchange },
      { name: 'routing-keys', value: { type: 'list', value: [...death.routingKeys] } },
      ...(death.originalExpirationMs === undefined
        ? []
        : [{ name: 'original-expiration', value: String(death.originalExpirationMs) }]),
    ],
  }));
  return [
    ...headers.filter((header) => !DEATH_HEADERS.has(header.name)),
    { name: 'x-death', value: { type: 'list', value: deaths } },
    { name: 'x-first-death-exchange', value: annotations.firstDeath.exchange },
    { name: 'x-first-death-queue', value: annotations.firstDeath.queue },
    { name: 'x-first-death-reason', value: annotations.firstDeath.reason },
  ];
}

/** What a message's properties are read with when they are not AMQP's: `Session.properties`. */
export interface PropertySource {
  properties(view: MessageView): Properties;
}

/**
 * The property bytes of a message on its way to an AMQP client: `buffer[start, end)` after `of`. One for the adapter,
 * so that a message that goes to many connections is converted once.
 */
export class WireProperties {
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  private readonly stats: AmqpStats;
  private readonly sink = new ByteSink();
  private memoProps: Buffer = Buffer.alloc(256);
  private memoBytes = -1;
  private memoDialect = -1;
  private memoPersistent = false;
  private memoExpiresAtMs = 0;
  private memoResult: Buffer = NOTHING;

  constructor(stats: AmqpStats) {
    this.stats = stats;
  }

  /** @param attempts failed ones, to be told in `x-delivery-count`; -1 for nothing to tell */
  of(source: PropertySource, view: MessageView, attempts = -1): void {
    const plain = view.notesEnd === view.notesStart && view.keyEnd - view.keyStart <= KEY_BYTES_MAX && attempts < 0;
    if (plain) {
      if (view.propsEnd === view.propsStart) {
        this.set(view.assurance === AT_MOST_ONCE ? TRANSIENT : PERSISTENT);
        return;
      }
      if (view.dialect === amqpDialect.id) {
        this.buffer = view.props;
        this.start = view.propsStart;
        this.end = view.propsEnd;
        return;
      }
      if (this.remembers(view)) {
        this.set(this.memoResult);
        return;
      }
    }
    this.convert(source, view, plain, attempts);
  }

  private set(bytes: Buffer): void {
    this.buffer = bytes;
    this.start = 0;
    this.end = bytes.length;
  }

  private convert(source: PropertySource, view: MessageView, plain: boolean, attempts: number): void {
    const basic = this.basicOf(source, view);
    if (!plain) {
      const annotations = this.annotationsOf(view);
      if (annotations !== undefined) {
        const headers = basic.headers ?? [];
        const left = annotations.rekeyed === true ? headers.filter(({ name }) => name !== COPIES_HEADER) : headers;
        basic.headers = withDeathHeaders(left, annotations);
        // A dead letter does not expire again; its old expiration is in the record.
        delete basic.expiration;
      }
      if (attempts >= 0) {
        const headers = (basic.headers ?? []).filter(({ name }) => name !== COUNT_HEADER);
        basic.headers = [...headers, { name: COUNT_HEADER, value: { type: 'int64', value: BigInt(attempts) } }];
      }
      if (view.keyEnd - view.keyStart > KEY_BYTES_MAX) {
        basic.headers = [...(basic.headers ?? []), { name: TOPIC_HEADER, value: view.key() }];
        this.stats.lossyConversions++;
      }
    }
    this.sink.clear();
    this.stats.lossyConversions += writeProperties(this.sink, basic);
    if (plain && view.propsEnd - view.propsStart <= MEMO_BYTES_MAX) {
      this.remember(view);
      this.set(this.memoResult);
      return;
    }
    this.buffer = this.sink.buffer;
    this.start = 0;
    this.end = this.sink.length;
  }

  private basicOf(source: PropertySource, view: MessageView): BasicProperties {
    if (view.dialect === amqpDialect.id && view.propsEnd > view.propsStart) {
      try {
        return readProperties(view.props, view.propsStart, view.propsEnd);
      } catch {
        this.stats.lossyConversions++;
        return {};
      }
    }
    return fromNeutral(source.properties(view), view.assurance !== AT_MOST_ONCE);
  }

  private annotationsOf(view: MessageView): Annotations | undefined {
    try {
      return decodeAnnotations(view.notes, view.notesStart, view.notesEnd);
    } catch {
      this.stats.lossyConversions++;
      return undefined;
    }
  }

  private remembers(view: MessageView): boolean {
    const bytes = view.propsEnd - view.propsStart;
    if (
      bytes !== this.memoBytes ||
      view.dialect !== this.memoDialect ||
      (view.assurance !== AT_MOST_ONCE) !== this.memoPersistent ||
      view.expiresAtMs !== this.memoExpiresAtMs
    ) {
      return false;
    }
    return view.props.compare(this.memoProps, 0, bytes, view.propsStart, view.propsEnd) === 0;
  }

  private remember(view: MessageView): void {
    const bytes = view.propsEnd - view.propsStart;
    if (bytes > this.memoProps.length) this.memoProps = Buffer.alloc(MEMO_BYTES_MAX);
    view.props.copy(this.memoProps, 0, view.propsStart, view.propsEnd);
    this.memoBytes = bytes;
    this.memoDialect = view.dialect;
    this.memoPersistent = view.assurance !== AT_MOST_ONCE;
    this.memoExpiresAtMs = view.expiresAtMs;
    this.memoResult = Buffer.from(this.sink.buffer.subarray(0, this.sink.length));
  }
}
