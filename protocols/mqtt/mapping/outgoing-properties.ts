/** The properties of a message on its way to a client of 5.0; `dialect.ts` has the table. */
import { isUtf8 } from 'node:buffer';
import {
  bytesOf,
  Conversions,
  DEATH_HEADERS,
  deathCount,
  decodeAnnotations,
  flatDeathHeaders,
  flattened,
  type Header,
  isText,
  type MessageView,
  onceEach,
  type Pinnable,
  type Properties,
} from '../../../src/api/index.ts';
import { PUBLISH } from '../codec/packet.ts';
import { PropertyReader } from '../codec/properties/property-reader.ts';
import {
  CONTENT_TYPE,
  CORRELATION_DATA,
  PAYLOAD_FORMAT,
  RESPONSE_TOPIC,
  USER_PROPERTY,
} from '../codec/properties/property-table.ts';
import { PropertyWriter } from '../codec/properties/property-writer.ts';
import { MQTT_DIALECT_ID } from './dialect.ts';
import { TEXT_NAMES } from './property-names.ts';
import { topicOf } from './response-topics.ts';

const NOTHING = Buffer.alloc(0);

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
  /** Set where they are long, and stay as they are: they may be written from where they lie. */
  memory: Pinnable | null = null;
  /** Whether the last message's had something that 5.0 has no room for. */
  lossy = false;
  private readonly exchange: string;
  private readonly writer = new PropertyWriter();
  private readonly reader = new PropertyReader();
  private readonly conversions = new Conversions();

  constructor(exchange: string) {
    this.exchange = exchange;
  }

  of(source: PropertySource, view: MessageView): void {
    this.lossy = false;
    this.memory = null;
    const plain = view.notesEnd === view.notesStart;
    if (plain && (view.dialect === MQTT_DIALECT_ID || view.propsEnd === view.propsStart)) {
      this.buffer = view.props;
      this.start = view.propsStart;
      this.end = view.propsEnd;
      return;
    }
    const known = plain ? this.conversions.find(view) : undefined;
    if (known !== undefined && (!known.text || isTextBody(view))) {
      this.lossy = known.lost > 0;
      this.set(known.result, known.memory);
      return;
    }
    this.convert(source, view, plain);
  }

  private set(bytes: Buffer, memory: Pinnable | null): void {
    this.memory = memory;
    this.buffer = bytes;
    this.start = 0;
    this.end = bytes.length;
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
      const { result, memory } = this.conversions.add(
        view,
        writer.buffer.subarray(0, writer.length),
        this.lossy ? 1 : 0,
        isText,
      );
      this.set(result, memory);
      return;
    }
    this.buffer = writer.buffer;
    this.start = 0;
    this.end = writer.length;
  }

  private writeNeutral(properties: Properties): void {
    const { writer } = this;
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

  /** A user property. */
  private pair(name: string, value: string): void {
    const writable = isText(name) && isText(value) && !name.includes('\0') && !value.includes('\0');
    if (!writable || !this.writer.pair(name, value)) this.lossy = true;
  }
}
