/**
 * Where MQTT meets the neutral model: properties. A message from an MQTT client is stored with its own property bytes
 * (dialect 2, `codec/message-properties.ts`), which other MQTT clients get as they are; 3.1.1 messages have none.
 *
 *     neutral           MQTT 5.0
 *     text              payload format indicator 1, where the body is UTF-8 indeed
 *     content type      content type
 *     reply-to          response topic: of the topic exchange `a/b`, of the default exchange `$queue/q`
 *     correlation id    correlation data
 *     message id, content encoding, type, app id, user id, timestamp, priority, group id
 *                       user properties `message-id`, `content-encoding`, `type`, `app-id`, `user-id`, `timestamp`,
 *                       `priority`, `JMSXGroupID`
 *                       (a user id is taken for one only where it names who published the message; else it is a header)
 *     headers           user properties, in order, each name once; values as text, or marked (`src/message/flat.ts`)
 *     deaths            user properties `x-first-death-queue`, `-reason`, `-exchange`; the same with `x-last-death-`;
 *                       `x-death-count`; in the place of what the publisher says of them
 *     expiry            message expiry interval: what is left of it, rounded up; written by `deliver/publish-encoder5.ts`
 */
import { isUtf8 } from 'node:buffer';
import {
  type Address,
  bytesOf,
  DEATH_HEADERS,
  DELAY_MAX_MS,
  type Dialect,
  type Draft,
  deathCount,
  decodeAnnotations,
  flatDeathHeaders,
  flattened,
  type Header,
  type Headers,
  isText,
  type MessageView,
  NO_PROPERTIES,
  onceEach,
  type Properties,
  respelled,
  unflattened,
  unsignedOf,
} from '../../../src/api/index.ts';
import { PUBLISH } from '../codec/packet.ts';
import {
  CONTENT_TYPE,
  CORRELATION_DATA,
  PAYLOAD_FORMAT,
  PropertyReader,
  PropertyWriter,
  RESPONSE_TOPIC,
  USER_PROPERTY,
} from '../codec/properties.ts';
import { SUCCESS } from '../codec/reasons.ts';
import { meaningOf, QUEUE_TOPIC_PREFIX } from './special-topics.ts';

/** Written into the log with every message. */
export const MQTT_DIALECT_ID = 2;

const USER_ID = 'user-id';
const GROUP = 'JMSXGroupID';
const NOTHING = Buffer.alloc(0);

const dialects = new Map<string, Dialect>();

/** One for each exchange that topics live in, since adapters that serve the same broker must have the same. */
export function mqttDialect(exchange: string): Dialect {
  let dialect = dialects.get(exchange);
  if (dialect === undefined) {
    dialect = dialectOf(exchange);
    dialects.set(exchange, dialect);
  }
  return dialect;
}

function dialectOf(exchange: string): Dialect {
  return {
    id: MQTT_DIALECT_ID,
    name: 'mqtt',
    decode(view) {
      try {
        return decode(view, exchange);
      } catch {
        // Checked when they came in, so this is damage; a message without properties is still a message.
        return NO_PROPERTIES;
      }
    },
    // What AMQP would be shown as headers.
    sent(_, { headers, groupId }) {
      return groupId === undefined ? headers : [...headers, { name: GROUP, value: groupId }];
    },
  };
}

function decode(view: MessageView, exchange: string): Properties {
  const { props, propsStart, propsEnd } = view;
  if (propsStart === propsEnd) return NO_PROPERTIES;
  const properties: Properties = { headers: [] };
  const pairs: Header[] = [];
  const names = new Set<string>();
  let lost = 0;
  const reader = new PropertyReader();
  reader.begin(props, propsStart, propsEnd, PUBLISH);
  while (reader.next()) {
    const { start, end } = reader;
    switch (reader.id) {
      case PAYLOAD_FORMAT:
        if (reader.number === 1) properties.text = true;
        break;
      case CONTENT_TYPE:
        properties.contentType = props.toString('utf8', start, end);
        break;
      case RESPONSE_TOPIC:
        if (!takeResponseTopic(properties, props.toString('utf8', start, end), exchange)) lost++;
        break;
      case CORRELATION_DATA:
        properties.correlationId = Buffer.from(props.subarray(start, end));
        break;
      case USER_PROPERTY: {
        const name = props.toString('utf8', reader.nameStart, reader.nameEnd);
        const value = props.toString('utf8', start, end);
        if (names.has(name)) lost++;
        else if (name === USER_ID && view.userChecked) properties.userId = value;
        else if (!takeNumber(properties, name, value)) pairs.push({ name, value });
        names.add(name);
        break;
      }
      default:
    }
  }
  takePairs(properties, unflattened(pairs));
  if (lost > 0) properties.lost = lost;
  return properties;
}

/** The others, marks undone: what is a text of the neutral form, and the headers. */
function takePairs(properties: Properties, pairs: Headers): void {
  properties.headers = pairs.filter(({ name, value }) => {
    // Who sent it is never told on somebody's word alone.
    const key = typeof value === 'string' && name !== USER_ID ? TEXT_NAMES.get(name) : undefined;
    if (key !== undefined) properties[key] = value as string;
    return key === undefined;
  });
}

