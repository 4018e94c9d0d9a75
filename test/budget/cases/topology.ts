/** Abuses of declarations, bindings and routes. */
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
  many,
  message,
  method,
  short,
  table,
  u8,
  u16,
  u32,
  unbindQueue,
} from '../wire.ts';
import { AUTO_DELETE, type Case, declareQueues, fanOut, SMALL } from './case.ts';

export const TOPOLOGY: readonly Case[] = [
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
