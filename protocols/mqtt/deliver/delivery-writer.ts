/**
 * The writer of one connection's deliveries: encodes them into the output, gives them packet identifiers, and holds
 * consumers back while the socket, the window of unsettled packets or a large body says so.
 *
 * QoS 0 comes direct and is dropped, counted, past a bound of unsent bytes. QoS 2 of a kept session is sent once the
 * record (packet identifier, message) is on disk (`held-packets.ts`).
 */
import {
  ACCEPTED,
  type BodyReader,
  BodySender,
  type BodySenderOwner,
  copyBytes,
  MessageView,
  type Output,
  REJECTED,
  type Session,
  SLASH,
} from '../../../src/api/index.ts';
import { publishByte, writeAck } from '../codec/encode.ts';
import { PUBREL } from '../codec/packet.ts';
import { UNSPECIFIED_ERROR } from '../codec/reasons.ts';
import { MQTT_DIALECT_ID } from '../mapping/dialect.ts';
import type { TopicWriter } from '../mapping/topic-writer.ts';
import type { ClientSession, SessionWriter } from '../session/client-session.ts';
import { PUBLISHED_1, PUBLISHED_2, RECORDING } from '../session/packet-window.ts';
import type { MqttStats } from '../stats.ts';
import type { FanoutCache } from './fanout-cache.ts';
import { HeldPackets } from './held-packets.ts';
import type { PublishEncoder } from './publish-encoder.ts';
import type { SubscriptionConsumer } from './subscription-consumer.ts';

/** What a connection does for its writer. */
export interface DeliveryHost {
  /** Calls `DeliveryWriter.recorded(packetId)` once everything asked of the broker until now is safe. */
  awaitRecord(packetId: number): void;
  /** Sends PUBREL once everything asked of the broker until now is safe. */
  awaitRelease(packetId: number): void;
  /** Ends the connection: the stream to the client cannot be continued. @param reason a reason code of 5.0 */
  disconnect(why: string, reason: number): void;
}

/** What bounds a writer, and what it counts and shares with others of its adapter. */
export interface DeliveryOptions {
  readonly stats: MqttStats;
  readonly topics: TopicWriter;
  /** Unsent bytes past which at-most-once messages are dropped. */
  readonly unsentBytesMax: number;
  /** QoS 1 and 2 messages that may be unsettled. */
  readonly inFlightMax: number;
  /** The longest packet the client takes, whole; the encoder minds it, but not for what was encoded for somebody else. */
  readonly packetSizeMax: number;
}

/** Bodies of at-most-once messages that may wait for one client. */
const DIRECT_BODIES_MAX = 32;

export class DeliveryWriter implements SessionWriter, BodySenderOwner {
  /** Where the next packet is written: the connection's output, or what waits behind a large body. */
  out: Output;
  /** Packet identifiers in use on this connection. */
  inFlight = 0;
  private bodies: BodySender | null = null;
  private held: HeldPackets | null = null;
  private closed = false;
  readonly output: Output;
  private readonly stats: MqttStats;
  private readonly topics: TopicWriter;
  private readonly session: Session;
  private readonly clientSession: ClientSession;
  private readonly host: DeliveryHost;
  private readonly encoder: PublishEncoder;
  private readonly inFlightMax: number;
  private readonly packetSizeMax: number;
  private readonly unsentBytesMax: number;

  constructor(
    options: DeliveryOptions,
    output: Output,
    session: Session,
    clientSession: ClientSession,
    host: DeliveryHost,
    encoder: PublishEncoder,
  ) {
    this.stats = options.stats;
    this.topics = options.topics;
    this.output = output;
    this.out = output;
    this.session = session;
    this.clientSession = clientSession;
    this.host = host;
    this.encoder = encoder;
    this.inFlightMax = options.inFlightMax;
    this.packetSizeMax = options.packetSizeMax;
    this.unsentBytesMax = options.unsentBytesMax;
  }

  /** Consumers wait while this is true. */
  get congested(): boolean {
    return this.output.congested || this.inFlight >= this.inFlightMax || this.out !== this.output;
  }

  /** Bytes that wait in the socket, in the output and behind large bodies. */
  get pendingBytes(): number {
    return this.output.pendingBytes + (this.bodies === null ? 0 : this.bodies.pendingBytes);
  }

  /** A large body is under way: what is written now would be taken for a part of it, if it went out at once. */
  get midBody(): boolean {
    return this.out !== this.output;
  }

  /** The output has room again. */
  drained(): void {
    this.bodies?.pump();
    this.session.directDrained(this.clientSession.queue);
    this.clientSession.wake();
  }

  close(): void {
    this.closed = true;
    this.bodies?.close();
    this.held?.close();
    this.held = null;
  }

  // ------------------------------------------------------------------------------------------------- at most once

