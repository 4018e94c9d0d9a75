import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';
import { untilAsked } from '../../../support/until.ts';
import type { Scene } from '../scene.ts';
import { type Answer, asText, type Delivery, Inbox, type Outgoing, type Reader, type Side } from './side.ts';

export class MqttSide implements Side {
  private readonly client: MqttClient;
  private readonly scene: Scene;

  private constructor(scene: Scene, client: MqttClient) {
    this.scene = scene;
    this.client = client;
  }

  static async open(scene: Scene): Promise<MqttSide> {
    return new MqttSide(scene, await mqttClient(scene, { clientId: scene.name('publisher') }));
  }

  publish(queue: string, body: string, { headers = {}, messageId }: Outgoing = {}): Promise<Answer> {
    const userProperties = { ...asText(headers), ...(messageId !== undefined && { 'message-id': messageId }) };
    const acknowledged = new Promise<mqtt.Packet>((resolve) => {
      const hear = (packet: mqtt.Packet): void => {
        if (packet.cmd !== 'puback') return;
        this.client.off('packetreceive', hear);
        resolve(packet);
      };
      this.client.on('packetreceive', hear);
    });
    return new Promise((resolve) => {
      this.client.publish(`$queue/${queue}`, body, { qos: 1, properties: { userProperties } }, (error) => {
        void acknowledged.then((packet) => {
          const told = (packet as { properties?: { userProperties?: object } }).properties?.userProperties ?? {};
          resolve(error ? 'refused' : 'duplicate' in told ? 'repeat' : 'taken');
        });
      });
    });
  }

  /** Clients of MQTT read subscriptions; a shared one's queue has its name, and may have been declared before. */
  nameOf(queue: string): string {
    return `$share/matrix/${queue}`;
  }

  private async renewals(): Promise<number> {
    const text = await (await this.scene.http('/metrics', undefined, 'GET')).text();
    return Number(/^entrepot_messages_leases_renewed_total\S* (\d+)/m.exec(text)?.[1]);
  }

  async read(queue: string): Promise<Reader> {
    const inbox = new Inbox();
    const clientId = this.scene.name('reader');
    let client: MqttClient;
    const connect = async (): Promise<void> => {
      client = await mqttClient(this.scene, {
        clientId,
        customHandleAcks: (_topic, body, packet, done) => inbox.add(mqttDelivery(say, body, packet, done, fail)),
      });
      // Not awaited: the first delivery may come before SUBACK, and until that is answered this library looks at nothing else.
      client.subscribe(queue, { qos: 1 });
    };
    /** There is no word for it: what its client has not answered when its connection is lost has failed. */
    const fail = async (): Promise<void> => {
      const closed = new Promise<void>((resolve) => client.stream.once('close', () => resolve()));
      client.stream.destroy();
      await closed;
      await connect();
    };
    /** While a delivery is not answered this library looks at no answer of the broker's: what has come of it is asked for. */
    const say: Say = async (word, userProperties) => {
      const properties = userProperties === undefined ? {} : { properties: { userProperties } };
      await client.publishAsync(`$delivery/${word}`, '', { qos: 0, ...properties });
    };
    await connect();
    return {
      next: () => inbox.next(),
      renew: async () => {
        const before = await this.renewals();
        await say('renew');
        await untilAsked(async () => (await this.renewals()) > before, 'the renewal');
        return true;
      },
      claim: (token) => say('claim', { 'x-deferral-tokens': token }),
      get waiting() {
        return inbox.waiting;
      },
      leave: () => client.endAsync(),
    };
  }

  close(): Promise<void> {
    return this.client.endAsync();
  }
}

type Say = (word: string, userProperties?: Record<string, string>) => Promise<void>;
type Acknowledge = (error: number, code?: number) => void;

function mqttDelivery(
  say: Say,
  body: Buffer,
  packet: IPublishPacket,
  done: Acknowledge,
  fail: () => Promise<void>,
): Delivery {
  return {
    body: body.toString(),
    header(name) {
      const value = packet.properties?.userProperties?.[name];
      return typeof value === 'object' ? value[0] : value;
    },
    async end(how) {
      if (how === 'fail') await fail();
      else done(how === 'accept' ? 0 : 0x80);
    },
    async park(token, ms) {
      const named: Record<string, string> = token === '' ? {} : { 'x-opt-deferral-token': token };
      await say('defer', { 'x-delivery-tag': String(packet.messageId), 'x-opt-delivery-delay': String(ms), ...named });
      done(0); // behind the word: MQTT keeps their order
    },
  };
}

/** @param options of mqtt.js, beside what every client here has */
export function mqttClient({ broker }: Scene, options: mqtt.IClientOptions): Promise<MqttClient> {
  return mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`, {
    ...{ protocolVersion: 5, keepalive: 0, reconnectPeriod: 0 },
    ...options,
  });
}
