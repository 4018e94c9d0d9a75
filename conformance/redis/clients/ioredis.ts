/** ioredis 6. */
import { Redis } from 'ioredis';
import { Arrivals, type ClientLibrary, type RedisClient, Refused, type Reply, type Subscriber } from './client.ts';

async function open(port: number): Promise<Redis> {
  const redis = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => {});
  await redis.connect();
  return redis;
}

function plain(value: unknown): Reply {
  if (Buffer.isBuffer(value)) return value.latin1Slice();
  return Array.isArray(value) ? value.map(plain) : (value as Reply);
}

class Client implements RedisClient {
  private readonly redis: Redis;
  constructor(redis: Redis) {
    this.redis = redis;
  }
  async call(...words: readonly string[]): Promise<Reply> {
    const [name, ...rest] = words as [string, ...string[]];
    try {
      return plain(await this.redis.callBuffer(name, ...rest.map((word) => Buffer.from(word, 'latin1'))));
    } catch (error) {
      throw new Refused((error as Error).message);
    }
  }
  async close(): Promise<void> {
    this.redis.disconnect();
  }
}

class Listening implements Subscriber {
  private readonly redis: Redis;
  private readonly arrivals = new Arrivals();
  constructor(redis: Redis) {
    this.redis = redis;
    const text = (bytes: Buffer): string => bytes.latin1Slice();
    redis.on('messageBuffer', (channel: Buffer, message: Buffer) =>
      this.arrivals.push(`${text(channel)} ${text(message)}`),
    );
    redis.on('pmessageBuffer', (pattern: Buffer, channel: Buffer, message: Buffer) =>
      this.arrivals.push(`${pattern} ${text(channel)} ${text(message)}`),
    );
  }
  get unread(): readonly string[] {
    return this.arrivals.unread;
  }
  async subscribe(...channels: readonly string[]): Promise<void> {
    await this.redis.subscribe(...channels);
  }
  async psubscribe(...patterns: readonly string[]): Promise<void> {
    await this.redis.psubscribe(...patterns);
  }
  async unsubscribe(...channels: readonly string[]): Promise<void> {
    await this.redis.unsubscribe(...channels);
  }
  async punsubscribe(...patterns: readonly string[]): Promise<void> {
    await this.redis.punsubscribe(...patterns);
  }
  next(): Promise<string> {
    return this.arrivals.next();
  }
  async close(): Promise<void> {
    this.redis.disconnect();
  }
}

export const ioredis: ClientLibrary = {
  name: 'ioredis',
  client: async (port) => new Client(await open(port)),
  subscriber: async (port) => new Listening(await open(port)),
};
