/**
 * Between AMQP's properties and the broker's neutral form: the only place that knows both.
 *
 * Between two AMQP clients nothing is converted: the stored property bytes are the wire's (`WireProperties.of`). The
 * neutral form is made when a message crosses to or from another protocol. What the broker adds (its death records, a count
 * of attempts, when the message expires, the whole topic where the key is too long for this protocol) is put between the bytes.
 *
 * What AMQP has no field for travels in headers: `x-correlation-id` (one that is not a short string of text), `JMSXGroupID`
 * (the group), `x-reply-to-exchange` (where a reply goes when that is not the default exchange), `x-mqtt-topic` (a key that
 * was cut, as a topic: levels parted by `/`). What cannot be carried at all is left out and counted in
 * `AmqpStats.lossyConversions`.
 */
import { isUtf8 } from 'node:buffer';
import {
  type Annotations,
  AT_MOST_ONCE,
  bytesOf,
  DEATH_HEADERS,
  DEATHS_HEADER,
  type Dialect,
  deathTable,
  decodeAnnotations,
  firstDeathHeaders,
  type Header,
  isText,
  type MessageView,
  NO_PROPERTIES,
  type Properties,
  respelled,
  SLASH,
  type Value,
} from '../../../src/api/index.ts';
import { ByteSink } from '../codec/byte-sink.ts';
import { HAS_DELIVERY_MODE } from '../codec/constants.ts';
import { editProperties, type PropertyEdit } from '../codec/edit.ts';
import { type BasicProperties, readProperties, writeProperties } from '../codec/properties.ts';
import type { AmqpStats } from '../options.ts';

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
const SHORT_BYTES_MAX = 255;

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
  sent(view, { headers, groupId, correlationId, replyTo }) {
    if (groupId === undefined && correlationId === undefined && !replyTo?.exchange) return headers;
    try {
      return readProperties(view.props, view.propsStart, view.propsEnd).headers ?? headers;
    } catch {
      return headers;
    }
  },
};

/** All but when it expires, which the broker knows. */
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

function expirationText(ms: number): string {
  return String(Math.max(0, Math.round(ms)));
}

/** What a message's properties are read with when they are not AMQP's: a `Session`. */
export interface PropertySource {
  properties(view: MessageView): Properties;
  timeLeftMs(view: MessageView): number | undefined;
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
  private readonly edited = new ByteSink();
  private memoProps: Buffer = Buffer.alloc(256);
  private memoBytes = -1;
  private memoDialect = -1;
  private memoPersistent = false;
  private memoUserChecked = false;
  private memoResult: Buffer = NOTHING;
  private memoLossy = false;

  constructor(stats: AmqpStats) {
    this.stats = stats;
  }

  /** @param attempts failed ones, to be told in `x-delivery-count`; -1 for nothing to tell */
  of(source: PropertySource, view: MessageView, attempts = -1): void {
    let lossy = false;
    if (view.dialect === amqpDialect.id && view.propsEnd > view.propsStart) {
      this.buffer = view.props;
      this.start = view.propsStart;
      this.end = view.propsEnd;
    } else {
      lossy = this.convert(source, view);
      // What is left of its time is another number each time.
      const leftMs = source.timeLeftMs(view);
      if (leftMs !== undefined && this.edit({ expiration: expirationText(leftMs) })) lossy = true;
    }
    if (view.notesEnd > view.notesStart || view.keyEnd - view.keyStart > KEY_BYTES_MAX || attempts >= 0) {
      if (this.annotate(view, attempts)) lossy = true;
    }
    if (lossy) this.stats.lossyConversions++;
  }

  private set(bytes: Buffer): void {
    this.buffer = bytes;
    this.start = 0;
    this.end = bytes.length;
  }