/** False for a user property that is no number of the neutral form, or does not hold what that must be. */
function takeNumber(properties: Properties, name: string, value: string): boolean {
  if (name === 'priority') {
    if (!/^\d{1,3}$/.test(value) || Number(value) > 255) return false;
    properties.priority = Number(value);
    return true;
  }
  if (name !== 'timestamp') return false;
  const stamp = unsignedOf(value);
  if (stamp !== undefined) properties.timestampS = stamp;
  return stamp !== undefined;
}

type TextKey = 'messageId' | 'contentEncoding' | 'type' | 'appId' | 'userId' | 'groupId';
const TEXT_NAMES: ReadonlyMap<string, TextKey> = new Map([
  ['message-id', 'messageId'],
  ['content-encoding', 'contentEncoding'],
  ['type', 'type'],
  ['app-id', 'appId'],
  ['user-id', 'userId'],
  [GROUP, 'groupId'],
]);

/** False where none may be sent to it. */
function takeResponseTopic(properties: Properties, topic: string, exchange: string): boolean {
  const address = addressOf(topic, exchange);
  if (address !== undefined) properties.replyTo = address;
  return address !== undefined;
}

/** Where a response goes, which other protocols cannot hold back for a time; undefined where none may be sent. */
function addressOf(topic: string, exchange: string): Address | undefined {
  const { reason, skip, isQueue } = meaningOf(topic);
  if (reason !== SUCCESS) return undefined;
  const key = topic.slice(skip);
  return isQueue ? { exchange: '', key } : { exchange, key: respelled(key) };
}

