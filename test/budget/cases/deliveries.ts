/** Abuses of long queues, unsettled deliveries and dead letters. */
import {
  AmqpAbuser,
  bindQueue,
  consume,
  declareQueue,
  deleteQueue,
  field,
  HEADERS_FLAG,
  long,
  many,
  message,
  method,
  StompAbuser,
  short,
  table,
  u8,
  u16,
  u32,
} from '../wire.ts';
import { type Case, declareQueues, fillQueue, nackAll, SMALL, unsettled } from './case.ts';

export const DELIVERIES: readonly Case[] = [
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
    name: 'transactions whose messages have times to live, and priorities',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      const levels = table(field('x-max-priority', 'I', u32(100)));
      await client.sync(
        Buffer.concat([declareQueue('plain'), declareQueue('levels', 16, levels), method(1, 'tx.select')]),
      );
      const count = Math.round(60_000 * Math.min(1, 2.5 * size));
      const lives = Buffer.concat([u16(0x0100), short('600000')]);
      const ranked = (i: number): Buffer => Buffer.concat([u16(0x0800), u8(i % 100)]);
      const commit = method(1, 'tx.commit');
      return () =>
        client.write(
          Buffer.concat([
            many(count, () => message('', 'plain', SMALL, lives)),
            commit,
            many(count, (i) => message('', 'levels', SMALL, ranked(i))),
            commit,
          ]),
        );
    },
  },
  {
    name: 'transactions whose messages are to wait for a time',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      await client.sync(Buffer.concat([declareQueue('later'), method(1, 'tx.select')]));
      const count = Math.round(60_000 * Math.min(1, 2.5 * size));
      const wait = Buffer.concat([u16(HEADERS_FLAG), table(field('x-opt-delivery-delay', 'I', u32(600_000)))]);
      const piece = Buffer.concat([many(count, () => message('', 'later', SMALL, wait)), method(1, 'tx.commit')]);
      return () => client.write(Buffer.concat([piece, piece]));
    },
  },
  {
    name: 'a hundred thousand messages got one by one, whose holder goes',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      await client.sync(declareQueue('got'));
      const count = Math.round(100_000 * Math.min(1, 2.5 * size));
      await fillQueue(client, 'got', count);
      const get = method(1, 'basic.get', u16(0), short('got'), u8(0));
      await client.sync(many(count, () => get));
      return async () => void client.socket.destroy();
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
];
