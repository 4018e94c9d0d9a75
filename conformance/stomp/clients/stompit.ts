/** The scenarios' client by stompit. */
import stompit from 'stompit';
import {
  type Connect,
  type Headers,
  Later,
  Ledger,
  type Message,
  type StompClient,
  Subscription,
  type Transaction,
} from './client.ts';

export const connectStompit: Connect = async ({ stompPort }, headers = {}) => {
  const opened = new Later<stompit.Client>();
  const connectHeaders = { host: '/', login: 'guest', passcode: 'guest', 'heart-beat': '0,0', ...headers };
  stompit.connect({ host: '127.0.0.1', port: stompPort, connectHeaders }, (error, client) => {
    if (error === null) opened.resolve(client);
    else opened.reject(error);
  });
  return new StompitClient(await opened.promise);
};

class StompitClient implements StompClient {
  readonly library = 'stompit';
  private readonly ledger = new Ledger();
  readonly refusal = this.ledger.refusal.promise;
  private readonly client: stompit.Client;

  constructor(client: stompit.Client) {
    this.client = client;
    // It writes head, body and end of a frame one by one; with Nagle's algorithm each frame waits for a delayed ACK.
    client.getTransportSocket().setNoDelay(true);
    client.on('error', (error: Error) => this.ledger.fail(error));
    // On an ERROR frame with a short text, stompit destroys the frame instead of itself, which nobody can catch.
    client.setCommandHandler('ERROR', (frame) => {
      frame.readString('utf8', (_, text) => {
        this.ledger.refused({ headers: frame.headers, body: Buffer.from(text ?? ''), token: undefined });
        client.destroy(new Error('ERROR'));
      });
    });
  }

  send(destination: string, body: string | Buffer, headers: Headers = {}): Promise<void> {
    return this.confirmed((onReceipt) => {
      const length: Record<string, number> = typeof body === 'string' ? {} : { 'content-length': body.length };
      const frame = this.client.send({ destination, ...length, ...headers }, { onReceipt });
      if (body.length > 0) frame.write(body);
      frame.end();
    });
  }

  post(destination: string, body: string, headers: Headers = {}): void {
    this.client.send({ destination, ...headers }).end(body);
  }

  /** The library asks for the receipt itself. */
  private confirmed(act: (onReceipt: () => void) => void): Promise<void> {
    return this.ledger.confirmed((receipt) => act(() => this.ledger.receipt(receipt)));
  }

  async subscribe(destination: string, headers: Headers = {}): Promise<Subscription> {
    const id = headers['id'] ?? this.ledger.name('sub');
    const subscription = new Subscription(id, (more = {}) =>
      this.confirmed((onReceipt) => {
        this.client.sendFrame('UNSUBSCRIBE', { id, ...more }, { onReceipt }).end();
      }),
    );
    this.ledger.subscriptions.set(id, subscription);
    // Its own `subscribe` asks for no receipt; the scenario must know that the subscription is there.
    this.client.setImplicitSubscription(id, headers['ack'], (error, frame) => {
      if (error !== null || frame === undefined) return;
      const chunks: Buffer[] = [];
      frame.on('data', (chunk: Buffer) => chunks.push(chunk));
      // It makes a number of content-length.
      const texts = Object.fromEntries(Object.entries(frame.headers).map(([name, value]) => [name, String(value)]));
      frame.on('end', () => subscription.push({ headers: texts, body: Buffer.concat(chunks), token: frame }));
    });
    await this.confirmed((onReceipt) => {
      this.client.sendFrame('SUBSCRIBE', { id, destination, ...headers }, { onReceipt }).end();
    });
    return subscription;
  }

  ack(message: Message, headers: Headers = {}): Promise<void> {
    return this.confirmed((onReceipt) => this.client.ack(message.token as stompit.Frame, headers, { onReceipt }));
  }

  nack(message: Message, headers: Headers = {}): Promise<void> {
    return this.confirmed((onReceipt) => this.client.nack(message.token as stompit.Frame, headers, { onReceipt }));
  }

  async begin(): Promise<Transaction> {
    const id = this.ledger.name('tx');
    const transaction = this.client.begin({ transaction: id });
    return {
      id,
      commit: () => this.confirmed((onReceipt) => transaction.commit({ onReceipt })),
      abort: () => this.confirmed((onReceipt) => transaction.abort({ onReceipt })),
    };
  }

  disconnect(): Promise<void> {
    return this.confirmed((onReceipt) => this.client.disconnect(() => onReceipt()));
  }

  cut(): void {
    this.client.destroy();
  }
}
