/** The scenarios' client by @stomp/stompjs, over TCP and over WebSocket. */
import { Client, type IMessage, type IStompSocket } from '@stomp/stompjs';
import { WebSocket } from 'ws';
import { socketTo } from '../../clients/stomp-socket.ts';
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

export const connectStompjs: Connect = ({ stompPort }, headers) =>
  StompjsClient.open('stompjs', () => socketTo(stompPort), headers);

export const connectStompjsWeb: Connect = ({ wsStompUrl }, headers) => {
  const dial = (): IStompSocket => new WebSocket(wsStompUrl, ['v12.stomp', 'v11.stomp', 'v10.stomp']) as never;
  return StompjsClient.open('stompjs-web', dial, headers);
};

class StompjsClient implements StompClient {
  readonly library: string;
  private readonly ledger = new Ledger();
  readonly refusal = this.ledger.refusal.promise;
  private readonly client: Client;

  private constructor(library: string, client: Client) {
    this.library = library;
    this.client = client;
    client.onStompError = ({ headers, body }) =>
      this.ledger.refused({ headers, body: Buffer.from(body), token: undefined });
    client.onWebSocketClose = () => this.ledger.fail(new Error('the connection was closed'));
  }

  static async open(library: string, dial: () => IStompSocket, headers: Headers = {}): Promise<StompjsClient> {
    const client = new Client({
      webSocketFactory: dial,
      connectHeaders: { host: '/', login: 'guest', passcode: 'guest', ...headers },
      reconnectDelay: 0,
      heartbeatIncoming: 0,
      heartbeatOutgoing: 0,
    });
    const opened = new Later<void>();
    client.onConnect = () => opened.resolve();
    client.onStompError = (frame) => opened.reject(new Error(`ERROR ${frame.headers['message']}: ${frame.body}`));
    client.onWebSocketError = () => opened.reject(new Error('the connection failed'));
    client.activate();
    await opened.promise;
    return new StompjsClient(library, client);
  }

  private confirmed(act: (receipt: string) => void): Promise<void> {
    return this.ledger.confirmed((receipt) => {
      this.client.watchForReceipt(receipt, () => this.ledger.receipt(receipt));
      act(receipt);
    });
  }

  send(destination: string, body: string | Buffer, headers: Headers = {}): Promise<void> {
    return this.confirmed((receipt) => {
      const content =
        typeof body === 'string' ? { body, skipContentLengthHeader: true } : { binaryBody: new Uint8Array(body) };
      this.client.publish({ destination, headers: { ...headers, receipt }, ...content });
    });
  }

  post(destination: string, body: string, headers: Headers = {}): void {
    this.client.publish({ destination, headers, body, skipContentLengthHeader: true });
  }

  async subscribe(destination: string, headers: Headers = {}): Promise<Subscription> {
    const id = headers['id'] ?? this.ledger.name('sub');
    const subscription = new Subscription(id, (more = {}) =>
      this.confirmed((receipt) => this.client.unsubscribe(id, { ...more, receipt })),
    );
    this.ledger.subscriptions.set(id, subscription);
    const take = (message: IMessage): void =>
      subscription.push({ headers: message.headers, body: Buffer.from(message.binaryBody), token: message });
    await this.confirmed((receipt) => {
      this.client.subscribe(destination, take, { ...headers, id, receipt });
    });
    return subscription;
  }

  ack(message: Message, headers: Headers = {}): Promise<void> {
    return this.confirmed((receipt) => (message.token as IMessage).ack({ ...headers, receipt }));
  }

  nack(message: Message, headers: Headers = {}): Promise<void> {
    return this.confirmed((receipt) => (message.token as IMessage).nack({ ...headers, receipt }));
  }

  async begin(): Promise<Transaction> {
    const { id } = this.client.begin(this.ledger.name('tx'));
    // It cannot ask for a receipt here: what it sent before has been taken once a later one's has come.
    const end = async (act: () => void): Promise<void> => {
      act();
      await this.settled();
    };
    return { id, commit: () => end(() => this.client.commit(id)), abort: () => end(() => this.client.abort(id)) };
  }

  private async settled(): Promise<void> {
    await this.send('/topic/nobody.listens.here', 'x');
  }

  disconnect(): Promise<void> {
    return this.client.deactivate();
  }

  cut(): void {
    void this.client.deactivate({ force: true });
  }
}
