/**
 * The MQTT adapter as the broker meets it: tells its streams by their first bytes, takes connections, and owns what all
 * its connections share because nothing of it outlives a call: the draft, the parsed fields, the fan-out cache.
 */
import {
  type BrokerServices,
  type ConnectionHandler,
  type Dialect,
  Draft,
  type Headers,
  type Protocol,
  type Transport,
} from '../../src/api/index.ts';
import { packetExtent } from './codec/extent.ts';
import { MessageProperties } from './codec/message-properties.ts';
import { PropertyWriter } from './codec/properties.ts';
import { PublishFields } from './codec/publish.ts';
import { Connection } from './connection/connection.ts';
import { RateLimit } from './connection/rate-limits.ts';
import { PublishEncoder3 } from './deliver/publish-encoder.ts';
import { sessionArguments } from './mapping/names.ts';
import { MQTT_DIALECT_ID, mqttDialect, OutgoingProperties } from './mapping/properties.ts';
import { TopicWriter } from './mapping/topic-writer.ts';
import { type Limits, limitsOf, type MqttOptions } from './options.ts';
import { startRegistries } from './session/session-registry.ts';
import { MqttStats } from './stats.ts';

/** Where the last at-most-once message was encoded, so that its next subscriber gets a copy of the bytes. */
export class FanoutCache {
  /** `MessageView.serial` of the message. */
  serial = -1;
  retained = false;
  buffer: Buffer = Buffer.alloc(0);
  at = 0;
  length = 0;
}

/** An empty message in the terms of this protocol. */
export function mqttDraft(): Draft {
  const draft = new Draft();
  draft.dialect = MQTT_DIALECT_ID;
  return draft;
}

const NAMES = [
  [0x00, 0x04, 0x4d, 0x51, 0x54, 0x54], // MQTT
  [0x00, 0x06, 0x4d, 0x51, 0x49, 0x73, 0x64, 0x70], // MQIsdp
];

export class MqttAdapter implements Protocol {
  readonly name = 'mqtt';
  readonly dialect: Dialect;
  readonly stats = new MqttStats();
  /** [MQTT-6.0.0-1]; one packet a message, because some clients read no more from one. */
  readonly framing = { extent: packetExtent, bytesOnly: true };
  readonly limits: Limits;
  readonly fields = new PublishFields();
  readonly properties = new MessageProperties();
  readonly topics = new TopicWriter();
  readonly outgoing: OutgoingProperties;
  /** For the properties of CONNACK, DISCONNECT and AUTH. */
  readonly writer = new PropertyWriter();
  readonly connectRate: RateLimit;
  /** How the queue of a session is declared. */
  readonly sessionArguments: Headers;
  readonly form3: PublishEncoder3;
  readonly fanout5 = new FanoutCache();
  private readonly draft = mqttDraft();

  constructor(options: MqttOptions) {
    this.limits = limitsOf(options);
    this.dialect = mqttDialect(this.limits.exchange);
    this.outgoing = new OutgoingProperties(this.limits.exchange);
    this.connectRate = new RateLimit(this.limits.connectRateMax);
    this.sessionArguments = sessionArguments(this.limits);
    this.form3 = new PublishEncoder3(this.topics, new FanoutCache());
  }

  /**
   * The draft that a PUBLISH is handed over with: one for all, and as good as new each time. There is no other way to it, so
   * what one client's message left in it, or one that was refused half way, is never seen by the next.
   */
  newDraft(): Draft {
    this.draft.reset();
    return this.draft;
  }

  /** CONNECT: 0x10, a remaining length of one to four bytes, then the protocol's name. */
  detect(first: Buffer): boolean | undefined {
    if (first.length === 0) return undefined;
    if (first[0] !== 0x10) return false;
    let at = 1;
    for (;;) {
      if (at === first.length) return undefined;
      if (first[at++]! < 0x80) break;
      if (at === 5) return false;
    }
    let undecided = false;
    for (const name of NAMES) {
      const n = Math.min(name.length, first.length - at);
      let same = true;
      for (let i = 0; i < n; i++) if (first[at + i] !== name[i]) same = false;
      if (same && n === name.length) return true;
      if (same) undecided = true;
    }
    return undecided ? undefined : false;
  }

  started(broker: BrokerServices): void {
    startRegistries(this, broker);
  }

  accept(transport: Transport, broker: BrokerServices): ConnectionHandler {
    return new Connection(this, transport, broker);
  }
}