/** Undefined for an address that no topic leads to. */
function topicOf(address: Address, exchange: string): string | undefined {
  if (address.key === '') return undefined;
  const topic =
    address.exchange === ''
      ? QUEUE_TOPIC_PREFIX + address.key
      : address.exchange === exchange
        ? respelled(address.key)
        : undefined;
  return topic === undefined || !isText(topic) || /[+#\0]/.test(topic) ? undefined : topic;
}

/**
 * What the broker itself reads in user properties: `x-delay` (milliseconds), `priority`, whether there is a group, and
 * whether `user-id` is `user`, who publishes it.
 */
export function readHints(props: Buffer, start: number, end: number, draft: Draft, user: string): void {
  // Of several of a name the first counts, as where they are read.
  let seen = 0;
  const reader = new PropertyReader();
  reader.begin(props, start, end, PUBLISH);
  while (reader.next()) {
    if (reader.id !== USER_PROPERTY) continue;
    const length = reader.nameEnd - reader.nameStart;
    if (length !== 7 && length !== 8 && length !== 11) continue;
    const hint = HINTS.indexOf(props.latin1Slice(reader.nameStart, reader.nameEnd));
    if (hint < 0 || (seen & (1 << hint)) !== 0) continue;
    seen |= 1 << hint;
    if (hint === GROUP_HINT) draft.grouped = true;
    else if (hint === USER_HINT) draft.userChecked = props.utf8Slice(reader.start, reader.end) === user;
    else {
      const value = props.latin1Slice(reader.start, Math.min(reader.end, reader.start + 11));
      if (!/^\d{1,10}$/.test(value)) continue;
      const number = Number(value);
      // A delay that is out of its range is none.
      if (hint === DELAY_HINT) draft.delayMs = number >= 1 && number <= DELAY_MAX_MS ? number : -1;
      else if (number <= 255) draft.priority = number;
    }
  }
}

const HINTS = [GROUP, USER_ID, 'x-delay', 'priority'];
const GROUP_HINT = 0;
const USER_HINT = 1;
const DELAY_HINT = 2;

/** Whether the body lies here and is UTF-8. */
function isTextBody(view: MessageView): boolean {
  return view.large === null && isUtf8(view.body.subarray(view.bodyStart, view.bodyEnd));
}

/** What a message's properties are read with when they are not MQTT's: `Session.properties`. */
export interface PropertySource {
  properties(view: MessageView): Properties;
}

/**
 * The property bytes of a message on its way to a client of 5.0, without message expiry and subscription identifiers:
 * `buffer[start, end)` after `of`, valid until the next call or the end of the view. One for the adapter: a message that
 * goes to many, or that looks like the one before, is converted once.
 */
export class OutgoingProperties {
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  /** Whether the last message's had something that 5.0 has no room for. */
  lossy = false;
  private readonly exchange: string;
  private readonly writer = new PropertyWriter();
  private readonly reader = new PropertyReader();
  /** User properties written so far. */
  private readonly names = new Set<string>();
  private memoDialect = -1;
  private memoProps: Buffer = NOTHING;
  private memoResult: Buffer = NOTHING;
  private memoLossy = false;
  private memoText = false;

  constructor(exchange: string) {
    this.exchange = exchange;
  }

  of(source: PropertySource, view: MessageView): void {
    this.lossy = false;
    const plain = view.notesEnd === view.notesStart;
    if (plain && (view.dialect === MQTT_DIALECT_ID || view.propsEnd === view.propsStart)) {
      this.buffer = view.props;
      this.start = view.propsStart;
      this.end = view.propsEnd;
      return;
    }
    if (plain && this.remembers(view) && (!this.memoText || isTextBody(view))) {
      this.lossy = this.memoLossy;
      this.set(this.memoResult);
      return;
    }
    this.convert(source, view, plain);
  }

  private set(bytes: Buffer): void {
    this.buffer = bytes;
    this.start = 0;
    this.end = bytes.length;
  }

  private remembers(view: MessageView): boolean {
    const bytes = view.propsEnd - view.propsStart;
    if (bytes !== this.memoProps.length || view.dialect !== this.memoDialect) return false;
    return view.props.compare(this.memoProps, 0, bytes, view.propsStart, view.propsEnd) === 0;
  }

  private convert(source: PropertySource, view: MessageView, plain: boolean): void {
    const { writer } = this;
    writer.clear();
    const { text, ...properties } = source.properties(view);
    // Whoever sent it takes it for text, and has not looked: 5.0 may close a connection that says so of what is none.
    const isText = text === true && isTextBody(view);
    const shown = isText ? { ...properties, text } : properties;
    if (plain) this.writeNeutral(shown);
    else this.writeDead(shown, view);
    if (plain && isText === (text === true)) {
      this.memoText = isText;
      this.memoDialect = view.dialect;
      this.memoProps = Buffer.from(view.props.subarray(view.propsStart, view.propsEnd));
      this.memoResult = Buffer.from(writer.buffer.subarray(0, writer.length));
      this.memoLossy = this.lossy;
    }
    this.buffer = writer.buffer;
    this.start = 0;
    this.end = writer.length;
  }

  private writeNeutral(properties: Properties): void {
    const { writer, names } = this;
    names.clear();
    if (properties.text === true) writer.integer(PAYLOAD_FORMAT, 1);
    if (properties.contentType !== undefined) this.field(CONTENT_TYPE, properties.contentType);
    if (properties.replyTo !== undefined) {
      const topic = topicOf(properties.replyTo, this.exchange);
      if (topic === undefined) this.lossy = true;
      else this.field(RESPONSE_TOPIC, topic);
    }
    const { correlationId } = properties;
    if (correlationId !== undefined) {
      const bytes = typeof correlationId === 'string' ? bytesOf(correlationId) : correlationId;
      if (!writer.field(CORRELATION_DATA, bytes)) this.lossy = true;
    }
    const pairs: Header[] = [];
    for (const [name, key] of TEXT_NAMES) {
      const value = properties[key];
      if (value !== undefined) pairs.push({ name, value });
    }
    if (properties.timestampS !== undefined) pairs.push({ name: 'timestamp', value: String(properties.timestampS) });
    if (properties.priority !== undefined) pairs.push({ name: 'priority', value: String(properties.priority) });
    if (properties.lost !== undefined) this.lossy = true;
    pairs.push(...properties.headers);
    // A name stands for one thing in other protocols: the first, which is what the broker takes it for.
    const once = onceEach(pairs);
    if (once.length < pairs.length) this.lossy = true;
    for (const { name, text } of flattened(once, true)) this.pair(name, text);
  }

  /** A dead letter: what the broker says of its deaths stands for what its publisher may have said of others. */
  private writeDead({ headers, ...properties }: Properties, view: MessageView): void {
    if (view.dialect === MQTT_DIALECT_ID) this.copyWithoutDeaths(view);
    else {
      this.writeNeutral({ ...properties, headers: headers.filter(({ name }) => !DEATH_HEADERS.has(name)) });
    }
    this.names.clear();
    try {
      const annotations = decodeAnnotations(view.notes, view.notesStart, view.notesEnd);
      if (annotations === undefined) return;
      for (const [name, value] of flatDeathHeaders(annotations, deathCount(annotations))) this.pair(name, value);
    } catch {
      this.lossy = true;
    }
  }

  private copyWithoutDeaths({ props, propsStart, propsEnd }: MessageView): void {
    const { reader, writer } = this;
    reader.begin(props, propsStart, propsEnd, PUBLISH);
    while (reader.next()) {
      const death =
        reader.id === USER_PROPERTY && DEATH_HEADERS.has(props.latin1Slice(reader.nameStart, reader.nameEnd));
      if (!death) writer.raw(props, reader.propertyStart, reader.at);
    }
  }

  private field(id: number, value: string): void {
    // U+0000 may not be in a text [MQTT5-1.5.4-2].
    if (!isText(value) || value.includes('\0') || !this.writer.field(id, value)) this.lossy = true;
  }

  /** A user property, unless one of that name is there: a name stands for one thing in other protocols. */
  private pair(name: string, value: string): void {
    const writable = isText(name) && isText(value) && !name.includes('\0') && !value.includes('\0');
    if (!writable || this.names.has(name) || !this.writer.pair(name, value)) this.lossy = true;
    else this.names.add(name);
  }
}
