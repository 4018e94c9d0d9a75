/**
 * What one connection sends to its client: encodes deliveries into the output slab, gives them packet identifiers, and
 * holds consumers back while the socket, the window of unanswered packets or a large body says so.
 *
 * QoS 0 comes direct and is dropped, counted, past a bound of unsent bytes. QoS 2 of a kept session is sent once the
 * record (packet identifier, message) is on disk, so that after any crash the same message goes out under the same
 * identifier, and the receiver knows it.
 */

import {
  ACCEPTED,
  type Backpressure,
  type BodyReader,
  copyBytes,
  type DirectSink,
  MessageView,
  type Output,
  REJECTED,
  type Session,
  SLASH,
} from '../../../src/api/index.ts';
import type { FanoutCache, MqttAdapter } from '../adapter.ts';
import { publishByte, writeAck } from '../codec/encode.ts';
import { PUBREL } from '../codec/packet.ts';
import { UNSPECIFIED_ERROR } from '../codec/reasons.ts';
import { MQTT_DIALECT_ID } from '../mapping/properties.ts';
import type { ClientSession } from '../session/client-session.ts';
import { PUBLISHED_1, PUBLISHED_2, RECORDING } from '../session/packet-window.ts';
import type { PublishEncoder } from './publish-encoder.ts';
import { Streams } from './streams.ts';
import type { SubscriptionConsumer } from './subscription-consumer.ts';

/** What a connection does for its outbound side. */
export interface OutboundHost {
  /** Calls `Outbound.recorded(id)` once everything asked of the broker until now is safe. */
  awaitRecord(packetId: number): void;
  /** Sends PUBREL once everything asked of the broker until now is safe. */
  awaitRelease(packetId: number): void;
  /** The stream to the client cannot be continued. */
  broken(why: string, reason: number): void;
}

/**
 * A QoS 2 packet that waits for its record, or a QoS 1 packet behind one, so that all are sent again in the order in which
 * they were sent first [MQTT-4.6.0-1]. All of the packet, or its head and where its body comes from.
 */
interface Held {
  readonly bytes: Buffer;
  readonly reader: BodyReader | null;
  /** The stage its identifier is at as long as it is to be sent. */
  readonly stage: number;
  ready: boolean;
}

/** Bodies of at-most-once messages that may wait for one client. */
const DIRECT_BODIES_MAX = 32;

export class DeliveryWriter implements Backpressure, DirectSink {
  /** Where the next packet is written: the connection's output, or the backlog behind a large body. */
  out: Output;
  /** Packet identifiers in use on this connection. */
  inFlight = 0;
  /** The longest packet the client takes; the form minds it, but not for what was encoded for somebody else. */
  packetSizeMax = Number.MAX_SAFE_INTEGER;
  private streams: Streams | null = null;
  private held: Map<number, Held> | null = null;
  private closed = false;
  readonly output: Output;
  private readonly adapter: MqttAdapter;
  private readonly session: Session;
  private readonly client: ClientSession;
  private readonly host: OutboundHost;
  private readonly form: PublishEncoder;
  private readonly inFlightMax: number;

  /** @param receiveMax QoS 1 and 2 messages that the client takes unanswered */
  constructor(
    adapter: MqttAdapter,
    output: Output,
    session: Session,
    client: ClientSession,
    host: OutboundHost,
    form: PublishEncoder,
    receiveMax: number,
  ) {
    this.adapter = adapter;
    this.output = output;
    this.out = output;
    this.session = session;
    this.client = client;
    this.host = host;
    this.form = form;
    this.inFlightMax = Math.min(adapter.limits.inflightMax, receiveMax);
  }

  /** Consumers wait while this is true. */
  get congested(): boolean {
    return this.output.congested || this.inFlight >= this.inFlightMax || this.out !== this.output;
  }

  /** Bytes that wait in the socket, the slab and behind large bodies. */
  get pendingBytes(): number {
    return this.output.pendingBytes + (this.streams === null ? 0 : this.streams.pendingBytes);
  }

