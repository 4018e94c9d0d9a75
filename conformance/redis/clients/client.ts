/** What a scenario does with a client, whichever library it is. */

export type Reply = string | number | null | readonly Reply[];

/** An error reply. */
export class Refused extends Error {}

export interface RedisClient {
  /** Sends a command; texts are bytes, one a character. Rejects with `Refused` for an error reply. */
  call(...words: readonly string[]): Promise<Reply>;
  close(): Promise<void>;
}

/** One that receives; once it has subscribed its connection may do nothing else. */
export interface Subscriber {
  subscribe(...channels: readonly string[]): Promise<void>;
  psubscribe(...patterns: readonly string[]): Promise<void>;
  unsubscribe(...channels: readonly string[]): Promise<void>;
  punsubscribe(...patterns: readonly string[]): Promise<void>;
  /** The next message: `channel message`, or `pattern channel message`; rejects if none comes. */
  next(): Promise<string>;
  /** Messages that have come and that nobody has asked for. */
  readonly unread: readonly string[];
  close(): Promise<void>;
}

export interface ClientLibrary {
  readonly name: string;
  client(port: number): Promise<RedisClient>;
  subscriber(port: number): Promise<Subscriber>;
}

const PATIENCE_MS = 5_000;

/** Messages in the order in which they came. */
export class Arrivals {
  readonly unread: string[] = [];
  private readonly waiting: ((text: string) => void)[] = [];

  push(text: string): void {
    const waiting = this.waiting.shift();
    if (waiting === undefined) this.unread.push(text);
    else waiting(text);
  }

  next(): Promise<string> {
    const text = this.unread.shift();
    if (text !== undefined) return Promise.resolve(text);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no message came')), PATIENCE_MS);
      this.waiting.push((next) => {
        clearTimeout(timer);
        resolve(next);
      });
    });
  }
}
