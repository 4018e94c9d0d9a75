/**
 * The MQTT adapter as the broker meets it: tells its streams by their first bytes, takes connections, and starts what has
 * to happen without a client.
 */
import type {
  AddressMeaning,
  BrokerServices,
  ConnectionHandler,
  Dialect,
  ExplainTopic,
  Protocol,
  Subscriber,
  SubscriptionMeaning,
  Transport,
} from '../../src/api/index.ts';
import { packetExtent } from './codec/packet.ts';
import { Connection } from './connection/connection.ts';
import { AdapterContext } from './context.ts';
import { mqttDialect } from './mapping/dialect.ts';
import { subscriptionTo } from './mapping/explain-subscription.ts';
import { explainTopic } from './mapping/explain-topic.ts';
import { isReserved } from './mapping/special-topics.ts';
import type { MqttOptions } from './options.ts';
import { meaningOfTopic } from './publish/publish-target.ts';
import { SESSION_KEEPER } from './session/session-keeper.ts';
import { removeRegistry, reviewRegistries, startRegistries } from './session/session-registry.ts';
import type { MqttStats } from './stats.ts';

const NAMES = [
  [0x00, 0x04, 0x4d, 0x51, 0x54, 0x54], // MQTT
  [0x00, 0x06, 0x4d, 0x51, 0x49, 0x73, 0x64, 0x70], // MQIsdp
];

export class MqttAdapter implements Protocol {
  readonly name = 'mqtt';
  readonly dialect: Dialect;
  readonly stats: MqttStats;
  /** [MQTT-6.0.0-1]; one packet a message, because some clients read no more from one. */
  readonly framing = { extent: packetExtent, bytesOnly: true };
  readonly sessions = SESSION_KEEPER;
  private readonly context: AdapterContext;

  /** @throws RangeError for an option out of its range */
  constructor(options: MqttOptions) {
    this.context = new AdapterContext(options);
    this.stats = this.context.stats;
    this.dialect = mqttDialect(this.context.limits.exchange);
  }

  resolve(topic: string): AddressMeaning {
    const { exchange, topicLevelsMax } = this.context.limits;
    return meaningOfTopic(exchange, topicLevelsMax, topic);
  }

  subscription(filter: string, subscriber: Subscriber): SubscriptionMeaning {
    return subscriptionTo(filter, subscriber, this.context.limits);
  }

  readonly explains: ExplainTopic = (use, topic) => explainTopic(this.context.limits.exchange, use, topic);

  reserves(exchange: string, key: string): boolean {
    return key.startsWith('$') && exchange === this.context.limits.exchange && isReserved(key);
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
    startRegistries(this.context, broker);
  }

  review(broker: BrokerServices): Iterable<void> {
    return reviewRegistries(broker);
  }

  vhostRemoved(broker: BrokerServices, vhost: string): void {
    removeRegistry(broker, vhost);
  }

  accept(transport: Transport, broker: BrokerServices): ConnectionHandler {
    return new Connection(this.context, transport, broker);
  }
}
