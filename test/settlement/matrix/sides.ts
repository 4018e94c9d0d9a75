/** What a program says in each protocol: it publishes, and reads a queue. Client libraries only. */
import { Client, type IMessage } from '@stomp/stompjs';
import amqplib, { type ChannelModel, type ConfirmChannel, type ConsumeMessage } from 'amqplib';
import mqtt, { type MqttClient } from 'mqtt';
import { until } from '../../support/until.ts';
import type { Scene } from './scene.ts';

export const PROTOCOLS = ['AMQP 0-9-1', 'MQTT 5', 'STOMP', 'HTTP'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** What a publisher is told. */
export type Answer = 'taken' | 'repeat' | 'refused';
/** How a reader ends a delivery: done, try again, not ever. */
export type End = 'accept' | 'fail' | 'reject';

export interface Outgoing {
  /** Numbers are text where the protocol has nothing else. */
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly messageId?: string;
}

export interface Delivery {
  readonly body: string;
  /** As text; undefined: it is not there. A header, a user property, whatever the protocol has. */
  header(name: string): string | undefined;
  end(how: End): Promise<void>;
}

export interface Reader {
  /** The next one, once it is there. */
  next(): Promise<Delivery>;
  /** What has come and was not taken. */
  readonly waiting: number;
  /** Holds what it has for as long again. False: it was too late. Undefined: the protocol has no word for it. */
  renew?(): Promise<boolean>;
  leave(): Promise<void>;
}

export interface Side {
  publish(queue: string, body: string, out?: Outgoing): Promise<Answer>;
  /** Undefined: clients of this protocol read subscriptions, which are queues of their own. */
  read?(queue: string): Promise<Reader>;
  close(): Promise<void>;
}

function asText(headers: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/** Deliveries in the order in which they came. */
class Inbox {
  private readonly come: Delivery[] = [];

  add(delivery: Delivery): void {
    this.come.push(delivery);
  }

  get waiting(): number {
    return this.come.length;
  }

  async next(): Promise<Delivery> {
    await until(() => this.come.length > 0, 'a delivery');
    return this.come.shift()!;
  }
}

// ---------------------------------------------------------------------------------------------------------------- AMQP

class AmqpSide implements Side {
  private readonly client: ChannelModel;
  private readonly channel: ConfirmChannel;

  private constructor(client: ChannelModel, channel: ConfirmChannel) {
    this.client = client;
    this.channel = channel;
  }

  static async open({ broker }: Scene): Promise<AmqpSide> {
    const client = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${broker.ports.amqp}?heartbeat=0`);
    return new AmqpSide(client, await client.createConfirmChannel());
  }

  publish(queue: string, body: string, { headers = {}, messageId }: Outgoing = {}): Promise<Answer> {
    const options = { persistent: true, headers, ...(messageId !== undefined && { messageId }) };
    return new Promise((resolve) => {
      // basic.ack has no room for more: a repeat is taken.
      this.channel.publish('', queue, Buffer.from(body), options, (error) => resolve(error ? 'refused' : 'taken'));
    });
  }

  async read(queue: string): Promise<Reader> {
    const channel = await this.client.createConfirmChannel();
    const inbox = new Inbox();
    await channel.prefetch(10);
    await channel.consume(queue, (message) => message !== null && inbox.add(amqpDelivery(channel, message)));
    return {
      next: () => inbox.next(),
      get waiting() {
        return inbox.waiting;
      },
      renew: () =>
        new Promise((resolve) => {
          channel.publish('', 'amq.delivery.renew', Buffer.alloc(0), {}, (error) => resolve(error === null));
        }),
      leave: () => channel.close(),
    };
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

function amqpDelivery(channel: ConfirmChannel, message: ConsumeMessage): Delivery {
  return {
    body: message.content.toString(),
    header(name) {
      const value: unknown = message.properties.headers?.[name];
      return value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value);
    },
    async end(how) {
      if (how === 'accept') channel.ack(message);
      else channel.nack(message, false, how === 'fail');
      await channel.waitForConfirms();
    },
  };
}

// ---------------------------------------------------------------------------------------------------------------- MQTT

class MqttSide implements Side {
  private readonly client: MqttClient;

  private constructor(client: MqttClient) {
    this.client = client;
  }

  static async open(scene: Scene): Promise<MqttSide> {
    return new MqttSide(await mqttClient(scene, { clientId: scene.name('publisher') }));
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

  close(): Promise<void> {
    return this.client.endAsync();
  }
}

/** @param options of mqtt.js, beside what every client here has */
export function mqttClient({ broker }: Scene, options: mqtt.IClientOptions): Promise<MqttClient> {
  return mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`, {
    ...{ protocolVersion: 5, keepalive: 0, reconnectPeriod: 0 },
    ...options,
  });
}

// --------------------------------------------------------------------------------------------------------------- STOMP

class StompSide implements Side {
  private readonly client: Client;
  private readonly scene: Scene;

  private constructor(scene: Scene, client: Client) {
    this.scene = scene;
    this.client = client;
  }

  static async open(scene: Scene): Promise<StompSide> {
    return new StompSide(scene, await stompClient(scene));
  }

  async publish(queue: string, body: string, { headers = {}, messageId }: Outgoing = {}): Promise<Answer> {
    const own: Record<string, string> = messageId === undefined ? {} : { 'amqp-message-id': messageId };
    const destination = `/queue/${queue}`;
    const told = await receipted(this.client, (receipt) =>
      this.client.publish({ destination, body, headers: { persistent: 'true', receipt, ...own, ...asText(headers) } }),
    );
    return told === undefined ? 'refused' : told['duplicate'] === 'true' ? 'repeat' : 'taken';
  }

  async read(queue: string): Promise<Reader> {
    const client = await stompClient(this.scene);
    const inbox = new Inbox();
    client.subscribe(`/amq/queue/${queue}`, (message) => inbox.add(stompDelivery(client, message)), {
      ...{ ack: 'client-individual', 'prefetch-count': '10' },
    });
    return {
      next: () => inbox.next(),
      get waiting() {
        return inbox.waiting;
      },
      async renew() {
        const told = await receipted(client, (receipt) =>
          client.publish({ destination: '/delivery/renew', body: '', headers: { receipt } }),
        );
        return told !== undefined && told['expired'] !== 'true';
      },
      leave: () => client.deactivate(),
    };
  }

  close(): Promise<void> {
    return this.client.deactivate();
  }
}

function stompDelivery(client: Client, message: IMessage): Delivery {
  return {
    body: message.body,
    header: (name) => message.headers[name],
    async end(how) {
      await receipted(client, (receipt) => {
        if (how === 'accept') message.ack({ receipt });
        else message.nack({ receipt, ...(how === 'reject' && { requeue: 'false' }) });
      });
    },
  };
}

function stompClient({ broker }: Scene): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client: Client = new Client({
      brokerURL: `ws://127.0.0.1:${broker.ports.ws}/ws`,
      connectHeaders: { host: '/', login: 'guest', passcode: 'guest' },
      ...{ reconnectDelay: 0, heartbeatIncoming: 0, heartbeatOutgoing: 0 },
      onConnect: () => resolve(client),
      onWebSocketError: () => reject(new Error('no connection')),
    });
    client.activate();
  });
}

