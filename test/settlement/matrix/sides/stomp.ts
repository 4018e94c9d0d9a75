import { Client, type IMessage, type StompHeaders } from '@stomp/stompjs';
import type { Scene } from '../scene.ts';
import { type Answer, asText, type Delivery, Inbox, type Outgoing, type Reader, type Side } from './side.ts';

export class StompSide implements Side {
  private readonly client: Client;
  private readonly scene: Scene;

  private constructor(scene: Scene, client: Client) {
    this.scene = scene;
    this.client = client;
  }

  static async open(scene: Scene): Promise<StompSide> {
    return new StompSide(scene, await stompClient(scene));
  }

  async publish(queue: string, body: string, { headers = {}, messageId }: Outgoing = {}): Promise<Answer> {
    const own: Record<string, string> = messageId === undefined ? {} : { 'amqp-message-id': messageId };
    const destination = `/queue/${queue}`;
    const told = await receipted(this.client, (receipt) =>
      this.client.publish({ destination, body, headers: { persistent: 'true', receipt, ...own, ...asText(headers) } }),
    );
    return told === undefined ? 'refused' : told['duplicate'] === 'true' ? 'repeat' : 'taken';
  }

  nameOf(queue: string): string {
    return queue;
  }

  async read(queue: string): Promise<Reader> {
    const client = await stompClient(this.scene);
    const inbox = new Inbox();
    const ended = new Promise<string>((resolve) => {
      client.onStompError = ({ body, headers }) => resolve(`${headers['message']}: ${body}`);
    });
    const { id } = client.subscribe(`/amq/queue/${queue}`, (message) => inbox.add(stompDelivery(client, message)), {
      ...{ ack: 'client-individual', 'prefetch-count': '10' },
    });
    return {
      next: () => inbox.next(),
      get waiting() {
        return inbox.waiting;
      },
      async renew() {
        const told = await receipted(client, (receipt) =>
          client.publish({ destination: '/delivery/renew', body: '', headers: { receipt } }),
        );
        return told !== undefined && told['expired'] !== 'true';
      },
      async claim(token) {
        const subscription = { subscription: id, 'x-deferral-tokens': token };
        await receipted(client, (receipt) =>
          client.publish({ destination: '/delivery/claim', body: '', headers: { receipt, ...subscription } }),
        );
      },
      told: () => ended,
      leave: () => client.deactivate(),
    };
  }

  close(): Promise<void> {
    return this.client.deactivate();
  }
}

function stompDelivery(client: Client, message: IMessage): Delivery {
  return {
    body: message.body,
    header: (name) => message.headers[name],
    async end(how) {
      await receipted(client, (receipt) => {
        if (how === 'accept') message.ack({ receipt });
        else message.nack({ receipt, ...(how === 'reject' && { requeue: 'false' }) });
      });
    },
    async park(token, ms) {
      const named = token === '' ? {} : { 'x-opt-deferral-token': token };
      await receipted(client, (receipt) =>
        message.nack({ receipt, 'x-opt-delivery-delay': String(ms), ...named } as StompHeaders),
      );
    },
  };
}

function stompClient({ broker }: Scene): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client: Client = new Client({
      brokerURL: `ws://127.0.0.1:${broker.ports.ws}/ws`,
      connectHeaders: { host: '/', login: 'guest', passcode: 'guest' },
      ...{ reconnectDelay: 0, heartbeatIncoming: 0, heartbeatOutgoing: 0 },
      onConnect: () => resolve(client),
      onWebSocketError: () => reject(new Error('no connection')),
    });
    client.activate();
  });
}

let receipts = 0;

/** The headers of the receipt; undefined: the broker has refused it. */
function receipted(client: Client, send: (receipt: string) => void): Promise<Record<string, string> | undefined> {
  return new Promise((resolve) => {
    const receipt = `receipt-${++receipts}`;
    client.watchForReceipt(receipt, ({ headers }) => resolve(headers));
    const before = client.onStompError;
    client.onStompError = (frame) => {
      before(frame);
      resolve(undefined);
    };
    send(receipt);
  });
}
