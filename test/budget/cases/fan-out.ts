/** Abuses of fan-outs: one message for thousands, and long ones, whoever makes copies of it for whom. */
import {
  AmqpAbuser,
  bindExchange,
  bindQueue,
  declareExchange,
  field,
  HEADERS_FLAG,
  long,
  MqttAbuser,
  many,
  message,
  method,
  mqtt,
  StompAbuser,
  table,
  u16,
  u32,
} from '../wire.ts';
import { type Case, declareQueues, fanOut, inRows, SMALL } from './case.ts';

/** As many as the name says, unless it is to be a very small one: what these do is in their number. */
const all = (count: number, size: number): number => Math.round(count * Math.min(1, 2.5 * size));

const headers = (count: number): Buffer =>
  Buffer.concat([
    u16(HEADERS_FLAG),
    table(...Array.from({ length: count }, (_, i) => field(`header-${i}`, 'I', u32(i)))),
  ]);

/** Connections that subscribe to one topic each. */
function mqttSubscribers(port: number, count: number, qos: number, topic: string, level = 4): Promise<MqttAbuser[]> {
  return inRows(count, async (i) => {
    const client = await MqttAbuser.open(port, `s${i}`, 0x02, [], level);
    await client.sync(mqtt.packet(0x82, mqtt.u16(1), mqtt.none(level), mqtt.text(topic), qos));
    return client;
  });
}

