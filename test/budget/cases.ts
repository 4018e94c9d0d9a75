/**
 * The abuses: what one client, or some, can do to all others. Each is prepared, which takes as long as it takes, and then
 * begins; its function may return when all is sent, or go on for as long as the process lives.
 */
import {
  AmqpAbuser,
  bindQueue,
  consume,
  declareExchange,
  declareQueue,
  deleteExchange,
  deleteQueue,
  field,
  HEADERS_FLAG,
  long,
  MqttAbuser,
  many,
  message,
  method,
  mqtt,
  type Ports,
  StompAbuser,
  short,
  table,
  u8,
  u16,
  u32,
  u64,
  unbindQueue,
} from './wire.ts';

export interface Case {
  readonly name: string;
  /** How much is done at size 1. */
  prepare(ports: Ports, size: number): Promise<() => Promise<void>>;
}

const SMALL = Buffer.from('0123456789abcdef');
const AUTO_DELETE = 16 | 8;

async function fillQueue(client: AmqpAbuser, queue: string, count: number, properties?: Buffer): Promise<void> {
  const piece = many(1_000, () => message('', queue, SMALL, properties));
  for (let sent = 0; sent < count; sent += 1_000) await client.write(piece);
  await client.sync(Buffer.alloc(0));
}

async function declareQueues(client: AmqpAbuser, count: number, name: (i: number) => string, bits = 16): Promise<void> {
  await client.sync(many(count, (i) => declareQueue(name(i), bits)));
}

async function fanOut(ports: Ports, exchange: string, queues: number): Promise<AmqpAbuser> {
  const client = await AmqpAbuser.open(ports.amqp);
  await client.sync(declareExchange(exchange, 'fanout'));
  await declareQueues(client, queues, (i) => `${exchange}.${i}`);
  await client.sync(many(queues, (i) => bindQueue(`${exchange}.${i}`, exchange, '')));
  return client;
}

async function unsettled(ports: Ports, queue: string, count: number): Promise<AmqpAbuser> {
  const client = await AmqpAbuser.open(ports.amqp);
  await client.sync(declareQueue(queue));
  await fillQueue(client, queue, count);
  const before = client.received;
  await client.sync(consume(queue, 'c', false));
  while (client.received - before < count * 60) await new Promise((resolve) => setTimeout(resolve, 20));
  return client;
}

const nackAll = (requeue: boolean): Buffer => method(1, 'basic.nack', u64(0), u8(requeue ? 3 : 1));

