/** The scenarios' client in frames made by hand, in any version. */
import { header, RawClient, type Frame as RawFrame } from '../../../test/protocols/stomp/raw-client.ts';
import { within } from '../../support/inbox.ts';
import {
  type Addresses,
  type Headers,
  Ledger,
  type Message,
  PATIENCE_MS,
  type StompClient,
  Subscription,
  type Transaction,
} from './client.ts';

export { header, RawClient, type RawFrame };

const CREDENTIALS: Headers = { host: '/', login: 'guest', passcode: 'guest' };

export function connectFrames({ stompPort }: Addresses, headers: Headers = {}): Promise<StompClient> {
  return FramesClient.open(stompPort, headers);
}

/** A connection that has been admitted. */
export async function openRaw(port: number, version: string, headers: Headers = {}): Promise<RawClient> {
  const client = await RawClient.dial(port);
  const accept: Record<string, string> = version === '1.0' ? {} : { 'accept-version': version };
  client.send('CONNECT', { ...accept, ...CREDENTIALS, ...headers });
  await client.next('CONNECTED');
  return client;
}

class FramesClient implements StompClient {
  readonly library = 'frames';
  private readonly ledger = new Ledger();
  readonly refusal = this.ledger.refusal.promise;
  private readonly client: RawClient;

  private constructor(client: RawClient) {
    this.client = client;
    void this.listen();
  }

  static async open(port: number, headers: Headers): Promise<FramesClient> {
    return new FramesClient(await openRaw(port, '1.2', headers));
  }

  private async listen(): Promise<void> {
    try {
      for (;;) {
        const frame = await this.client.next(undefined, 600_000);
        const message = read(frame);
        const { headers } = message;
        if (frame.command === 'MESSAGE') this.ledger.subscriptions.get(headers['subscription']!)?.push(message);
        else if (frame.command === 'RECEIPT') this.ledger.receipt(headers['receipt-id']!);
        else this.ledger.refused(message);
      }
    } catch (error) {
      this.ledger.fail(error as Error);
    }
  }

  private confirmed(command: string, headers: Headers, body: string | Buffer = ''): Promise<void> {
    return this.ledger.confirmed((receipt) => this.client.send(command, escaped({ ...headers, receipt }), body));
  }

  send(destination: string, body: string | Buffer, headers: Headers = {}): Promise<void> {
    const length: Headers = typeof body === 'string' ? {} : { 'content-length': String(body.length) };
    return this.confirmed('SEND', { destination, ...length, ...headers }, body);
  }

  post(destination: string, body: string, headers: Headers = {}): void {
    this.client.send('SEND', escaped({ destination, ...headers }), body);
  }

  async subscribe(destination: string, headers: Headers = {}): Promise<Subscription> {
    const id = headers['id'] ?? this.ledger.name('sub');
    const subscription = new Subscription(id, (more = {}) => this.confirmed('UNSUBSCRIBE', { id, ...more }));
    this.ledger.subscriptions.set(id, subscription);
    await this.confirmed('SUBSCRIBE', { id, destination, ...headers });
    return subscription;
  }

  ack(message: Message, headers: Headers = {}): Promise<void> {
    return this.confirmed('ACK', { id: message.headers['ack']!, ...headers });
  }

  nack(message: Message, headers: Headers = {}): Promise<void> {
    return this.confirmed('NACK', { id: message.headers['ack']!, ...headers });
  }

  async begin(): Promise<Transaction> {
    const transaction = this.ledger.name('tx');
    await this.confirmed('BEGIN', { transaction });
    return {
      id: transaction,
      commit: () => this.confirmed('COMMIT', { transaction }),
      abort: () => this.confirmed('ABORT', { transaction }),
    };
  }

  async disconnect(): Promise<void> {
    await this.confirmed('DISCONNECT', {});
    this.cut();
  }

  cut(): void {
    this.client.cut();
  }
}

/** A frame with its escapes undone; of repeated headers the first counts. */
export function read(frame: RawFrame): Message {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of frame.lines) headers[unescape12(name)] ??= unescape12(value);
  return { headers, body: frame.body, token: undefined };
}

const UNESCAPED: Record<string, string> = { '\\n': '\n', '\\r': '\r', '\\c': ':', '\\\\': '\\' };
const ESCAPED: Record<string, string> = { '\n': '\\n', '\r': '\\r', ':': '\\c', '\\': '\\\\' };

const unescape12 = (text: string): string => text.replace(/\\[nrc\\]/g, (pair) => UNESCAPED[pair]!);
const escape12 = (text: string): string => text.replace(/[\n\r:\\]/g, (character) => ESCAPED[character]!);

function escaped(headers: Headers): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [escape12(name), escape12(value)]));
}

/** The ERROR frame that must come. */
export function errorOf(client: RawClient): Promise<RawFrame> {
  return client.take('ERROR').catch((error: Error) => {
    throw new Error(`an ERROR was expected: ${error.message}`);
  });
}

/** The broker closes the connection. */
export function ends(client: RawClient): Promise<void> {
  return within(client.untilEnded(), PATIENCE_MS, () => 'the connection was not closed');
}