  queueDeleted(): void {
    this.clientSession.queueLost();
  }

  deliverDirect(view: MessageView): boolean {
    if (this.closed) return false;
    if (this.output.congested || this.out !== this.output) {
      const bodies = this.bodies === null ? 0 : this.bodies.bodies;
      if (bodies > DIRECT_BODIES_MAX || this.pendingBytes > this.unsentBytesMax) {
        this.stats.directDropped++;
        return false;
      }
    }
    if (view.large !== null) return this.publishDirect(view);
    const { fanout } = this.encoder;
    if (
      fanout !== null &&
      fanout.serial === view.serial &&
      fanout.retained === view.retained &&
      view.subscriptionData === 0 &&
      fanout.length <= this.packetSizeMax
    ) {
      const { length } = fanout;
      const at = this.out.reserve(length);
      copyBytes(fanout.buffer, fanout.at, fanout.at + length, this.out.buffer, at);
      this.stats.publishesSent++;
      return true;
    }
    if (fanout === null || view.subscriptionData !== 0) return this.publishDirect(view);
    return this.encodeDirect(view, fanout);
  }

  private publishDirect(view: MessageView): boolean {
    const { identifiers } = this.clientSession.subscriptions;
    const known = identifiers === null ? null : identifiers.of(view, this.topics);
    return this.publish(view, publishByte(0, false, view.retained), 0, known);
  }

  /** Encodes an at-most-once message and remembers where, for the next subscriber. */
  private encodeDirect(view: MessageView, fanout: FanoutCache): boolean {
    const { encoder } = this;
    const headLength = encoder.prepare(view, false, null, false);
    if (encoder.lossy) this.stats.lossyConversions++;
    if (headLength < 0) {
      this.stats.oversizeDropped++;
      return false;
    }
    const length = headLength + view.bodyEnd - view.bodyStart;
    const at = this.out.reserve(length);
    const { buffer } = this.out;
    const body = encoder.write(buffer, at, publishByte(0, false, view.retained), 0);
    copyBytes(view.body, view.bodyStart, view.bodyEnd, buffer, body);
    fanout.serial = view.serial;
    fanout.retained = view.retained;
    fanout.buffer = buffer;
    fanout.at = at;
    fanout.length = length;
    this.stats.publishesSent++;
    return true;
  }

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

  deliver(consumer: SubscriptionConsumer, view: MessageView, slot: number): void {
    const qos = Math.min(view.effectiveAssurance, consumer.granted);
    const identifiers = this.identifiersOf(consumer, view);
    const retained = view.retained && (!consumer.shared || consumer.asPublished);
    if (qos === 0 || slot < 0) {
      const sent = this.publish(view, publishByte(0, false, retained), 0, identifiers);
      if (slot >= 0) consumer.consumer!.settle(slot, sent ? ACCEPTED : REJECTED);
      return;
    }
    const { unsettled } = this.clientSession;
    let place = consumer.again === null ? -1 : this.placeAgain(consumer, slot);
    if (place < 0 && unsettled.restoring) {
      place = unsettled.placeRestored(consumer, view.seq, slot, (packetId) => this.stale(packetId));
    }
    const known = place >= 0;
    const { window } = unsettled;
    const recording = known ? window.stages[place]! === RECORDING : qos === 2 && this.clientSession.kept;
    const later = recording || (this.held !== null && this.held.size > 0);
    const headLength = this.encoder.prepare(view, true, identifiers, later);
    if (headLength < 0) {
      this.tooLong(consumer, slot, place);
      return;
    }
    if (!known) {
      if (this.encoder.lossy) this.stats.lossyConversions++;
      place = window.take(consumer, slot, qos === 1 ? PUBLISHED_1 : recording ? RECORDING : PUBLISHED_2);
    }
    this.inFlight++;
    const stage = window.stages[place]!;
    const packetId = window.ids[place]!;
    if (stage === RECORDING) {
      if (!known) unsettled.recordSent(packetId, view.seq);
      this.hold(view, packetId, headLength, publishByte(2, false, retained), stage);
      this.host.awaitRecord(packetId);
      return;
    }
    // DUP says that this client was sent the message before [MQTT-3.3.1-1]. In a share, `redelivered` may speak of another
    // member; in the session's own queue it speaks of this client, whose QoS 1 identifiers a broker's crash forgets. A QoS 2
    // packet that has no record was never sent.
    const dup = known || (stage === PUBLISHED_1 && view.redelivered && !consumer.shared);
    const first = publishByte(stage === PUBLISHED_1 ? 1 : 2, dup, retained);
    if (later) this.hold(view, packetId, headLength, first, stage);
    else this.write(view, first, packetId, headLength);
  }