  get full(): boolean {
    return this.inFlight >= this.inFlightMax;
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

  queueDeleted(): void {
    this.client.queueLost();
  }

  deliverDirect(view: MessageView): boolean {
    if (this.closed) return false;
    if (this.output.congested || this.out !== this.output) {
      const bodies = this.streams === null ? 0 : this.streams.bodies;
      if (bodies > DIRECT_BODIES_MAX || this.pendingBytes > this.adapter.limits.unsentBytesMax) {
        this.adapter.stats.directDropped++;
        return false;
      }
    }
    if (view.large !== null) return this.publishDirect(view);
    const fanout = this.form.fanout;
    if (
      fanout !== null &&
      fanout.serial === view.serial &&
      fanout.retained === view.retained &&
      view.subscriptionData === 0 &&
      fanout.length <= this.packetSizeMax
    ) {
      const length = fanout.length;
      const at = this.out.reserve(length);
      copyBytes(fanout.buffer, fanout.at, fanout.at + length, this.out.buffer, at);
      this.adapter.stats.publishesSent++;
      return true;
    }
    if (fanout === null || view.subscriptionData !== 0) return this.publishDirect(view);
    return this.encodeDirect(view, fanout);
  }

  private publishDirect(view: MessageView): boolean {
    const { identifiers } = this.client;
    const known = identifiers === null ? null : identifiers.of(view, this.adapter.topics);
    return this.publish(view, publishByte(0, false, view.retained), 0, known);
  }

  /** Encodes an at-most-once message and remembers where, for the next subscriber. */
  private encodeDirect(view: MessageView, fanout: FanoutCache): boolean {
    const { form } = this;
    const headLength = form.prepare(view, false, null, false);
    if (form.lossy) this.adapter.stats.lossyConversions++;
    if (headLength < 0) {
      this.adapter.stats.oversizeDropped++;
      return false;
    }
    const length = headLength + view.bodyEnd - view.bodyStart;
    const at = this.out.reserve(length);
    const buffer = this.out.buffer;
    const body = form.write(buffer, at, publishByte(0, false, view.retained), 0);
    copyBytes(view.body, view.bodyStart, view.bodyEnd, buffer, body);
    fanout.serial = view.serial;
    fanout.retained = view.retained;
    fanout.buffer = buffer;
    fanout.at = at;
    fanout.length = length;
    this.adapter.stats.publishesSent++;
    return true;
  }

  /** Sends something of the broker's own, as if it were retained. */
  publishSys(topic: string, value: string): void {
    if (this.closed || this.output.congested || this.out !== this.output) return;
    const view = new MessageView();
    view.dialect = MQTT_DIALECT_ID;
    view.spelling = SLASH;
    view.head = Buffer.from(topic, 'utf8');
    view.keyEnd = view.head.length;
    view.body = Buffer.from(value, 'utf8');
    view.bodyEnd = view.body.length;
    view.bodyLength = view.body.length;
    this.publish(view, publishByte(0, false, true), 0, null);
  }

  // ------------------------------------------------------------------------------------------------ QoS 1 and 2

  deliver(feed: SubscriptionConsumer, view: MessageView, slot: number): void {
    const qos = Math.min(view.effectiveAssurance, feed.granted);
    const identifiers = this.identifiersOf(feed, view);
    const retained = view.retained && (!feed.shared || feed.asPublished);
    if (qos === 0 || slot < 0) {
      const sent = this.publish(view, publishByte(0, false, retained), 0, identifiers);
      if (slot >= 0) feed.consumer!.settle(slot, sent ? ACCEPTED : REJECTED);
      return;
    }
    let place = feed.again === null ? -1 : this.placeAgain(feed, slot);
    if (place < 0) place = this.client.placeRestored(feed, view.seq, slot);
    const known = place >= 0;
    const window = this.client.window();
    const recording = known ? window.stages[place]! === RECORDING : qos === 2 && this.client.kept;
    const later = recording || (this.held !== null && this.held.size > 0);
    const headLength = this.form.prepare(view, true, identifiers, later);
    if (headLength < 0) {
      this.tooLong(feed, slot, place);
      return;
    }
    if (!known) {
      if (this.form.lossy) this.adapter.stats.lossyConversions++;
      place = window.take(feed, slot, qos === 1 ? PUBLISHED_1 : recording ? RECORDING : PUBLISHED_2);
    }
    this.inFlight++;
    const stage = window.stages[place]!;
    const id = window.ids[place]!;
    if (stage === RECORDING) {
      if (!known) this.client.record(id, view.seq);
      this.hold(view, id, headLength, publishByte(2, false, retained), stage);
      this.host.awaitRecord(id);
      return;
    }
    // DUP says that this client was sent the message before [MQTT-3.3.1-1]. In a share, `redelivered` may speak of another
    // member; in the session's own queue it speaks of this client, whose QoS 1 identifiers a broker's crash forgets. A QoS 2
    // packet that has no record was never sent.
    const dup = known || (stage === PUBLISHED_1 && view.redelivered && !feed.shared);
    const first = publishByte(stage === PUBLISHED_1 ? 1 : 2, dup, retained);
    if (later) this.hold(view, id, headLength, first, stage);
    else this.write(view, first, id, headLength);
  }

  private identifiersOf(feed: SubscriptionConsumer, view: MessageView): Buffer | null {
    if (feed.shared) return feed.identifiers;
    const { identifiers } = this.client;
    return identifiers === null ? null : identifiers.of(view, this.adapter.topics);
  }

  /** The client cannot be sent it, and for its session that is the end of it [MQTT5-3.1.2-25]. */
  private tooLong(feed: SubscriptionConsumer, slot: number, place: number): void {
    this.adapter.stats.oversizeRejected++;
    // It may have been sent on a connection that took longer packets.
    if (place >= 0) this.client.unsettled.free(place);
    feed.consumer!.settle(slot, REJECTED);
  }

  /** The record of a QoS 2 packet is safe: the packet goes, with those behind it that need not wait any more. */
  recorded(id: number): void {
    const held = this.held?.get(id);
    if (held === undefined) return;
    held.ready = true;
    const window = this.client.window();
    for (const [next, { bytes, reader, stage, ready }] of this.held!) {
      if (!ready) return;
      this.held!.delete(next);
      const place = window.find(next);
      if (place < 0 || window.stages[place] !== stage) {
        reader?.close();
        continue;
      }
      if (stage === RECORDING) window.stages[place] = PUBLISHED_2;
      this.out.append(bytes);
      this.adapter.stats.publishesSent++;
      if (reader !== null) this.stream(reader);
    }
  }

  /** PUBREL for an identifier whose release is recorded. */
  release(id: number): void {
    writeAck(this.out, PUBREL, id);
  }

  /** A packet identifier has come free, or its client has answered as far as its window is concerned. */
  answered(): void {
    const full = this.full;
    this.inFlight--;
    if (full) this.client.wake();
  }

  /** The place of a delivery that this client was sent before its connection was lost. */
  private placeAgain(feed: SubscriptionConsumer, slot: number): number {
    const id = feed.again!.get(slot);
    if (id === undefined) return -1;
    feed.again!.delete(slot);
    if (feed.again!.size === 0) feed.again = null;
    return this.client.wakePlace(id);
  }

  // ----------------------------------------------------------------------------------------------------- encoding

  /** Writes a PUBLISH; false if the client cannot be sent it. */
  private publish(view: MessageView, first: number, id: number, identifiers: Buffer | null): boolean {
    const headLength = this.form.prepare(view, id !== 0, identifiers, false);
    if (this.form.lossy) this.adapter.stats.lossyConversions++;
    if (headLength < 0) {
      this.adapter.stats.oversizeDropped++;
      return false;
    }
    this.write(view, first, id, headLength);
    return true;
  }

  /** Writes what the form has prepared. */
  private write(view: MessageView, first: number, id: number, headLength: number): void {
    this.adapter.stats.publishesSent++;
    if (view.large !== null) {
      const at = this.out.reserve(headLength);
      this.form.write(this.out.buffer, at, first, id);
      this.stream(this.session.readBody(view.large));
      return;
    }
    const at = this.out.reserve(headLength + view.bodyLength);
    const buffer = this.out.buffer;
    const body = this.form.write(buffer, at, first, id);
    copyBytes(view.body, view.bodyStart, view.bodyEnd, buffer, body);
  }

  /** Keeps a packet that has to wait; the view will not be there any more. */
  private hold(view: MessageView, id: number, headLength: number, first: number, stage: number): void {
    const inline = view.large === null ? view.bodyEnd - view.bodyStart : 0;
    const bytes = Buffer.allocUnsafe(headLength + inline);
    const body = this.form.write(bytes, 0, first, id);
    if (inline > 0) copyBytes(view.body, view.bodyStart, view.bodyEnd, bytes, body);
    this.held ??= new Map();
    const reader = view.large === null ? null : this.session.readBody(view.large);
    this.held.set(id, { bytes, reader, stage, ready: stage !== RECORDING });
  }

  /** The head of a packet has been written to `out`; this is its body. */
  private stream(reader: BodyReader): void {
    this.streams ??= new Streams(
      this.output,
      () => this.streamed(),
      () => this.host.broken('a large body could not be read', UNSPECIFIED_ERROR),
    );
    this.streams.push(reader);
    this.out = this.streams.tail;
    this.streams.pump();
  }

  private streamed(): void {
    this.out = this.output;
    this.client.wake();
  }
}