  /** What another protocol sent. Returns whether something could not be carried. */
  private convert(source: PropertySource, view: MessageView): boolean {
    if (view.propsEnd === view.propsStart) {
      this.set(view.assurance === AT_MOST_ONCE ? TRANSIENT : PERSISTENT);
      return false;
    }
    if (this.remembers(view)) {
      this.set(this.memoResult);
      return this.memoLossy;
    }
    const { expiryMs: _, ...properties } = source.properties(view);
    this.sink.clear();
    const wire = fromNeutral(properties, view.assurance !== AT_MOST_ONCE);
    const lossy = writeProperties(this.sink, wire) > 0 || properties.lost !== undefined;
    if (view.propsEnd - view.propsStart <= MEMO_BYTES_MAX) this.remember(view, lossy);
    this.buffer = this.sink.buffer;
    this.start = 0;
    this.end = this.sink.length;
    return lossy;
  }

  /** What the broker says of it. Returns whether something could not be carried. */
  private annotate(view: MessageView, attempts: number): boolean {
    const without = new Set<string>();
    const added: Header[] = [];
    let lossy = false;
    let expiration: null | undefined;
    try {
      const annotations = decodeAnnotations(view.notes, view.notesStart, view.notesEnd);
      if (annotations !== undefined) {
        // A dead letter does not expire again; its old expiration is in the record.
        expiration = null;
        addDeaths(annotations, view.dialect === amqpDialect.id, without, added);
      }
    } catch {
      lossy = true;
    }
    if (attempts >= 0) added.push({ name: COUNT_HEADER, value: { type: 'int64', value: BigInt(attempts) } });
    if (view.keyEnd - view.keyStart > KEY_BYTES_MAX) {
      added.push({ name: TOPIC_HEADER, value: view.spelling === SLASH ? view.key() : respelled(view.key()) });
      lossy = true;
    }
    for (const { name } of added) without.add(name);
    return this.edit({ without, added, ...(expiration === null && { expiration }) }) || lossy;
  }

  /** Edits what `buffer[start, end)` is. Returns whether something could not be carried. */
  private edit(edit: PropertyEdit): boolean {
    const { sink, edited } = this;
    const target = this.buffer === edited.buffer ? sink : edited;
    target.clear();
    let lossy = false;
    try {
      lossy = editProperties(target, this.buffer, this.start, this.end, edit) > 0;
    } catch {
      // They were checked when they came in, so this is damage; a message without properties is still a message.
      target.clear();
      target.append(TRANSIENT);
      lossy = true;
    }
    this.buffer = target.buffer;
    this.start = 0;
    this.end = target.length;
    return lossy;
  }

  private remembers(view: MessageView): boolean {
    const bytes = view.propsEnd - view.propsStart;
    if (
      bytes !== this.memoBytes ||
      view.dialect !== this.memoDialect ||
      view.userChecked !== this.memoUserChecked ||
      (view.assurance !== AT_MOST_ONCE) !== this.memoPersistent
    ) {
      return false;
    }
    return view.props.compare(this.memoProps, 0, bytes, view.propsStart, view.propsEnd) === 0;
  }

  private remember(view: MessageView, lossy: boolean): void {
    const bytes = view.propsEnd - view.propsStart;
    if (bytes > this.memoProps.length) this.memoProps = Buffer.alloc(MEMO_BYTES_MAX);
    view.props.copy(this.memoProps, 0, view.propsStart, view.propsEnd);
    this.memoBytes = bytes;
    this.memoDialect = view.dialect;
    this.memoPersistent = view.assurance !== AT_MOST_ONCE;
    this.memoUserChecked = view.userChecked;
    this.memoLossy = lossy;
    this.memoResult = Buffer.from(this.sink.buffer.subarray(0, this.sink.length));
  }
}

/**
 * The record of its deaths, in the place of what its publisher has said of them.
 * @param own an AMQP publisher's: what it calls like the flat properties of other protocols is its own business
 */
function addDeaths(annotations: Annotations, own: boolean, without: Set<string>, added: Header[]): void {
  if (annotations.rekeyed === true) without.add(COPIES_HEADER);
  if (!own) for (const name of DEATH_HEADERS) without.add(name);
  const deaths: Value = { type: 'list', value: annotations.deaths.map(deathTable) };
  added.push({ name: DEATHS_HEADER, value: deaths }, ...firstDeathHeaders(annotations));
}
