/** node-redis 6 (the package `redis`). */
import { createClient } from 'redis';
import { Arrivals, type ClientLibrary, type RedisClient, Refused, type Reply, type Subscriber } from './client.ts';

async function open(port: number) {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: false } });
  client.on('error', () => {});
  await client.connect();
  return client;
}
type Client = Awaited<ReturnType<typeof open>>;

class Calling implements RedisClient {
  private readonly client: Client;
  constructor(client: Client) {
    this.client = client;
  }
  async call(...words: readonly string[]): Promise<Reply> {
    try {
      return (await this.client.sendCommand([...words])) as Reply;
    } catch (error) {
      throw new Refused((error as Error).message);
    }
  }
  async close(): Promise<void> {
    this.client.destroy();
  }
}

class Listening implements Subscriber {
  private readonly client: Client;
  private readonly arrivals = new Arrivals();
  private readonly heard = (message: string, channel: string): void => this.arrivals.push(`${channel} ${message}`);
  private readonly byPattern = new Map<string, (message: string, channel: string) => void>();
  constructor(client: Client) {
    this.client = client;
  }
  get unread(): readonly string[] {
    return this.arrivals.unread;
  }
  async subscribe(...channels: readonly string[]): Promise<void> {
    await this.client.subscribe([...channels], this.heard);
  }
  async psubscribe(...patterns: readonly string[]): Promise<void> {
    for (const pattern of patterns) {
      const heard = (message: string, channel: string): void => this.arrivals.push(`${pattern} ${channel} ${message}`);
      this.byPattern.set(pattern, heard);
      await this.client.pSubscribe(pattern, heard);
    }
  }
  async unsubscribe(...channels: readonly string[]): Promise<void> {
    await this.client.unsubscribe([...channels]);
  }
  async punsubscribe(...patterns: readonly string[]): Promise<void> {
    await this.client.pUnsubscribe([...patterns]);
  }
  next(): Promise<string> {
    return this.arrivals.next();
  }
  async close(): Promise<void> {
    this.client.destroy();
  }
}

export const nodeRedis: ClientLibrary = {
  name: 'node-redis',
  client: async (port) => new Calling(await open(port)),
  subscriber: async (port) => new Listening(await open(port)),
};
