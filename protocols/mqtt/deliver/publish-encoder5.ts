/**
 * PUBLISH of 5.0 to one client [MQTT 5.0, section 3.3]:
 *
 *     topic | packet identifier | length | expiry, alias, subscription identifiers | the message's own properties | body
 *             QoS 1 and 2                  if there are any: this hop's            | as stored, or converted
 *
 * A packet that is longer than the client takes is not sent [MQTT5-3.1.2-24].
 */
import { type Clock, copyBytes, type MessageView } from '../../../src/api/index.ts';
import { varintBytes, writeVarint } from '../codec/fields.ts';
import { REMAINING_LENGTH_MAX } from '../codec/packet.ts';
import { MESSAGE_EXPIRY, TOPIC_ALIAS } from '../codec/properties/property-table.ts';
import type { OutgoingProperties, PropertySource } from '../mapping/outgoing-properties.ts';
import type { TopicWriter } from '../mapping/topic-writer.ts';
import type { FanoutCache } from './fanout-cache.ts';
import { OutgoingAliases } from './outgoing-aliases.ts';
import type { Apart, PublishEncoder } from './publish-encoder.ts';

const EXPIRY_BYTES = 5;
const ALIAS_BYTES = 3;

/** What the encoders of one adapter share (`AdapterContext`). */
interface SharedEncoding {
  readonly topics: TopicWriter;
  readonly outgoing: OutgoingProperties;
  readonly fanout5: FanoutCache;
}

/** What a client has said that it takes (`ConnectProperties`). */
interface ClientMaxima {
  readonly packetSizeMax: number;
  readonly topicAliasMax: number;
}

export class PublishEncoder5 implements PublishEncoder {
  lossy = false;
  readonly fanout: FanoutCache | null;
  apart: Apart | null = null;
  private remaining = 0;
  private topicLength = 0;
  private propsLength = 0;
  private expiryS = -1;
  private alias = 0;
  private identifiers: Buffer | null = null;
  private readonly topics: TopicWriter;
  private readonly outgoing: OutgoingProperties;
  private readonly source: PropertySource;
  private readonly packetSizeMax: number;
  private readonly aliases: OutgoingAliases | null;
  private readonly clock: Clock;

  /**
   * @param shared the scratch objects, and the cache that clients without topic aliases share
   * @param client the longest packet it takes, whole, and the highest topic alias, 0 for none
   */
  constructor(shared: SharedEncoding, source: PropertySource, client: ClientMaxima, clock: Clock) {
    this.topics = shared.topics;
    this.outgoing = shared.outgoing;
    this.source = source;
    this.packetSizeMax = client.packetSizeMax;
    this.aliases = client.topicAliasMax === 0 ? null : new OutgoingAliases(client.topicAliasMax);
    this.fanout = this.aliases === null ? shared.fanout5 : null;
    this.clock = clock;
  }

  prepare(view: MessageView, identified: boolean, identifiers: Buffer | null, later: boolean): number {
    const { topics, outgoing } = this;
    topics.of(view);
    outgoing.of(this.source, view);
    this.lossy = topics.lossy || outgoing.lossy;
    this.identifiers = identifiers;
    this.apart = outgoing.memory === null ? null : outgoing;
    this.topicLength = topics.end - topics.start;
    this.alias = 0;
    let length = outgoing.end - outgoing.start;
    if (identifiers !== null) length += identifiers.length;
    this.expiryS = -1;
    if (view.expiresAtMs > 0) {
      // What is left of it [MQTT5-3.3.2-6], rounded up.
      this.expiryS = Math.max(0, Math.ceil((view.expiresAtMs - this.clock.epochMs()) / 1000));
      length += EXPIRY_BYTES;
    }
    if (this.aliases !== null && !later) {
      // One that is written later would meet a client that has been told other things meanwhile.
      this.alias = this.aliases.find(topics.buffer, topics.start, topics.end);
      if (this.alias > 0) {
        length += ALIAS_BYTES;
        if (this.aliases.known) this.topicLength = 0;
      }
    }
    this.propsLength = length;
    const { bodyLength } = view;
    const remaining = 2 + this.topicLength + (identified ? 2 : 0) + varintBytes(length) + length + bodyLength;
    this.remaining = remaining;
    const total = 1 + varintBytes(remaining) + remaining;
    return remaining > REMAINING_LENGTH_MAX || total > this.packetSizeMax ? -1 : total - bodyLength;
  }

  write(buffer: Buffer, at: number, first: number, packetId: number): number {
    const { topics, outgoing } = this;
    buffer[at] = first;
    let next = writeVarint(buffer, at + 1, this.remaining);
    buffer[next++] = this.topicLength >>> 8;
    buffer[next++] = this.topicLength;
    if (this.topicLength > 0) next = copyBytes(topics.buffer, topics.start, topics.end, buffer, next);
    if (packetId !== 0) {
      buffer[next++] = packetId >>> 8;
      buffer[next++] = packetId;
    }
    next = writeVarint(buffer, next, this.propsLength);
    if (this.expiryS >= 0) {
      buffer[next++] = MESSAGE_EXPIRY;
      buffer[next++] = this.expiryS >>> 24;
      buffer[next++] = this.expiryS >>> 16;
      buffer[next++] = this.expiryS >>> 8;
      buffer[next++] = this.expiryS;
    }
    if (this.alias > 0) {
      this.aliases!.take(topics.buffer, topics.start, topics.end);
      buffer[next++] = TOPIC_ALIAS;
      buffer[next++] = this.alias >>> 8;
      buffer[next++] = this.alias;
    }
    const { identifiers } = this;
    if (identifiers !== null) next = copyBytes(identifiers, 0, identifiers.length, buffer, next);
    return this.apart !== null ? next : copyBytes(outgoing.buffer, outgoing.start, outgoing.end, buffer, next);
  }
}