export const CASES: readonly Case[] = [
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
    name: 'a headers exchange with large bindings, and messages with many headers',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      const headers = (count: number): Buffer[] => Array.from({ length: count }, (_, i) => field(`h${i}`, 'I', u32(i)));
      const bound = table(field('x-match', 'S', long('all')), ...headers(1_000), field('no', 'I', u32(1)));
      await client.sync(Buffer.concat([declareExchange('hx', 'headers'), declareQueue('hq')]));
      const bindings = Math.round(200 * size);
      await client.sync(many(bindings, (i) => bindQueue('hq', 'hx', `k${i}`, bound)));
      const properties = Buffer.concat([u16(HEADERS_FLAG), table(...headers(5_000))]);
      return async () => {
        await client.write(many(50, () => message('hx', '', SMALL, properties)));
      };
    },
  },
  {
    name: 'fifty publishers to a fan-out of 1,500 queues',
    async prepare(ports, size) {
      await fanOut(ports, 'f', 1_500);
      const clients = await Promise.all(Array.from({ length: 50 * size }, () => AmqpAbuser.open(ports.amqp)));
      const piece = many(200, () => message('f', '', SMALL));
      return async () => {
        await Promise.all(clients.map((client) => client.write(piece)));
      };
    },
  },
  {
    name: 'a fan-out to very many queues',
    async prepare(ports, size) {
      const client = await fanOut(ports, 'f', Math.round(20_000 * size));
      return () => client.write(many(50, () => message('f', '', SMALL)));
    },
  },
  {
    name: 'declaring and deleting a queue again and again, without waiting',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      const piece = many(Math.round(50_000 * size), (i) =>
        Buffer.concat([declareQueue(`q${i % 7}`), deleteQueue(`q${i % 7}`)]),
      );
      return () => client.write(piece);
    },
  },
  {
    name: 'a hundred thousand bindings, and their end, beside a well-filled route cache',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      await client.sync(
        Buffer.concat([declareQueue('b'), many(4_000, (i) => message('amq.topic', `route.${i}`, SMALL))]),
      );
      const count = Math.round(100_000 * size);
      const piece = Buffer.concat([
        many(count, (i) => bindQueue('b', 'amq.topic', `x.${i}`)),
        many(count, (i) => unbindQueue('b', 'amq.topic', `x.${i}`)),
      ]);
      return () => client.write(piece);
    },
  },
  {
    name: 'purging a long queue',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      await client.sync(many(5, (i) => declareQueue(`p${i}`, 16 | 2)));
      const persistent = Buffer.concat([u16(0x1000), u8(2)]);
      for (let i = 0; i < 5; i++) await fillQueue(client, `p${i}`, Math.round(200_000 * size), persistent);
      return () => client.write(many(5, (i) => method(1, 'queue.purge', u16(0), short(`p${i}`), u8(1))));
    },
  },
  {
    name: 'deleting long queues',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      await client.sync(many(5, (i) => declareQueue(`d${i}`)));
      for (let i = 0; i < 5; i++) await fillQueue(client, `d${i}`, Math.round(200_000 * size));
      return () => client.write(many(5, (i) => deleteQueue(`d${i}`)));
    },
  },
  {
    name: 'deleting a queue with very many bindings, and an exchange with very many',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      const count = Math.round(100_000 * size);
      await client.sync(Buffer.concat([declareQueue('db'), declareQueue('de'), declareExchange('dx', 'direct')]));
      await client.sync(many(count, (i) => bindQueue('db', 'amq.topic', `x.${i}`)));
      await client.sync(many(count, (i) => bindQueue('de', 'dx', `x.${i}`)));
      return () => client.write(Buffer.concat([deleteQueue('db'), deleteExchange('dx')]));
    },
  },
  {
    name: 'ten thousand exclusive queues, whose owner goes',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      const count = Math.round(10_000 * size);
      await declareQueues(client, count, (i) => `e${i}`, 16 | 4);
      await client.sync(many(count, (i) => message('', `e${i}`, SMALL)));
      return async () => void client.socket.destroy();
    },
  },
  {
    name: 'a hundred thousand deliveries unsettled, whose holder goes',
    async prepare(ports, size) {
      const client = await unsettled(ports, 'u', Math.round(100_000 * size));
      return async () => void client.socket.destroy();
    },
  },
  {
    name: 'a hundred thousand deliveries given back at once, again and again',
    async prepare(ports, size) {
      const client = await unsettled(ports, 'u', Math.round(100_000 * size));
      return () => client.write(many(10, () => nackAll(true)));
    },
  },
  {
    name: 'a hundred thousand deliveries dead-lettered at once',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      const count = Math.round(100_000 * size);
      const dead = table(
        field('x-dead-letter-exchange', 'S', long('')),
        field('x-dead-letter-routing-key', 'S', long('dead')),
      );
      await client.sync(Buffer.concat([declareQueue('dead'), declareQueue('dl', 16, dead)]));
      await fillQueue(client, 'dl', count);
      const before = client.received;
      await client.sync(consume('dl', 'c', false));
      while (client.received - before < count * 60) await new Promise((resolve) => setTimeout(resolve, 20));
      return () => client.write(nackAll(false));
    },
  },
  {
    name: 'ten thousand consumers of one queue, who go together',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      await client.sync(declareQueue('c'));
      const per = 500;
      const channels = Math.round(20 * size);
      for (let channel = 2; channel < channels + 2; channel++) {
        await client.sync(
          Buffer.concat([
            method(channel, 'channel.open', short('')),
            many(per, (i) => {
              const frame = consume('c', `${channel}.${i}`, false);
              frame.writeUInt16BE(channel, 1);
              return frame;
            }),
          ]),
        );
      }
      return async () => void client.socket.destroy();
    },
  },
  {
    name: 'a hundred readers of long queues',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      const count = Math.round(100 * size);
      await declareQueues(client, count, (i) => `l${i}`);
      for (let i = 0; i < count; i++) await fillQueue(client, `l${i}`, 5_000);
      const readers = await Promise.all(Array.from({ length: count }, () => AmqpAbuser.open(ports.amqp)));
      return async () => {
        await Promise.all(readers.map((reader, i) => reader.write(consume(`l${i}`, 'c', true))));
      };
    },
  },
  {
    name: 'messages of many queues that expire together, and are dead-lettered',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      const queues = Math.round(50 * size);
      const expiring = table(
        field('x-dead-letter-exchange', 'S', long('')),
        field('x-dead-letter-routing-key', 'S', long('dead')),
        field('x-message-ttl', 'I', u32(3_000)),
      );
      await client.sync(
        Buffer.concat([declareQueue('dead'), many(queues, (i) => declareQueue(`t${i}`, 16, expiring))]),
      );
      const piece = Buffer.concat(
        Array.from({ length: queues }, (_, i) => many(2_000, () => message('', `t${i}`, SMALL))),
      );
      const began = Date.now();
      await client.sync(piece);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 2_800 - (Date.now() - began))));
      return async () => {};
    },
  },
  {
    name: 'delayed messages that come due together',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      const args = table(field('x-delayed-type', 'S', long('fanout')));
      await client.sync(
        Buffer.concat([
          method(1, 'exchange.declare', u16(0), short('delayed'), short('x-delayed-message'), u8(16), args),
          many(20, (i) => Buffer.concat([declareQueue(`y${i}`), bindQueue(`y${i}`, 'delayed', '')])),
        ]),
      );
      const properties = Buffer.concat([u16(HEADERS_FLAG), table(field('x-delay', 'I', u32(2_000)))]);
      await client.sync(many(Math.round(50_000 * size), () => message('delayed', '', SMALL, properties)));
      return async () => {};
    },
  },
  {
    name: 'a transaction as large as it may be',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      await client.sync(Buffer.concat([declareQueue('tx'), method(1, 'tx.select')]));
      const piece = many(Math.round(60_000 * size), () => message('', 'tx', SMALL));
      return () => client.write(Buffer.concat([piece, method(1, 'tx.commit'), piece, method(1, 'tx.commit')]));
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
    name: 'selectors over a long queue',
    async prepare(ports, size) {
      const amqp = await AmqpAbuser.open(ports.amqp);
      await amqp.sync(declareQueue('s', 16 | 2));
      await fillQueue(
        amqp,
        's',
        Math.round(100_000 * size),
        Buffer.concat([u16(HEADERS_FLAG), table(field('a', 'I', u32(1)))]),
      );
      const clients = await Promise.all(Array.from({ length: 20 }, () => StompAbuser.open(ports.stomp)));
      return async () => {
        for (const [i, client] of clients.entries()) {
          const selector = `selector:a = ${i + 2} AND a < 100 OR a LIKE 'x%'`;
          await client.write(Buffer.from(`SUBSCRIBE\nid:1\ndestination:/amq/queue/s\nack:client\n${selector}\n\n\0`));
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
  {
    name: 'ten thousand queues that are declared for a moment',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      const count = Math.round(10_000 * size);
      const piece = Buffer.concat([
        many(count, (i) => Buffer.concat([declareQueue(`m${i}`, AUTO_DELETE), consume(`m${i}`, `c${i}`, true)])),
        many(count, (i) => method(1, 'basic.cancel', short(`c${i}`), u8(1))),
      ]);
      return () => client.write(piece);
    },
  },
];
