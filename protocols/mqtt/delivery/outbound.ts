/**
 * What one connection sends to its client: encodes deliveries into the output slab, gives them packet identifiers, and
 * holds consumers back while the socket, the window of unanswered packets or a large body says so.
 *
 * QoS 0 comes direct and is dropped, counted, past a bound of unsent bytes. QoS 2 of a kept session is sent once the
 * record (packet identifier, message) is on disk, so that after any crash the same message goes out under the same
 * identifier, and the receiver knows it.
 */

import type { BodyReader } from '../../../src/api.ts';
import { ACCEPTED, type Backpressure, type DirectSink, REJECTED } from '../../../src/api.ts';
import { copyBytes } from '../../../src/message/bytes.ts';
import type { MessageView } from '../../../src/message/message.ts';
import type { Session } from '../../../src/session.ts';
import type { Output } from '../../../src/transport/output.ts';
import type { MqttAdapter } from '../adapter.ts';
import { publishByte, publishHeadLength, publishLength, writeAck, writePublishHead } from '../codec/encode.ts';
import { PUBREL, REMAINING_LENGTH_MAX } from '../codec/packet.ts';
import { losesProperties, MQTT_DIALECT_ID } from '../mapping.ts';
import type { ClientSession } from '../session/client.ts';
import { PUBLISHED_1, PUBLISHED_2, RECORDING } from '../session/window.ts';
import type { Feed } from './feed.ts';
import { Streams } from './streams.ts';

/** What a connection does for its outbound side. */
export interface OutboundHost {
  /** Calls `Outbound.recorded(id)` once everything asked of the broker until now is safe. */
  awaitRecord(packetId: number): void;
  /** Sends PUBREL once everything asked of the broker until now is safe. */
  awaitRelease(packetId: number): void;
  /** The stream to the client cannot be continued. */
  broken(why: string): void;
}

/** A QoS 2 packet that waits for its record: all of it, or its head and where its body comes from. */
interface Held {
  readonly bytes: Buffer;
  readonly reader: BodyReader | null;
}

/** Bodies of at-most-once messages that may wait for one client. */
const DIRECT_BODIES_MAX = 32;

export class Outbound implements Backpressure, DirectSink {
  /** Where the next packet is written: the connection's output, or the backlog behind a large body. */
  out: Output;
  /** Packet identifiers in use on this connection. */
  live = 0;
  private streams: Streams | null = null;
  private held: Map<number, Held> | null = null;
  private closed = false;
  readonly output: Output;
  private readonly adapter: MqttAdapter;
  private readonly session: Session;
  private readonly client: ClientSession;
  private readonly host: OutboundHost;
  private readonly liveMax: number;

  constructor(adapter: MqttAdapter, output: Output, session: Session, client: ClientSession, host: OutboundHost) {
    this.adapter = adapter;
    this.output = output;
    this.out = output;
    this.session = session;
    this.client = client;
    this.host = host;
    this.liveMax = adapter.limits.inflightMax;
  }

  /** Consumers wait while this is true. */
  get congested(): boolean {
    return this.output.congested || this.live >= this.liveMax || this.out !== this.output;
  }

  /** Bytes that wait in the socket, the slab and behind large bodies. */
  get pendingBytes(): number {
    return this.output.pendingBytes + (this.streams === null ? 0 : this.streams.pendingBytes);
  }

  get full(): boolean {
    return this.live >= this.liveMax;
  }

  /** The output has room again. */
  drained(): void {
    this.streams?.pump();
    this.session.directDrained(this.client.queue);
    this.client.wake();
  }

  close(): void {
    this.closed = true;
    this.streams?.close();
    if (this.held !== null) for (const { reader } of this.held.values()) reader?.close();
    this.held = null;
  }

  // ------------------------------------------------------------------------------------------------- at most once

