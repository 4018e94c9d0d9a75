/** Abuses of subscriptions, retained messages and sessions. */
import { AmqpAbuser, bindQueue, declareQueue, MqttAbuser, many, message, mqtt, StompAbuser, u8 } from '../wire.ts';
import { type Case, inRows, SMALL } from './case.ts';

export const SUBSCRIPTIONS: readonly Case[] = [
  {
    name: 'three thousand kept sessions, whose clients go together and which end together',
    measuredMs: 2_500,
    async prepare(ports, size) {
      const clients = await inRows(Math.round(3_000 * size), async (i) => {
        const client = new MqttAbuser(ports.mqtt);
        const expiry = [0x11, ...mqtt.u32(1)];
        const connect = mqtt.connect({ level: 5, properties: [expiry], payload: [mqtt.text(`kept-${i}`)] });
        await client.ask(connect, Buffer.from([0x20]));
        await client.sync(
          many(10, (k) => mqtt.packet(0x82, mqtt.u16(1 + k), mqtt.none(5), mqtt.text(`t/${i}/${k}`), 1)),
        );
        return client;
      });
      return async () => {
        for (const { socket } of clients) socket.destroy();
      };
    },
  },
  {
    name: 'thousands of schedules whose calendars name a day that comes once in four years',
    async prepare(ports, size) {
      const client = await StompAbuser.open(ports.stomp);
      const send = Buffer.from('SEND\ndestination:/queue/leap\nAMQ_SCHEDULED_CRON:0 0 29 2 */7\n\nx\0');
      return () => client.write(many(Math.round(9_000 * size), () => send));
    },
  },
  {
    name: 'subscribing to everything that is retained, a hundred times in one packet',
    async prepare(ports, size) {
      const client = await MqttAbuser.open(ports.mqtt, 'retainer');
      const count = Math.round(50_000 * size);
      await client.sync(many(count, (i) => mqtt.publish(4, 0x31, `r/${i % 100}/${i}`, undefined, 'kept')));
      const reader = await MqttAbuser.open(ports.mqtt, 'reader');
      return async () => {
        await reader.write(many(100, (i) => mqtt.packet(0x82, mqtt.u16(i + 1), mqtt.text('#'), 0)));
      };
    },
  },
  {
    name: 'the same at QoS 1, into the queue of a session',
    async prepare(ports, size) {
      const client = await MqttAbuser.open(ports.mqtt, 'retainer');
      const count = Math.round(50_000 * size);
      await client.sync(many(count, (i) => mqtt.publish(4, 0x33, `r/${i % 100}/${i}`, 1 + (i % 60_000), 'kept')));
      const reader = await MqttAbuser.open(ports.mqtt, 'reader');
      return async () => {
        await reader.write(many(20, (i) => mqtt.packet(0x82, mqtt.u16(i + 1), mqtt.text('#'), 1)));
      };
    },
  },
  {
    name: 'subscribing and unsubscribing thousands of filters in one packet',
    async prepare(ports, size) {
      const client = await MqttAbuser.open(ports.mqtt, 'filters', 0);
      const count = Math.round(5_000 * size);
      const filters = (qos: boolean): Buffer =>
        many(count, (i) => Buffer.concat([mqtt.text(`some/filter/${i}/#`), qos ? u8(1) : Buffer.alloc(0)]));
      const both = Buffer.concat([
        mqtt.packet(0x82, mqtt.u16(1), filters(true)),
        mqtt.packet(0xa2, mqtt.u16(2), filters(false)),
      ]);
      return () => client.write(many(10, () => both));
    },
  },
  {
    name: 'wills that are published together',
    async prepare(ports, size) {
      const listener = await MqttAbuser.open(ports.mqtt, 'listener');
      await listener.sync(mqtt.packet(0x82, mqtt.u16(1), mqtt.text('will/#'), 0));
      const clients: MqttAbuser[] = [];
      for (let i = 0; i < 1_000 * size; i++) {
        const will = [mqtt.text(`will/${i}`), mqtt.text('gone')];
        clients.push(await MqttAbuser.open(ports.mqtt, `w${i}`, 0x06, will));
      }
      return async () => {
        for (const client of clients) client.socket.resetAndDestroy();
      };
    },
  },
  {
    name: 'nothing but pings, from ten clients',
    async prepare(ports, size) {
      const clients = await Promise.all(
        Array.from({ length: 10 * size }, (_, i) => MqttAbuser.open(ports.mqtt, `p${i}`)),
      );
      const piece = Buffer.alloc(2_000_000, Buffer.from([0xc0, 0]));
      return async () => {
        await Promise.all(clients.map((client) => client.write(piece)));
      };
    },
  },
  {
    name: 'a kept session that comes back to a long queue',
    async prepare(ports, size) {
      const first = await MqttAbuser.open(ports.mqtt, 'kept', 0);
      await first.sync(mqtt.packet(0x82, mqtt.u16(1), mqtt.text('kept/#'), 1));
      first.socket.destroy();
      const publisher = await MqttAbuser.open(ports.mqtt, 'publisher');
      const count = Math.round(100_000 * size);
      await publisher.sync(many(count, (i) => mqtt.publish(4, 0x32, 'kept/a', 1 + (i % 60_000), 'message')));
      return async () => {
        for (let i = 0; i < 20; i++) {
          const again = await MqttAbuser.open(ports.mqtt, 'kept', 0);
          await new Promise((resolve) => setTimeout(resolve, 50));
          again.socket.destroy();
        }
      };
    },
  },
  {
    name: 'ten thousand STOMP subscriptions',
    async prepare(ports, size) {
      const client = await StompAbuser.open(ports.stomp);
      const piece = many(Math.round(10_000 * size), (i) =>
        Buffer.from(`SUBSCRIBE\nid:${i}\ndestination:/topic/t.${i}.*\n\n\0`),
      );
      return () => client.write(piece);
    },
  },
  {
    name: 'routing keys that are always new, against filters that are hard to match',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      await client.sync(declareQueue('k'));
      const filter = (i: number): string => `${'#.a.*.'.repeat(20)}${i}`;
      await client.sync(many(Math.round(2_000 * size), (i) => bindQueue('k', 'amq.topic', filter(i))));
      const piece = many(5_000, (i) => message('amq.topic', `${'a.'.repeat(110)}${i}`, SMALL));
      return () => client.write(piece);
    },
  },
];
