/**
 * The writer of one connection's deliveries of QoS 1 and 2: gives them packet identifiers, and holds consumers back while the
 * socket, the window of unsettled packets or a large body says so. Those of QoS 0 come direct (`direct-writer.ts`).
 *
 * QoS 2 of a kept session is sent once the record (packet identifier, message) is on disk (`held-packets.ts`).
 */
import { ACCEPTED, type MessageView, type Output, REJECTED, type Session } from '../../../src/api/index.ts';
import { publishByte, writeAck } from '../codec/encode.ts';
import { PUBREL } from '../codec/packet.ts';
import { UNSPECIFIED_ERROR } from '../codec/reasons.ts';
import type { TopicWriter } from '../mapping/topic-writer.ts';
import type { MqttSession } from '../session/mqtt-session.ts';
import { ENDED_1, PUBLISHED_1, PUBLISHED_2, RECORDING } from '../session/packet-window.ts';
import type { SessionWriter } from '../session/ports.ts';
import type { MqttStats } from '../stats.ts';
import type { DeliveryOptions } from './delivery-options.ts';
import { DirectWriter } from './direct-writer.ts';
import { HeldPackets } from './held-packets.ts';
import type { PublishEncoder } from './publish-encoder.ts';
import { PublishWriter, type PublishWriterOwner } from './publish-writer.ts';
import type { SubscriptionConsumer } from './subscription-consumer.ts';
import { toldProperties } from './told-properties.ts';

/** What a connection does for its writer. */
export interface DeliveryHost {
  /** Calls `DeliveryWriter.recorded(packetId)` once everything asked of the broker until now is safe. */
  awaitRecord(packetId: number): void;
  /** Sends PUBREL once everything asked of the broker until now is safe. */
  awaitRelease(packetId: number): void;
  /** Ends the connection: the stream to the client cannot be continued. @param reason a reason code of 5.0 */
  disconnect(why: string, reason: number): void;
}

export class DeliveryWriter implements SessionWriter, PublishWriterOwner {
  /** Packet identifiers in use on this connection. */
  inFlight = 0;
  /** Takes at-most-once messages. */
  readonly direct: DirectWriter;
  private readonly packets: PublishWriter;
  private held: HeldPackets | null = null;
  private readonly stats: MqttStats;
  private readonly topics: TopicWriter;
  private readonly session: Session;
  private readonly mqttSession: MqttSession;
  private readonly host: DeliveryHost;
  private readonly inFlightMax: number;

  constructor(
    options: DeliveryOptions,
    output: Output,
    session: Session,
    mqttSession: MqttSession,
    host: DeliveryHost,
    encoder: PublishEncoder,
  ) {
    this.packets = new PublishWriter(output, encoder, options.stats, session, this);
    this.direct = new DirectWriter(options, this.packets, mqttSession);
    this.stats = options.stats;
    this.topics = options.topics;
    this.session = session;
    this.mqttSession = mqttSession;
    this.host = host;
    this.inFlightMax = options.inFlightMax;
  }

  /** Where packets to the client are written now, deliveries or not. */
  get out(): Output {
    return this.packets.out;
  }

  /** A large body is under way: what is written to the transport's output itself would be taken for a part of it. */
  get midBody(): boolean {
    return this.packets.midBody;
  }

  /** Consumers wait while this is true. */
  get congested(): boolean {
    return this.packets.output.congested || this.inFlight >= this.inFlightMax || this.packets.midBody;
  }

  /** Bytes that wait in the socket, in the output and behind large bodies. */
  get pendingBytes(): number {
    return this.packets.pendingBytes;
  }

  /** The output has room again. */
  drained(): void {
    this.packets.pump();
    this.session.directDrained(this.mqttSession.queue);
    this.mqttSession.wake();
  }

  /** Nothing is written any more. */
  close(): void {
    this.direct.close();
    this.packets.close();
    this.held?.close();
    this.held = null;
  }