  deliverDirect(view: MessageView): boolean {
    if (this.closed) return false;
    if (this.output.congested || this.out !== this.output) {
      const bodies = this.streams === null ? 0 : this.streams.bodies;
      if (bodies > DIRECT_BODIES_MAX || this.pendingBytes > this.adapter.limits.unsentBytesMax) {
        this.adapter.stats.directDropped++;
        return false;
      }
    }
    if (view.large !== null) {
      this.noteLosses(view);
      return this.publish(view, publishByte(0, false, view.retained), 0);
    }
    const fanout = this.adapter.fanout;
    if (fanout.serial === view.serial && fanout.retained === view.retained) {
      const length = fanout.length;
      const at = this.out.reserve(length);
      copyBytes(fanout.buffer, fanout.at, fanout.at + length, this.out.buffer, at);
      return true;
    }
    return this.encodeDirect(view);
  }

  /** Encodes an at-most-once message and remembers where, for the next subscriber. */
  private encodeDirect(view: MessageView): boolean {
    const topics = this.adapter.topics;
    topics.of(view);
    if (view.dialect !== MQTT_DIALECT_ID) this.noteLosses(view);
    const bodyLength = view.bodyEnd - view.bodyStart;
    const remaining = publishLength(topics.end - topics.start, 0, bodyLength);
    const length = publishHeadLength(remaining, bodyLength) + bodyLength;
    const at = this.out.reserve(length);
    const buffer = this.out.buffer;
    const first = publishByte(0, false, view.retained);
    const body = writePublishHead(buffer, at, first, remaining, topics.buffer, topics.start, topics.end, 0);
    copyBytes(view.body, view.bodyStart, view.bodyEnd, buffer, body);
    const fanout = this.adapter.fanout;
    fanout.serial = view.serial;
    fanout.retained = view.retained;
    fanout.buffer = buffer;
    fanout.at = at;
    fanout.length = length;
    return true;
  }

  // ------------------------------------------------------------------------------------------------ QoS 1 and 2

  deliver(feed: Feed, view: MessageView, slot: number): void {
    const qos = Math.min(view.effectiveAssurance, feed.granted);
    if (qos === 0 || slot < 0) {
      this.noteLosses(view);
      const sent = this.publish(view, publishByte(0, false, view.retained), 0);
      if (slot >= 0) feed.consumer!.settle(slot, sent ? ACCEPTED : REJECTED);
      return;
    }
    let place = feed.again === null ? -1 : this.placeAgain(feed, slot);
    if (place < 0) place = this.client.placeRestored(feed, view.seq, slot);
    const known = place >= 0;
    const window = this.client.window();
    if (!known) {
      if (!this.fits(view, qos)) {
        this.adapter.stats.oversizeRejected++;
        feed.consumer!.settle(slot, REJECTED);
        return;
      }
      this.noteLosses(view);
      place = window.take(feed, slot, qos === 1 ? PUBLISHED_1 : this.client.kept ? RECORDING : PUBLISHED_2);
    }
    this.live++;
    const stage = window.stages[place]!;
    const id = window.ids[place]!;
    if (stage === RECORDING) {
      if (!known) this.client.record(id, view.seq);
      this.hold(view, id);
      this.host.awaitRecord(id);
      return;
    }
    // DUP says that this client was sent the message before [MQTT-3.3.1-1]. In a share, `redelivered` may speak of another
    // member; in the session's own queue it speaks of this client, whose QoS 1 identifiers a broker's crash forgets. A QoS 2
    // packet that has no record was never sent.
    const dup = known || (stage === PUBLISHED_1 && view.redelivered && !feed.shared);
    this.publish(view, publishByte(stage === PUBLISHED_1 ? 1 : 2, dup, view.retained), id);
  }

  /** The record of a QoS 2 packet is safe: the packet goes. */
  recorded(id: number): void {
    const held = this.held?.get(id);
    if (held === undefined) return;
    this.held!.delete(id);
    const window = this.client.window();
    const place = window.find(id);
    if (place < 0 || window.stages[place] !== RECORDING) {
      held.reader?.close();
      return;
    }
    window.stages[place] = PUBLISHED_2;
    this.out.append(held.bytes);
    if (held.reader !== null) this.stream(held.reader);
  }

