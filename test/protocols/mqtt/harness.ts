/** A broker and clients of 5.0 for the tests of this folder. */
import type * as wire from 'mqtt-packet';
import type { MqttOptions } from '../../../protocols/mqtt/index.ts';
import { type MqttProtocol, mqtt } from '../../../protocols/mqtt/index.ts';
import type { ManualClock } from '../../../src/clock/clock.ts';
import type { BrokerOptions } from '../../../src/index.ts';
import { startTestBroker, type TestBroker } from '../../support/broker.ts';
import { Peer } from './raw-client.ts';

export interface Stage {
  readonly broker: TestBroker;
  readonly adapter: MqttProtocol;
  readonly port: number;
  /** A client of 5.0 that has been accepted. */
  connect(
    clientId: string,
    properties?: wire.IConnectPacket['properties'],
    more?: Partial<wire.IConnectPacket>,
  ): Promise<Peer>;
  /** One of 3.1.1. */
  connect311(clientId: string, more?: Partial<wire.IConnectPacket>): Promise<Peer>;
}

/** @param data null: memory only */
export async function stage(
  options: MqttOptions = {},
  more: { data?: string | null; clock?: ManualClock; vhosts?: BrokerOptions['vhosts'] } = {},
): Promise<Stage> {
  const { data = null, clock, vhosts } = more;
  const adapter = Object.assign(mqtt(options), { name: 'mqtt-staged' });
  const broker = await startTestBroker({
    data,
    protocols: [adapter],
    listen: ['mqtt-staged://127.0.0.1:0', 'amqp://127.0.0.1:0', 'stomp://127.0.0.1:0'],
    ...(clock !== undefined && { clock }),
    ...(vhosts !== undefined && { vhosts }),
  });
  const port = broker.port('mqtt-staged');
  return {
    broker,
    adapter,
    port,
    connect: (clientId, properties = {}, rest = {}) =>
      Peer.connect(port, clientId, { protocolVersion: 5, properties, ...rest }),
    connect311: (clientId, rest = {}) => Peer.connect(port, clientId, rest),
  };
}

/** Publishes with QoS 1 and returns the reason of the answer. */
export async function publish1(
  peer: Peer,
  topic: string,
  payload: string | Buffer,
  properties: wire.IPublishPacket['properties'] = {},
  messageId = 1,
): Promise<number> {
  peer.publish(topic, payload, 1, messageId, { properties });
  return (await peer.next('puback')).reasonCode ?? 0;
}

export const text = (packet: wire.IPublishPacket): string => packet.payload.toString();
