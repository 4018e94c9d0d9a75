/**
 * The MQTT adapter as the broker meets it: tells its streams by their first bytes, takes connections, and owns what all
 * its connections share because nothing of it outlives a call: the draft, the parsed fields, the fan-out cache.
 */
import type { Broker } from '../../src/broker.ts';
import type { Dialect } from '../../src/message/dialect.ts';
import { Draft, SLASH } from '../../src/message/message.ts';
import type { ConnectionHandler, Protocol, Transport } from '../../src/protocol.ts';
import { PublishFields } from './codec/decode.ts';
import { Connection } from './connection.ts';
import { MQTT_DIALECT_ID, mqttDialect, TopicWriter } from './mapping.ts';
import { type Limits, limitsOf, type MqttOptions } from './options.ts';
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

const NAMES = [
  [0x00, 0x04, 0x4d, 0x51, 0x54, 0x54], // MQTT
  [0x00, 0x06, 0x4d, 0x51, 0x49, 0x73, 0x64, 0x70], // MQIsdp
];

export class MqttAdapter implements Protocol {
  readonly name = 'mqtt';
  readonly dialect: Dialect = mqttDialect;
  readonly stats = new MqttStats();
  readonly limits: Limits;
  readonly draft = new Draft();
  readonly fields = new PublishFields();
  readonly topics = new TopicWriter();
  readonly fanout = new FanoutCache();

  constructor(options: MqttOptions) {
    this.limits = limitsOf(options);
    this.draft.dialect = MQTT_DIALECT_ID;
    this.draft.spelling = SLASH;
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

  accept(transport: Transport, broker: Broker): ConnectionHandler {
    return new Connection(this, transport, broker);
  }
}
