/** Header bombs: headers that are as many, as deep or as long as they may be, or longer, without end. */
import {
  AmqpAbuser,
  bindQueue,
  consume,
  declareQueue,
  field,
  HEADERS_FLAG,
  MqttAbuser,
  many,
  message,
  mqtt,
  type Ports,
  StompAbuser,
  table,
  u16,
  u32,
} from '../wire.ts';
import { type Case, forever, MARK_BYTES, SMALL } from './case.ts';

const HELD = { residentMaxBytes: MARK_BYTES, measuredMs: 3_000 };
const AT_A_TIME = 16;

const fields = (count: number): Buffer[] => Array.from({ length: count }, (_, i) => field(`header-${i}`, 'I', u32(i)));
const properties = (...content: Buffer[]): Buffer => Buffer.concat([u16(HEADERS_FLAG), table(...content)]);

/** A table in a table in a table …, and at the bottom many fields. */
function nested(depth: number): Buffer {
  let inner = field('n', 'F', table(...fields(1_000)));
  for (let i = 2; i < depth; i++) inner = field('n', 'F', table(inner));
  return properties(inner);
}

/** Who takes all messages of topics `bomb/…` in its own protocol, so that each is made over for it, and reads them. */
async function readers(ports: Ports): Promise<void> {
  const device = await MqttAbuser.open(ports.mqtt, 'reader', 0x02, [], 5);
  await device.sync(mqtt.packet(0x82, mqtt.u16(1), mqtt.none(5), mqtt.text('bomb/#'), 0));
  const subscriber = await StompAbuser.open(ports.stomp);
  const subscribe = 'SUBSCRIBE\nid:s\ndestination:/topic/bomb.#\nreceipt:there\n\n\0';
  await subscriber.ask(Buffer.from(subscribe), Buffer.from('receipt-id:there'));
  const consumer = await AmqpAbuser.open(ports.amqp);
  await consumer.sync(Buffer.concat([declareQueue('bombs'), bindQueue('bombs', 'amq.topic', 'bomb.#')]));
  await consumer.sync(consume('bombs', 'c', true));
}

export const HEADERS: readonly Case[] = [
  {
    name: 'AMQP messages with thousands of headers, without end, to readers of each protocol',
    ...HELD,
    async prepare(ports) {
      await readers(ports);
      const client = await AmqpAbuser.open(ports.amqp);
      const many5000 = properties(...fields(5_000));
      return () =>
        forever(
          client,
          many(AT_A_TIME, () => message('amq.topic', 'bomb.a', SMALL, many5000)),
        );
    },
  },
  {
    name: 'AMQP messages whose headers are nested as deep as they may be, without end, to readers of each protocol',
    ...HELD,
    async prepare(ports) {
      await readers(ports);
      const client = await AmqpAbuser.open(ports.amqp);
      const deep = nested(16);
      return () =>
        forever(
          client,
          many(AT_A_TIME, () => message('amq.topic', 'bomb.a', SMALL, deep)),
        );
    },
  },
  {
    name: 'AMQP clients whose headers are nested too deep, one after another',
    ...HELD,
    async prepare(ports) {
      const bomb = message('amq.topic', 'bomb.a', SMALL, nested(1_000));
      return async () => {
        for (;;) {
          const client = await AmqpAbuser.open(ports.amqp);
          await gone(client, bomb);
        }
      };
    },
  },
  {
    name: 'MQTT 5 messages with thousands of user properties, without end, to readers of each protocol',
    ...HELD,
    async prepare(ports) {
      await readers(ports);
      const client = await MqttAbuser.open(ports.mqtt, 'bomber', 0x02, [], 5);
      const user = many(3_000, (i) => mqtt.join(0x26, mqtt.text(`name-${i}`), mqtt.text(`${i}`)));
      return () =>
        forever(
          client,
          many(AT_A_TIME, () => mqtt.publish(5, 0x30, 'bomb/a', undefined, 'x', [user])),
        );
    },
  },
  {
    name: 'STOMP messages with as many headers as they may have, without end, to readers of each protocol',
    ...HELD,
    async prepare(ports) {
      await readers(ports);
      const client = await StompAbuser.open(ports.stomp);
      const headers = Array.from({ length: 120 }, (_, i) => `header-${i}:${'x'.repeat(400)}\n`).join('');
      const frame = Buffer.from(`SEND\ndestination:/topic/bomb.a\n${headers}\nx\0`);
      return () =>
        forever(
          client,
          many(AT_A_TIME, () => frame),
        );
    },
  },
  {
    name: 'STOMP clients with a header of 10 MiB, one after another',
    ...HELD,
    async prepare(ports) {
      const bomb = Buffer.concat([
        Buffer.from('SEND\ndestination:/topic/bomb.a\nh:'),
        Buffer.alloc(10 * 1024 ** 2, 'h'),
      ]);
      return async () => {
        for (;;) {
          const client = await StompAbuser.open(ports.stomp);
          await gone(client, bomb);
        }
      };
    },
  },
];

/** Sends it, and waits until the broker has had enough. */
function gone(client: AmqpAbuser | StompAbuser, bomb: Buffer): Promise<void> {
  return new Promise((resolve) => {
    client.socket.on('close', () => resolve());
    client.socket.write(bomb);
  });
}
