/**
 * One shape over four ways to speak STOMP, so that a scenario is written once: frames made by hand, stompit, and
 * @stomp/stompjs over TCP and over WebSocket. It says what the libraries can say with their own calls; what they cannot
 * (a malformed frame, an older version) is said in frames.
 *
 * Every call but `post` asks for a receipt and resolves when it has come. Headers are as a reader of the protocol sees them, their
 * escapes undone.
 */
import { within } from '../../support/inbox.ts';

/** How long a scenario waits for what must come. Generous: it is only used up when something is wrong. */
export const PATIENCE_MS = 8_000;

export type Headers = Readonly<Record<string, string>>;

export interface Message {
  readonly headers: Headers;
  readonly body: Buffer;
  /** What the library wants back to acknowledge it. */
  readonly token: unknown;
}

export interface StompClient {
  readonly library: string;
  send(destination: string, body: string | Buffer, headers?: Headers): Promise<void>;
  /** Without a receipt: what follows on the connection tells that it was taken. */
  post(destination: string, body: string, headers?: Headers): void;
  /** `id` is the client's to choose. */
  subscribe(destination: string, headers?: Headers): Promise<Subscription>;
  ack(message: Message, headers?: Headers): Promise<void>;
  nack(message: Message, headers?: Headers): Promise<void>;
  begin(): Promise<Transaction>;
  /** The ERROR frame that ends the connection. */
  readonly refusal: Promise<Message>;
  /** In order, with a receipt. */
  disconnect(): Promise<void>;
  /** Without a word. */
  cut(): void;
}

export interface Transaction {
  /** To be given as the header `transaction`. */
  readonly id: string;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

export type Connect = (broker: Addresses, headers?: Headers) => Promise<StompClient>;

export interface Addresses {
  readonly stompPort: number;
  /** '' where there is none. */
  readonly wsStompUrl: string;
}

/** What has come for a subscription, in order. */
export class Subscription {
  readonly id: string;
  readonly messages: Message[] = [];
  readonly unsubscribe: (headers?: Headers) => Promise<void>;
  private taken = 0;
  private wake: () => void = () => {};
  private failure: Error | undefined = undefined;

  constructor(id: string, unsubscribe: (headers?: Headers) => Promise<void>) {
    this.id = id;
    this.unsubscribe = unsubscribe;
  }

  push(message: Message): void {
    this.messages.push(message);
    this.wake();
  }

  fail(error: Error): void {
    this.failure = error;
    this.wake();
  }

  /** The next `count` that nobody has taken yet. */
  async take(count: number): Promise<readonly Message[]> {
    const until = this.taken + count;
    const arrived = (): boolean => this.messages.length >= until || this.failure !== undefined;
    await within(
      (async () => {
        while (!arrived()) {
          await new Promise<void>((resolve) => {
            this.wake = resolve;
          });
        }
      })(),
      PATIENCE_MS,
      () => `${this.messages.length - this.taken} of ${count} messages came`,
    );
    if (this.messages.length < until) throw this.failure!;
    const messages = this.messages.slice(this.taken, until);
    this.taken = until;
    return messages;
  }

  async next(): Promise<Message> {
    return (await this.take(1))[0]!;
  }

  /** Bodies of the next `count`, as text. */
  async texts(count: number): Promise<string[]> {
    return texts(await this.take(count));
  }
}

export const texts = (messages: readonly Message[]): string[] => messages.map(({ body }) => body.toString('utf8'));

/** A promise and how to keep it. */
export class Later<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (error: Error) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => {});
  }
}

export class Refused extends Error {
  readonly frame: Message;

  constructor(frame: Message) {
    super(`ERROR ${frame.headers['message']}: ${frame.body.toString('utf8').slice(0, 300)}`);
    this.frame = frame;
  }
}

/** Receipts by their ids, subscriptions by theirs, and the end of both. */
export class Ledger {
  readonly refusal = new Later<Message>();
  readonly subscriptions = new Map<string, Subscription>();
  private readonly receipts = new Map<string, Later<void>>();
  private last = 0;
  private failure: Error | undefined = undefined;

  /** A name that this connection has not used. */
  name(what: string): string {
    return `${what}-${++this.last}`;
  }

  /** Resolves when the receipt that `send` asks for has come. */
  confirmed(send: (receipt: string) => void): Promise<void> {
    const receipt = this.name('receipt');
    const later = new Later<void>();
    this.receipts.set(receipt, later);
    if (this.failure !== undefined) later.reject(this.failure);
    else send(receipt);
    return within(later.promise, PATIENCE_MS, () => `no receipt '${receipt}' came`);
  }

  receipt(id: string): void {
    this.receipts.get(id)?.resolve();
    this.receipts.delete(id);
  }

  refused(frame: Message): void {
    this.refusal.resolve(frame);
    this.fail(new Refused(frame));
  }

  fail(error: Error): void {
    this.failure ??= error;
    for (const later of this.receipts.values()) later.reject(error);
    for (const subscription of this.subscriptions.values()) subscription.fail(error);
    this.refusal.reject(error);
  }
}
