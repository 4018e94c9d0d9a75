/** MQTT 3.1.1 by MQTT.js, over TCP or WebSocket. */
import type { Socket } from 'node:net';
import mqtt from 'mqtt';
import { type Client, Failure, type OnMessage } from './client.ts';

let serial = 0;

export interface MqttOptions {
  /** Default: a new one, clean session. */
  readonly clientId?: string;
  readonly clean?: boolean;
}

export async function connectMqtt(url: string, options: MqttOptions = {}): Promise<Client> {
  const failure = new Failure();
  const client = await mqtt.connectAsync(url, {
    protocolVersion: 4,
    clientId: options.clientId ?? `conformance-${process.pid}-${++serial}`,
    clean: options.clean ?? true,
    username: 'guest',
    password: 'guest',
    reconnectPeriod: 0,
    keepalive: 0,
  });
  // MQTT.js leaves Nagle's algorithm on: a publish after an acknowledgement would wait for the peer's delayed ACK.
  (client.stream as Partial<Socket>).setNoDelay?.(true);
  let closing = false;
  client.on('error', (error) => failure.report(error));
  client.on('close', () => {
    if (!closing) failure.report(new Error('the MQTT connection was closed'));
  });

  // One MQTT client has one stream of messages, whatever it subscribed to; every scenario's client has one subscription.
  let handler: OnMessage | undefined;
  client.on('message', (_topic, body, packet) => {
    if (!closing)
      handler?.({
        body,
        properties: { persistent: packet.qos > 0 },
        redelivered: packet.dup === true,
        accept: () => Promise.resolve(),
      });
  });
  const subscribe = async (filter: string, onMessage: OnMessage): Promise<void> => {
    if (handler !== undefined) throw new Error('this client has its one subscription already');
    handler = onMessage;
    const [grant] = await client.subscribeAsync(filter, { qos: 1 });
    if (grant === undefined || grant.qos > 2) throw new Error(`subscribing to ${filter} was refused`);
  };

  return {
    wire: url.startsWith('ws') ? 'mqtt-ws' : 'mqtt',
    errors: failure.errors,
    publishTopic: (levels, message) =>
      failure.guard((resolve, reject) => {
        client.publish(levels.join('/'), message.body, { qos: 1 }, (error) =>
          error === undefined || error === null ? resolve() : reject(error),
        );
      }),
    publishQueue: () => Promise.reject(new Error('MQTT publishes to topics only')),
    subscribeTopic: (levels, onMessage) => subscribe(levels.join('/'), onMessage),
    consumeQueue: (queue, onMessage) => {
      if (!queue.startsWith('$share/')) return Promise.reject(new Error(`MQTT cannot name the queue ${queue}`));
      return subscribe(queue, onMessage);
    },
    async close() {
      closing = true;
      await client.endAsync();
    },
    cut() {
      closing = true;
      client.end(true);
    },
  };
}