  private identifiersOf(consumer: SubscriptionConsumer, view: MessageView): Buffer | null {
    if (consumer.shared) return consumer.identifiers;
    const { identifiers } = this.clientSession.subscriptions;
    return identifiers === null ? null : identifiers.of(view, this.topics);
  }

  /** The client cannot be sent it, and for its session that is the end of it [MQTT5-3.1.2-25]. */
  private tooLong(consumer: SubscriptionConsumer, slot: number, place: number): void {
    this.stats.oversizeRejected++;
    // It may have been sent on a connection that took longer packets.
    if (place >= 0) this.clientSession.unsettled.free(place);
    consumer.consumer!.settle(slot, REJECTED);
  }

  /** The place of a delivery that this client was sent before its connection was lost. */
  private placeAgain(consumer: SubscriptionConsumer, slot: number): number {
    const packetId = consumer.again!.get(slot);
    if (packetId === undefined) return -1;
    consumer.again!.delete(slot);
    if (consumer.again!.size === 0) consumer.again = null;
    return this.clientSession.unsettled.wake(packetId);
  }

  /** The message of an identifier will not come any more: it is released. */
  private stale(packetId: number): void {
    this.inFlight++;
    this.host.awaitRelease(packetId);
  }

  /** The record of a QoS 2 packet is safe: the packet goes, with those behind it that need not wait any more. */
  recorded(packetId: number): void {
    const { held } = this;
    if (held === null || !held.recorded(packetId)) return;
    const { window } = this.clientSession.unsettled;
    for (let packet = held.take(); packet !== undefined; packet = held.take()) {
      const place = window.find(packet.packetId);
      if (place < 0 || window.stages[place] !== packet.stage) {
        packet.reader?.close();
        continue;
      }
      if (packet.stage === RECORDING) window.stages[place] = PUBLISHED_2;
      this.out.append(packet.bytes);
      this.stats.publishesSent++;
      if (packet.reader !== null) this.sendBody(packet.reader);
    }
  }

  /** Writes PUBREL for an identifier whose release is recorded. */
  release(packetId: number): void {
    writeAck(this.out, PUBREL, packetId);
  }

  /** A packet identifier has come free, or its client has answered as far as its window is concerned. */
  settled(): void {
    const full = this.inFlight >= this.inFlightMax;
    this.inFlight--;
    if (full) this.clientSession.wake();
  }

  // ----------------------------------------------------------------------------------------------------- encoding

  /** Writes a PUBLISH; false if the client cannot be sent it. */
  private publish(view: MessageView, first: number, packetId: number, identifiers: Buffer | null): boolean {
    const headLength = this.encoder.prepare(view, packetId !== 0, identifiers, false);
    if (this.encoder.lossy) this.stats.lossyConversions++;
    if (headLength < 0) {
      this.stats.oversizeDropped++;
      return false;
    }
    this.write(view, first, packetId, headLength);
    return true;
  }

  /** Writes what the encoder has prepared. */
  private write(view: MessageView, first: number, packetId: number, headLength: number): void {
    this.stats.publishesSent++;
    if (view.large !== null) {
      const at = this.out.reserve(headLength);
      this.encoder.write(this.out.buffer, at, first, packetId);
      this.sendBody(this.session.readBody(view.large));
      return;
    }
    const at = this.out.reserve(headLength + view.bodyLength);
    const { buffer } = this.out;
    const body = this.encoder.write(buffer, at, first, packetId);
    copyBytes(view.body, view.bodyStart, view.bodyEnd, buffer, body);
  }

  /** Keeps a packet that has to wait; the view will not be there any more. */
  private hold(view: MessageView, packetId: number, headLength: number, first: number, stage: number): void {
    const inline = view.large === null ? view.bodyEnd - view.bodyStart : 0;
    const bytes = Buffer.allocUnsafe(headLength + inline);
    const body = this.encoder.write(bytes, 0, first, packetId);
    if (inline > 0) copyBytes(view.body, view.bodyStart, view.bodyEnd, bytes, body);
    const reader = view.large === null ? null : this.session.readBody(view.large);
    this.held ??= new HeldPackets();
    this.held.hold({ packetId, bytes, reader, stage, ready: stage !== RECORDING });
  }

  // ------------------------------------------------------------------------------------------------- large bodies

  /** The head of a packet has been written to `out`; this is its body. */
  private sendBody(reader: BodyReader): void {
    this.bodies ??= new BodySender(this.output, this);
    this.bodies.send(reader);
    this.out = this.bodies.out;
    this.bodies.pump();
  }

  bodyReadable(): void {
    this.bodies?.pump();
  }

  bodiesSent(): void {
    this.out = this.output;
    // While a body was under way this looked congested, so whoever has something to deliver has stopped.
    this.clientSession.wake();
  }

  bodyLost(): void {
    this.host.disconnect('a large body could not be read', UNSPECIFIED_ERROR);
  }
}
