/**
 * The writer of at-most-once messages to one connection: they come straight from their publishers, in no queue, and are
 * dropped, counted, past a bound of unsent bytes. What several clients get in the same form is encoded once.
 */
import {
  copyBytes,
  type DirectSink,
  MessageView,
  type Output,
  REFERENCED_BYTES_MIN,
  SLASH,
} from '../../../src/api/index.ts';
import { publishByte } from '../codec/encode.ts';
import { MQTT_DIALECT_ID } from '../mapping/dialect.ts';
import type { TopicWriter } from '../mapping/topic-writer.ts';
import type { MqttSession } from '../session/mqtt-session.ts';
import type { MqttStats } from '../stats.ts';
import type { DeliveryOptions } from './delivery-options.ts';
import type { FanoutCache } from './fanout-cache.ts';
import type { PublishWriter } from './publish-writer.ts';

/** Bodies of at-most-once messages that may wait for one client. */
const DIRECT_BODIES_MAX = 32;

export class DirectWriter implements DirectSink {
  readonly output: Output;
  private closed = false;
  private readonly packets: PublishWriter;
  /** The encoder's. */
  private readonly fanout: FanoutCache | null;
  private readonly stats: MqttStats;
  private readonly topics: TopicWriter;
  private readonly mqttSession: MqttSession;
  private readonly packetSizeMax: number;
  private readonly unsentBytesMax: number;

  constructor(options: DeliveryOptions, packets: PublishWriter, mqttSession: MqttSession) {
    this.output = packets.output;
    this.packets = packets;
    this.fanout = packets.encoder.fanout;
    this.stats = options.stats;
    this.topics = options.topics;
    this.mqttSession = mqttSession;
    this.packetSizeMax = options.packetSizeMax;
    this.unsentBytesMax = options.unsentBytesMax;
  }

  queueDeleted(): void {
    this.mqttSession.queueLost();
  }

  close(): void {
    this.closed = true;
  }

  deliverDirect(view: MessageView): boolean {
    if (this.closed) return false;
    const { fanout } = this;
    const { out } = this.packets;
    if ((this.output.congested || out !== this.output) && this.overBound()) return false;
    if (view.large !== null) return this.publish(view);
    if (
      fanout !== null &&
      fanout.serial === view.serial &&
      fanout.retained === view.retained &&
      view.subscriptionData === 0 &&
      fanout.packetBytes <= this.packetSizeMax
    ) {
      if (fanout.memory !== null || fanout.packetBytes > fanout.length) return this.again(view, fanout, out);
      const { length } = fanout;
      const at = out.reserve(length);
      copyBytes(fanout.buffer, fanout.at, fanout.at + length, out.buffer, at);
      this.stats.publishesSent++;
      return true;
    }
    if (fanout === null || view.subscriptionData !== 0) return this.publish(view);
    return this.encode(view, fanout);
  }

  /** The client does not keep up, and has as much unsent as it may: the message is dropped. */
  private overBound(): boolean {
    const { packets } = this;
    if (packets.bodies <= DIRECT_BODIES_MAX && packets.pendingBytes <= this.unsentBytesMax) return false;
    this.stats.directDropped++;
    return true;
  }

  private publish(view: MessageView): boolean {
    const { identifiers } = this.mqttSession.subscriptions;
    const known = identifiers === null ? null : identifiers.of(view, this.topics);
    return this.packets.publish(view, publishByte(0, false, view.retained), 0, known);
  }

  /** The message that was written last, of which something is written from where it lies. */
  private again(view: MessageView, { buffer, at, length, packetBytes, memory }: FanoutCache, out: Output): boolean {
    out.appendBody(buffer, at, at + length, memory);
    if (packetBytes > length) out.appendBody(view.body, view.bodyStart, view.bodyEnd, view.memory);
    this.stats.publishesSent++;
    return true;
  }

  /** Encodes a message and remembers where, for the next subscriber. */
  private encode(view: MessageView, fanout: FanoutCache): boolean {
    const { encoder, out } = this.packets;
    const headLength = encoder.prepare(view, false, null, false);
    if (encoder.lossy) this.stats.lossyConversions++;
    if (headLength < 0) {
      this.stats.oversizeDropped++;
      return false;
    }
    const apart = view.memory !== null && view.bodyLength >= REFERENCED_BYTES_MIN;
    const packetBytes = headLength + view.bodyLength;
    const length = apart ? headLength : packetBytes;
    const long = length >= REFERENCED_BYTES_MIN;
    if (!long) fanout.leaveMemory();
    const at = long ? 0 : out.reserve(length);
    const buffer = long ? fanout.takeMemory(length) : out.buffer;
    const props = encoder.apart;
    let next = encoder.write(buffer, at, publishByte(0, false, view.retained), 0);
    if (props !== null) next = copyBytes(props.buffer, props.start, props.end, buffer, next);
    if (!apart) copyBytes(view.body, view.bodyStart, view.bodyEnd, buffer, next);
    fanout.serial = view.serial;
    fanout.retained = view.retained;
    fanout.buffer = buffer;
    fanout.at = at;
    fanout.length = length;
    fanout.packetBytes = packetBytes;
    if (long) out.appendBody(buffer, 0, length, fanout.memory);
    if (apart) out.appendBody(view.body, view.bodyStart, view.bodyEnd, view.memory);
    this.stats.publishesSent++;
    return true;
  }

  /** Sends something of the broker's own; dropped, counted, while the client does not keep up. @param retained as if it were that */
  publishOwn(topic: string, value: string, retained: boolean): void {
    if (this.closed) return;
    if (this.output.congested || this.packets.midBody) {
      this.stats.directDropped++;
      return;
    }
    const view = new MessageView();
    view.dialect = MQTT_DIALECT_ID;
    view.spelling = SLASH;
    view.head = Buffer.from(topic, 'utf8');
    view.keyEnd = view.head.length;
    view.body = Buffer.from(value, 'utf8');
    view.bodyEnd = view.body.length;
    view.bodyLength = view.body.length;
    const { identifiers } = this.mqttSession.subscriptions;
    const known = identifiers === null || retained ? null : identifiers.of(view, this.topics);
    this.packets.publish(view, publishByte(0, false, retained), 0, known);
  }
}