let receipts = 0;

/** The headers of the receipt; undefined: the broker has refused it. */
function receipted(client: Client, send: (receipt: string) => void): Promise<Record<string, string> | undefined> {
  return new Promise((resolve) => {
    const receipt = `receipt-${++receipts}`;
    client.watchForReceipt(receipt, ({ headers }) => resolve(headers));
    client.onStompError = () => resolve(undefined);
    send(receipt);
  });
}

// ---------------------------------------------------------------------------------------------------------------- HTTP

class HttpSide implements Side {
  private readonly scene: Scene;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  async publish(queue: string, body: string, { headers = {}, messageId }: Outgoing = {}): Promise<Answer> {
    const properties = { delivery_mode: 2, headers, ...(messageId !== undefined && { message_id: messageId }) };
    const message = { properties, routing_key: queue, payload: body, payload_encoding: 'string' };
    const answer = await this.scene.http('/api/exchanges/%2F/amq.default/publish', message);
    if (!answer.ok) return 'refused';
    const { routed, duplicate } = (await answer.json()) as { routed: boolean; duplicate?: boolean };
    return duplicate === true ? 'repeat' : routed ? 'taken' : 'refused';
  }

  async read(queue: string): Promise<Reader> {
    const { scene } = this;
    const inbox = new Inbox();
    const held: string[] = [];
    const pull = async (): Promise<void> => {
      const { messages } = await scene.v1<{ messages: Pulled[] }>(`/queues/${encodeURIComponent(queue)}/pull`, {
        ...{ max: 10, waitMs: 0, leaseMs: 1_000, body: 'text' },
      });
      for (const message of messages) {
        held.push(message.token);
        inbox.add(pulled(scene, message));
      }
    };
    return {
      async next() {
        for (let asked = 0; inbox.waiting === 0 && asked < 1_000; asked++) await pull();
        return inbox.next();
      },
      get waiting() {
        return inbox.waiting;
      },
      async renew() {
        const { gone } = await scene.v1<{ gone: string[] }>('/leases/renew', { tokens: held, leaseMs: 1_000 });
        return gone.length === 0;
      },
      async leave() {},
    };
  }

  async close(): Promise<void> {}
}

interface Pulled {
  readonly token: string;
  readonly body: unknown;
  readonly headers: Record<string, unknown>;
}

function pulled(scene: Scene, { token, body, headers }: Pulled): Delivery {
  return {
    body: String(body),
    header(name) {
      const value = headers[name];
      return value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value);
    },
    async end(how) {
      const path = how === 'accept' ? '/leases/ack' : '/leases/nack';
      const rest = how === 'accept' ? {} : { requeue: how === 'fail', failed: how === 'fail' };
      await scene.v1(path, { tokens: [token], ...rest });
    },
  };
}

export function openSide(scene: Scene, protocol: Protocol): Promise<Side> {
  if (protocol === 'AMQP 0-9-1') return AmqpSide.open(scene);
  if (protocol === 'MQTT 5') return MqttSide.open(scene);
  if (protocol === 'STOMP') return StompSide.open(scene);
  return Promise.resolve(new HttpSide(scene));
}
