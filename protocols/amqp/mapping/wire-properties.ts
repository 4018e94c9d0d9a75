/**
 * The property bytes of a message on its way to an AMQP client.
 *
 * Between two AMQP clients nothing is converted: the stored property bytes are the wire's. Those of another protocol are
 * converted by way of the neutral form. What the broker adds (its death records, a count of attempts, when the message
 * expires, in `x-mqtt-topic` the whole topic, levels parted by `/`, where the key is too long for this protocol) is put between
 * the bytes. What cannot be carried at all is left out and counted in `AmqpStats.lossyConversions`.
 */
import {
  type Annotations,
  AT_MOST_ONCE,
  ByteSink,
  Conversions,
  DEATH_HEADERS,
  DEATHS_HEADER,
  DEFERRAL_TOKEN_HEADER,
  deathTable,
  decodeAnnotations,
  firstDeathHeaders,
  type Header,
  type MessageView,
  type Pinnable,
  type Properties,
  respelled,
  SLASH,
  type Value,
} from '../../../src/api/index.ts';
import { HAS_DELIVERY_MODE } from '../codec/constants.ts';
import { writeProperties } from '../codec/properties.ts';
import { editProperties, type PropertyEdit } from '../codec/property-edit.ts';
import type { AmqpStats } from '../stats.ts';
import { amqpDialect } from './dialect.ts';
import { expirationText, fromNeutral } from './properties.ts';

/** Other keys that a message was sent to: not shown once a queue's own key has taken their place. */
const COPIES_HEADER = 'CC';
const TOPIC_HEADER = 'x-mqtt-topic';
/** How often a message of a quorum queue has failed before. */
const COUNT_HEADER = 'x-delivery-count';
/** How often it has come back from a consumer, failed or not: RabbitMQ 4.0, `rabbit_fifo_client:add_delivery_count_header`. */
const ACQUIRED_HEADER = 'x-acquired-count';
/** What a delivery is told of those. */
export const TELL_ATTEMPTS = 1;
export const TELL_ACQUIRED = 2;
/** The longest key or exchange name that a short string holds. */
export const KEY_BYTES_MAX = 255;

const NOTHING = Buffer.alloc(0);
const TRANSIENT = Buffer.from([HAS_DELIVERY_MODE >> 8, 0, 1]);
const PERSISTENT = Buffer.from([HAS_DELIVERY_MODE >> 8, 0, 2]);

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
  /** Set where they are long, and stay as they are: they may be written from where they lie. */
  memory: Pinnable | null = null;
  private readonly stats: AmqpStats;
  private readonly sink = new ByteSink();
  private readonly edited = new ByteSink();
  private readonly conversions = new Conversions();

  constructor(stats: AmqpStats) {
    this.stats = stats;
  }

  /** @param counts a sum of TELL_ATTEMPTS and TELL_ACQUIRED, or 0 */
  of(source: PropertySource, view: MessageView, counts = 0): void {
    let lossy = false;
    this.memory = null;
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
    const says = counts !== 0 || view.deferralToken !== '';
    if (view.notesEnd > view.notesStart || view.keyEnd - view.keyStart > KEY_BYTES_MAX || says) {
      if (this.annotate(view, counts)) lossy = true;
    }
    if (!lossy) return;
    this.stats.lossyConversions++;
    view.lossy = true;
  }

  private set(bytes: Buffer, memory: Pinnable | null): void {
    this.memory = memory;
    this.buffer = bytes;
    this.start = 0;
    this.end = bytes.length;
  }

  /** What another protocol sent. Returns whether something could not be carried. */
  private convert(source: PropertySource, view: MessageView): boolean {
    if (view.propsEnd === view.propsStart) {
      this.set(view.assurance === AT_MOST_ONCE ? TRANSIENT : PERSISTENT, null);
      return false;
    }
    const persistent = view.assurance !== AT_MOST_ONCE ? 1 : 0;
    const known = this.conversions.find(view, persistent);
    if (known !== undefined) {
      this.set(known.result, known.memory);
      return known.lost > 0;
    }
    const { expiryMs: _, ...properties } = source.properties(view);
    this.sink.clear();
    const wire = fromNeutral(properties, persistent === 1);
    const lossy = writeProperties(this.sink, wire) > 0 || properties.lost !== undefined;
    const converted = this.sink.buffer.subarray(0, this.sink.length);
    const { result, memory } = this.conversions.add(view, converted, lossy ? 1 : 0, false, persistent);
    this.set(result, memory);
    return lossy;
  }

  /** What the broker says of it. Returns whether something could not be carried. */
  private annotate(view: MessageView, counts: number): boolean {
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
    if ((counts & TELL_ATTEMPTS) !== 0) added.push(count(COUNT_HEADER, view.attempts));
    if ((counts & TELL_ACQUIRED) !== 0) added.push(count(ACQUIRED_HEADER, view.acquired));
    if (view.deferralToken !== '') added.push({ name: DEFERRAL_TOKEN_HEADER, value: view.deferralToken });
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
    this.memory = null;
    this.buffer = target.buffer;
    this.start = 0;
    this.end = target.length;
    return lossy;
  }
}

function count(name: string, value: number): Header {
  return { name, value: { type: 'int64', value: BigInt(value) } };
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
