/** Abuses of Redis' commands, whose number of arguments is the client's. */
import { many, RedisAbuser, redisCommand } from '../wire.ts';
import type { Case } from './case.ts';

const names = (count: number, of: string): string[] => Array.from({ length: count }, (_, i) => `${of}.${i}`);

export const REDIS: readonly Case[] = [
  {
    name: 'thousands of values in one LPUSH, again and again',
    async prepare(ports, size) {
      const client = await RedisAbuser.open(ports.redis);
      const push = redisCommand('LPUSH', 'list', ...names(4_000, 'value'));
      return () => client.write(many(Math.round(100 * size), () => push));
    },
  },
  {
    name: 'thousands of lists counted and deleted with one command',
    async prepare(ports, size) {
      const client = await RedisAbuser.open(ports.redis);
      const count = Math.round(4_000 * Math.min(1, size));
      await client.sync(many(count, (i) => redisCommand('LPUSH', `list.${i}`, 'x')));
      const all = names(count, 'list');
      return () =>
        client.write(Buffer.concat([many(20, () => redisCommand('EXISTS', ...all)), redisCommand('DEL', ...all)]));
    },
  },
  {
    name: 'patterns that are dear to compare, and long channels made for them',
    async prepare(ports, size) {
      const subscriber = await RedisAbuser.open(ports.redis);
      await subscriber.write(redisCommand('HELLO', '3'));
      await subscriber.sync(many(1_000, (i) => redisCommand('PSUBSCRIBE', `*${'a'.repeat(200)}b${i}`)));
      const publisher = await RedisAbuser.open(ports.redis);
      const publish = redisCommand('PUBLISH', 'a'.repeat(60_000), 'x');
      return () => publisher.write(many(Math.round(500 * size), () => publish));
    },
  },
];
