/** A broker with an MQTT adapter, raw clients for it, and a session of no protocol: what the tests of this folder begin with. */
import type * as wire from 'mqtt-packet';
import type { MqttOptions } from '../../../protocols/mqtt/index.ts';
import { type MqttProtocol, mqtt } from '../../../protocols/mqtt/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { ManualClock } from '../../../src/clock/clock.ts';
import type { BrokerOptions } from '../../../src/index.ts';
import { Draft, type Spelling } from '../../../src/message/message.ts';
import { startTestBroker, type TestBroker } from '../../support/broker.ts';
import { RawClient } from './raw-client.ts';

export interface Harness {
  readonly broker: TestBroker;
  readonly adapter: MqttProtocol;
  readonly port: number;
  /** A client of 5.0 that has been accepted. */
  connect(
    clientId: string,
    properties?: wire.IConnectPacket['properties'],
    more?: Partial<wire.IConnectPacket>,
  ): Promise<RawClient>;
  /** One of 3.1.1. */
  connect311(clientId: string, more?: Partial<wire.IConnectPacket>): Promise<RawClient>;
}

/** @param data null: memory only */
export async function startHarness(
  options: MqttOptions = {},
  more: { data?: string | null; clock?: ManualClock; vhosts?: BrokerOptions['vhosts'] } = {},
): Promise<Harness> {
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
      RawClient.connect(port, clientId, { protocolVersion: 5, properties, ...rest }),
    connect311: (clientId, rest = {}) => RawClient.connect(port, clientId, rest),
  };
}

/** Publishes with QoS 1 and returns the reason of the answer. */
export async function publish1(
  client: RawClient,
  topic: string,
  payload: string | Buffer,
  properties: wire.IPublishPacket['properties'] = {},
  messageId = 1,
): Promise<number> {
  client.publish(topic, payload, 1, messageId, { properties });
  return (await client.next('puback')).reasonCode ?? 0;
}

export const text = (packet: wire.IPublishPacket): string => packet.payload.toString();

/** A session of no protocol: what a test does to the broker behind the adapter's back. */
export function openSession(broker: TestBroker): Promise<Session> {
  return new Promise((done, failed) => {
    broker.broker.open(
      { client: 'test', loopback: true, user: undefined, password: undefined, vhost: undefined },
      { uncongested() {}, kicked() {} },
      (result) => {
        if ('refused' in result) failed(new Error(result.reason));
        else done(result);
      },
    );
  });
}

/** Publishes as another protocol would. */
export function publishAs(
  session: Session,
  exchange: string,
  spelling: Spelling,
  key: string | Buffer,
  body: string,
  fill: (draft: Draft) => void = () => {},
): void {
  const keyBytes = Buffer.from(key as string);
  const draft = new Draft();
  draft.dialect = 200;
  draft.body = Buffer.from(body);
  draft.bodyEnd = draft.body.length;
  fill(draft);
  session.publish(session.route(exchange, spelling, keyBytes, 0, keyBytes.length), draft);
}