  /** PUBREL for an identifier whose release is recorded. */
  release(id: number): void {
    writeAck(this.out, PUBREL, id);
  }

  /** A packet identifier has come free, or its client has answered as far as its window is concerned. */
  answered(): void {
    const full = this.full;
    this.live--;
    if (full) this.client.wake();
  }

  /** The place of a delivery that this client was sent before its connection was lost. */
  private placeAgain(feed: Feed, slot: number): number {
    const id = feed.again!.get(slot);
    if (id === undefined) return -1;
    feed.again!.delete(slot);
    if (feed.again!.size === 0) feed.again = null;
    return this.client.wakePlace(id);
  }

  // ----------------------------------------------------------------------------------------------------- encoding

  private fits(view: MessageView, qos: number): boolean {
    this.adapter.topics.of(view);
    const topics = this.adapter.topics;
    return publishLength(topics.end - topics.start, qos, view.bodyLength) <= REMAINING_LENGTH_MAX;
  }

  /** Writes a PUBLISH; false if it is too long for one. */
  private publish(view: MessageView, first: number, id: number): boolean {
    const topics = this.adapter.topics;
    topics.of(view);
    const bodyLength = view.bodyLength;
    const remaining = publishLength(topics.end - topics.start, id === 0 ? 0 : 1, bodyLength);
    if (remaining > REMAINING_LENGTH_MAX) {
      this.adapter.stats.oversizeRejected++;
      return false;
    }
    const headLength = publishHeadLength(remaining, bodyLength);
    if (view.large !== null) {
      const at = this.out.reserve(headLength);
      writePublishHead(this.out.buffer, at, first, remaining, topics.buffer, topics.start, topics.end, id);
      this.stream(this.session.readBody(view.large));
      return true;
    }
    const at = this.out.reserve(headLength + bodyLength);
    const buffer = this.out.buffer;
    const body = writePublishHead(buffer, at, first, remaining, topics.buffer, topics.start, topics.end, id);
    copyBytes(view.body, view.bodyStart, view.bodyEnd, buffer, body);
    return true;
  }

  /** Keeps a QoS 2 packet until its record is safe; the view will not be there any more. */
  private hold(view: MessageView, id: number): void {
    const topics = this.adapter.topics;
    topics.of(view);
    const remaining = publishLength(topics.end - topics.start, 2, view.bodyLength);
    const headLength = publishHeadLength(remaining, view.bodyLength);
    const inline = view.large === null ? view.bodyEnd - view.bodyStart : 0;
    const bytes = Buffer.allocUnsafe(headLength + inline);
    const first = publishByte(2, false, view.retained);
    const body = writePublishHead(bytes, 0, first, remaining, topics.buffer, topics.start, topics.end, id);
    if (inline > 0) copyBytes(view.body, view.bodyStart, view.bodyEnd, bytes, body);
    this.held ??= new Map();
    this.held.set(id, { bytes, reader: view.large === null ? null : this.session.readBody(view.large) });
  }

  /** The head of a packet has been written to `out`; this is its body. */
  private stream(reader: BodyReader): void {
    this.streams ??= new Streams(
      this.output,
      () => this.streamed(),
      () => this.host.broken('a large body could not be read'),
    );
    this.streams.push(reader);
    this.out = this.streams.tail;
    this.streams.pump();
  }

  private streamed(): void {
    this.out = this.output;
    this.client.wake();
  }

  private noteLosses(view: MessageView): void {
    if (view.dialect === MQTT_DIALECT_ID && view.propsEnd === view.propsStart) return;
    this.adapter.topics.of(view);
    if (this.adapter.topics.lossy || losesProperties(view)) this.adapter.stats.lossyConversions++;
  }
}
