/**
 * MQTT's codec alone, without a broker behind it: much faster than whole conversations, so that many more inputs go through
 * the packet reader, the fields and the properties of all versions. Beside what every target asserts:
 *
 * - however a stream is cut, it gives the same packets, and ends in the same error, up to the pieces of a large body;
 * - the properties of a message that was taken can be read once more, for what is kept of them, and in the neutral form.
 */
import { decodeAcknowledgement } from '../../../protocols/mqtt/codec/acknowledgement.ts';
import { decodeConnect } from '../../../protocols/mqtt/codec/connect.ts';
import { decodeAuth, decodeDisconnect } from '../../../protocols/mqtt/codec/disconnect-auth.ts';
import {
  AUTH,
  CONNECT,
  DISCONNECT,
  LEVEL_5,
  MalformedPacket,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  SUBSCRIBE,
  UNSUBSCRIBE,
} from '../../../protocols/mqtt/codec/packet.ts';
import { MessageProperties } from '../../../protocols/mqtt/codec/properties/message-properties.ts';
import { PropertyReader } from '../../../protocols/mqtt/codec/properties/property-reader.ts';
import { decodePublish, decodePublishProperties, PublishFields } from '../../../protocols/mqtt/codec/publish.ts';
import { type PacketHandler, PacketReader } from '../../../protocols/mqtt/codec/reader.ts';
import { decodeSubscribe, decodeUnsubscribe } from '../../../protocols/mqtt/codec/subscriptions.ts';
import { mqttDialect } from '../../../protocols/mqtt/mapping/dialect.ts';
import type { ConnectionHandler, Protocol } from '../../../src/api/index.ts';
import { MessageView } from '../../../src/message/message.ts';
import type { FuzzTarget } from '../target.ts';
import { mqttTarget } from './mqtt.ts';

const PACKET_BYTES_MAX = 1024 * 1024;
const FILTERS_MAX = 64;
const WILL_LIMITS = { topicLevelsMax: 32, propertiesSizeMax: 65_536 };
const dialect = mqttDialect('amq.topic');

class Codec implements ConnectionHandler, PacketHandler {
  private readonly reader = new PacketReader(this, PACKET_BYTES_MAX, 65_536);
  private readonly chunks: Buffer[] = [];
  private readonly fields = new PublishFields();
  private readonly properties = new MessageProperties();
  private readonly again = new PropertyReader();
  private readonly view = new MessageView();
  private level = 4;
  private body = 0;
  private seen = '';
  private over = false;

  data(chunk: Buffer): void {
    this.chunks.push(Buffer.from(chunk));
    this.read(chunk);
  }

  private read(chunk: Buffer): void {
    if (this.over) return;
    try {
      this.reader.read(chunk, 0, chunk.length);
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error;
      this.seen += error.message;
      this.over = true;
    }
  }

  packet(first: number, buffer: Buffer, start: number, end: number): void {
    this.note(`${first} ${end - start} ${digest(0, buffer, start, end)}`);
    const type = first >> 4;
    if (type === CONNECT) {
      this.level = decodeConnect(buffer, start, end, WILL_LIMITS).level;
      this.reader.properties = this.level === LEVEL_5;
    } else if (type === PUBLISH) this.publish(first, buffer, start, end);
    else if (type >= PUBACK && type <= PUBCOMP) decodeAcknowledgement(type, buffer, start, end, this.level);
    else if (type === SUBSCRIBE) decodeSubscribe(buffer, start, end, FILTERS_MAX, this.level);
    else if (type === UNSUBSCRIBE) decodeUnsubscribe(buffer, start, end, FILTERS_MAX, this.level);
    else if (type === DISCONNECT && this.level === LEVEL_5) decodeDisconnect(buffer, start, end);
    else if (type === AUTH) decodeAuth(buffer, start, end);
  }

  private publish(first: number, buffer: Buffer, start: number, end: number): void {
    const { fields, properties, view } = this;
    decodePublish(first, buffer, start, end, this.level, fields);
    if (this.level !== LEVEL_5) return;
    decodePublishProperties(buffer, end, fields, properties, WILL_LIMITS.propertiesSizeMax);
    this.again.begin(properties.buffer, properties.start, properties.end, PUBLISH);
    while (this.again.next());
    view.props = properties.buffer;
    view.propsStart = properties.start;
    view.propsEnd = properties.end;
    dialect.decode(view);
  }

  bodyBegin(first: number, buffer: Buffer, start: number, end: number, bodyLength: number): void {
    this.note(`${first} large ${bodyLength}`);
    this.body = 0;
    this.publish(first, buffer, start, end);
  }

  bodyPiece(buffer: Buffer, start: number, end: number): void {
    this.body = digest(this.body, buffer, start, end);
  }

  bodyEnd(): void {
    this.note(`body ${this.body}`);
  }

  private note(what: string): void {
    this.seen += `${what};`;
  }

  drained(): void {}

  closed(): void {
    const whole = new Codec();
    whole.read(Buffer.concat(this.chunks));
    if (whole.seen !== this.seen) throw new Error(`cut: ${this.seen}\nwhole: ${whole.seen}`);
  }

  shutdown(): void {}
}

function digest(before: number, buffer: Buffer, start: number, end: number): number {
  let hash = before;
  for (let i = start; i < end; i++) hash = (hash * 31 + buffer[i]!) | 0;
  return hash;
}

const protocol: Protocol = {
  name: 'mqtt-codec',
  dialect,
  detect: () => true,
  accept: () => new Codec(),
};

export const mqttCodecTarget: FuzzTarget = {
  name: 'mqtt-codec',
  protocol: () => protocol,
  // A large body is only a long way to the next packet.
  conversations: mqttTarget.conversations.map(({ prelude, packets }) => ({
    prelude,
    packets: packets.filter((packet) => packet.length < 10_000),
  })),
  dictionary: mqttTarget.dictionary,
  repair: mqttTarget.repair,
  internalErrors: () => 0,
  complaints: () => 0,
};
