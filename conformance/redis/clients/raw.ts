/** Commands by hand, in RESP2 or RESP3. */
import { ErrorReply, Push, RawClient, type Value } from '../../../test/protocols/redis/raw-client.ts';
import { Arrivals, type ClientLibrary, type RedisClient, Refused, type Reply, type Subscriber } from './client.ts';

async function open(port: number, version: 2 | 3): Promise<RawClient> {
  const raw = await RawClient.open(port);
  if (version === 3) {
    raw.send('HELLO', '3');
    await raw.next();
  }
  return raw;
}

function plain(value: Value): Reply {
  if (value instanceof ErrorReply) throw new Refused(value.text);
  if (value instanceof Push) return value.items.map(plain);
  if (value instanceof Map) return [...value].flat().map(plain);
  return value === null || typeof value !== 'object' ? value : value.map(plain);
}

class Client implements RedisClient {
  private readonly raw: RawClient;
  constructor(raw: RawClient) {
    this.raw = raw;
  }
  async call(...words: readonly string[]): Promise<Reply> {
    return plain(await this.raw.call(...words));
  }
  async close(): Promise<void> {
    this.raw.cut();
  }
}

class Listening implements Subscriber {
  private readonly raw: RawClient;
  private readonly arrivals = new Arrivals();
  private readonly answers: (() => void)[] = [];

  constructor(raw: RawClient) {
    this.raw = raw;
    void this.read();
  }

  get unread(): readonly string[] {
    return this.arrivals.unread;
  }

  private async read(): Promise<void> {
    for (;;) {
      const value = await this.raw.next(60_000).catch(() => undefined);
      if (value === undefined) return;
      const [kind, ...rest] = plain(value) as string[];
      if (kind === 'message' || kind === 'pmessage') this.arrivals.push(rest.join(' '));
      else this.answers.shift()?.();
    }
  }

  private async ask(command: string, names: readonly string[]): Promise<void> {
    const answered = names.map(() => new Promise<void>((resolve) => this.answers.push(resolve)));
    this.raw.send(command, ...names);
    await Promise.all(answered);
  }

  subscribe(...channels: readonly string[]): Promise<void> {
    return this.ask('SUBSCRIBE', channels);
  }
  psubscribe(...patterns: readonly string[]): Promise<void> {
    return this.ask('PSUBSCRIBE', patterns);
  }
  unsubscribe(...channels: readonly string[]): Promise<void> {
    return this.ask('UNSUBSCRIBE', channels);
  }
  punsubscribe(...patterns: readonly string[]): Promise<void> {
    return this.ask('PUNSUBSCRIBE', patterns);
  }
  next(): Promise<string> {
    return this.arrivals.next();
  }
  async close(): Promise<void> {
    this.raw.cut();
  }
}

export const raw = (version: 2 | 3): ClientLibrary => ({
  name: `RESP${version} by hand`,
  client: async (port) => new Client(await open(port, version)),
  subscriber: async (port) => new Listening(await open(port, version)),
});