export const FAN_OUT: readonly Case[] = [
  {
    name: 'long messages to 1,500 MQTT subscribers',
    async prepare(ports, size) {
      await mqttSubscribers(ports.mqtt, all(1_500, size), 0, 'all');
      const client = await MqttAbuser.open(ports.mqtt, 'publisher');
      const piece = mqtt.publish(4, 0x30, 'all', undefined, 'x'.repeat(60_000));
      return () => client.write(many(Math.round(20 * size), () => piece));
    },
  },
  {
    name: 'long messages to 1,500 MQTT subscribers that acknowledge none',
    async prepare(ports, size) {
      await mqttSubscribers(ports.mqtt, all(1_500, size), 1, 'all');
      const client = await MqttAbuser.open(ports.mqtt, 'publisher');
      return () =>
        client.write(many(Math.round(20 * size), (i) => mqtt.publish(4, 0x32, 'all', 1 + i, 'x'.repeat(60_000))));
    },
  },
  {
    name: 'messages with five thousand headers to 500 MQTT 5 subscribers',
    async prepare(ports, size) {
      await mqttSubscribers(ports.mqtt, all(500, size), 0, 'all', 5);
      const client = await AmqpAbuser.open(ports.amqp);
      const properties = headers(5_000);
      return () => client.write(many(Math.round(20 * size), () => message('amq.topic', 'all', SMALL, properties)));
    },
  },
  {
    name: 'messages with five thousand headers, each with others, to 500 MQTT 5 subscribers at QoS 1',
    unproven: true,
    async prepare(ports, size) {
      await mqttSubscribers(ports.mqtt, all(500, size), 1, 'all', 5);
      const clients = await Promise.all(Array.from({ length: 10 }, () => AmqpAbuser.open(ports.amqp)));
      return async () => {
        await Promise.all(
          clients.map((client, k) =>
            client.write(many(5, (i) => message('amq.topic', 'all', SMALL, headers(5_000 - 5 * k - i)))),
          ),
        );
      };
    },
  },
  {
    name: 'messages with five thousand headers to a thousand STOMP subscriptions',
    async prepare(ports, size) {
      const client = await StompAbuser.open(ports.stomp);
      const count = all(1_000, size);
      const subscribe = many(count, (i) => Buffer.from(`SUBSCRIBE\nid:${i}\ndestination:/topic/all\n\n\0`));
      await client.ask(
        Buffer.concat([subscribe, Buffer.from('SUBSCRIBE\nid:x\ndestination:/topic/none\nreceipt:all-there\n\n\0')]),
        Buffer.from('receipt-id:all-there'),
      );
      const publisher = await AmqpAbuser.open(ports.amqp);
      const properties = headers(5_000);
      return () => publisher.write(many(10, () => message('amq.topic', 'all', SMALL, properties)));
    },
  },
  {
    name: 'fifty publishers to 4,000 MQTT subscribers',
    unproven: true,
    async prepare(ports, size) {
      await mqttSubscribers(ports.mqtt, all(4_000, size), 0, 'all');
      const clients = await inRows(50, (i) => MqttAbuser.open(ports.mqtt, `p${i}`));
      const piece = many(Math.round(100 * size), () => mqtt.publish(4, 0x30, 'all', undefined, 'message'));
      return async () => {
        await Promise.all(clients.map((client) => client.write(piece)));
      };
    },
  },
  {
    name: 'fifty publishers to a fan-out of very many queues',
    async prepare(ports, size) {
      await fanOut(ports, 'f', all(20_000, size));
      const clients = await inRows(50, () => AmqpAbuser.open(ports.amqp));
      const piece = many(Math.round(20 * size), () => message('f', '', SMALL));
      return async () => {
        await Promise.all(clients.map((client) => client.write(piece)));
      };
    },
  },
  {
    name: 'messages with hundreds of further keys over thousands of topic patterns',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      const patterns = Math.round(5_000 * size);
      await declareQueues(client, 10, (i) => `cc${i}`);
      await client.sync(many(patterns, (i) => bindQueue(`cc${i % 10}`, 'amq.topic', `*.k${i % 500}.#.p${i}.#`)));
      const keys = Array.from({ length: 400 }, (_, i) =>
        Buffer.concat([Buffer.from('S'), long(`a.k${i}.p${i}.${'b.'.repeat(20)}c`)]),
      );
      const cc = Buffer.concat(keys);
      const properties = Buffer.concat([
        u16(HEADERS_FLAG),
        table(field('CC', 'A', Buffer.concat([u32(cc.length), cc]))),
      ]);
      return () => client.write(many(50, (i) => message('amq.topic', `a.k${i}.x`, SMALL, properties)));
    },
  },
  {
    name: 'exchanges in a chain, each of which leads to hundreds of queues',
    async prepare(ports, size) {
      const client = await fanOut(ports, 'e0', 100);
      const count = Math.round(100 * size);
      for (let i = 1; i < count; i++) {
        await client.sync(Buffer.concat([declareExchange(`e${i}`, 'topic'), bindExchange(`e${i}`, `e${i - 1}`, '#')]));
        await client.sync(many(100, (q) => bindQueue(`e0.${q}`, `e${i}`, `#.k${q}.#`)));
      }
      return () =>
        client.write(
          many(2_000, (i) => message('e0', `${Array.from({ length: 20 }, (_, k) => `k${k}`).join('.')}.${i}`, SMALL)),
        );
    },
  },
  {
    name: 'transactions whose commit makes as many copies as one may',
    async prepare(ports, size) {
      const client = await fanOut(ports, 'f', 1_500);
      await client.sync(method(1, 'tx.select'));
      const piece = many(all(330, size), () => message('f', '', SMALL));
      return () => client.write(many(4, () => Buffer.concat([piece, method(1, 'tx.commit')])));
    },
  },
  {
    name: 'messages that match a thousand filters of each of 50 MQTT 5 subscribers',
    async prepare(ports, size) {
      const filters = all(1_000, size);
      await inRows(50, async (k) => {
        const client = await MqttAbuser.open(ports.mqtt, `s${k}`, 0x02, [], 5);
        const subscribe = (i: number): Buffer =>
          mqtt.packet(
            0x82,
            mqtt.u16(1 + i),
            mqtt.section(0x0b, mqtt.varint(1 + i)),
            mqtt.text(Array.from({ length: 10 }, (_, level) => ((i >> level) & 1 ? '+' : 'a')).join('/')),
            0,
          );
        await client.sync(many(filters, subscribe));
      });
      const client = await MqttAbuser.open(ports.mqtt, 'publisher');
      const piece = mqtt.publish(4, 0x30, 'a/a/a/a/a/a/a/a/a/a', undefined, 'message');
      return () => client.write(many(Math.round(5_000 * size), () => piece));
    },
  },
];