  deliver(consumer: SubscriptionConsumer, view: MessageView, slot: number): void {
    const qos = Math.min(view.effectiveAssurance, consumer.granted);
    const identifiers = this.identifiersOf(consumer, view);
    const retained = view.retained && (!consumer.shared || consumer.asPublished);
    if (qos === 0 || slot < 0) {
      const sent = this.packets.publish(view, publishByte(0, false, retained), 0, identifiers);
      if (slot >= 0) consumer.handle!.settle(slot, sent ? ACCEPTED : REJECTED);
      return;
    }
    const { unsettled } = this.mqttSession;
    let place = consumer.again === null ? -1 : this.placeAgain(consumer, slot);
    if (place < 0 && unsettled.restoring) {
      place = unsettled.placeRestored(consumer, view.seq, slot, (packetId) => this.stale(packetId));
    }
    const known = place >= 0;
    const { window } = unsettled;
    const recording = known ? window.stages[place]! === RECORDING : qos === 2 && this.mqttSession.kept;
    const later = recording || (this.held !== null && this.held.size > 0);
    const headLength = this.packets.encoder.prepare(view, true, identifiers, later);
    if (headLength < 0) {
      this.tooLong(consumer, slot, place);
      return;
    }
    if (!known) {
      if (this.packets.encoder.lossy) {
        this.stats.lossyConversions++;
        view.lossy = true;
      }
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
    else this.packets.writePrepared(view, first, packetId, headLength);
  }

  private identifiersOf(consumer: SubscriptionConsumer, view: MessageView): Buffer | null {
    if (consumer.shared) return consumer.tells(view) ? toldProperties(consumer, view) : consumer.identifiers;
    const { identifiers } = this.mqttSession.subscriptions;
    return identifiers === null ? null : identifiers.of(view, this.topics);
  }

  letGo(consumer: SubscriptionConsumer, slots: readonly number[]): readonly number[] {
    return this.mqttSession.unsettled.letGo(consumer, slots);
  }

  /** The client cannot be sent it, and for its session that is the end of it [MQTT5-3.1.2-25]. */
  private tooLong(consumer: SubscriptionConsumer, slot: number, place: number): void {
    this.stats.oversizeRejected++;
    // It may have been sent on a connection that took longer packets.
    if (place >= 0) this.mqttSession.unsettled.free(place);
    consumer.handle!.settle(slot, REJECTED);
  }

  /** The place of a delivery that this client was sent before its connection was lost. */
  private placeAgain(consumer: SubscriptionConsumer, slot: number): number {
    const packetId = consumer.again!.get(slot);
    if (packetId === undefined) return -1;
    consumer.again!.delete(slot);
    if (consumer.again!.size === 0) consumer.again = null;
    return this.mqttSession.unsettled.wake(packetId);
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
    const { window } = this.mqttSession.unsettled;
    for (let packet = held.take(); packet !== undefined; packet = held.take()) {
      const place = window.find(packet.packetId);
      if (place < 0 || window.stages[place] !== packet.stage) {
        packet.reader?.close();
        if (place >= 0 && window.stages[place] === ENDED_1) {
          // Taken back before it was sent: nobody will answer it.
          this.mqttSession.unsettled.answeredLate(place);
          this.settled();
        }
        continue;
      }
      if (packet.stage === RECORDING) window.stages[place] = PUBLISHED_2;
      this.packets.writeCopied(packet.bytes, packet.reader);
    }
  }

  /** Writes PUBREL for an identifier whose release is recorded. */
  release(packetId: number): void {
    writeAck(this.packets.out, PUBREL, packetId);
  }

  /** A packet identifier has come free, or its client has answered as far as its window is concerned. */
  settled(): void {
    const full = this.inFlight >= this.inFlightMax;
    this.inFlight--;
    if (full) this.mqttSession.wake();
  }

  /** Keeps a packet that has to wait; the view will not be there any more. */
  private hold(view: MessageView, packetId: number, headLength: number, first: number, stage: number): void {
    const bytes = this.packets.copyPrepared(view, first, packetId, headLength);
    const reader = view.large === null ? null : this.session.readBody(view.large);
    this.held ??= new HeldPackets();
    this.held.hold({ packetId, bytes, reader, stage, ready: stage !== RECORDING });
  }

  // ------------------------------------------------------------------------------------------------- large bodies

  bodiesSent(): void {
    // While a body was under way this looked congested, so whoever has something to deliver has stopped.
    this.mqttSession.wake();
  }

  bodyLost(): void {
    this.host.disconnect('a large body could not be read', UNSPECIFIED_ERROR);
  }
}
