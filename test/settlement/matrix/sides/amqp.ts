import amqplib, { type ChannelModel, type ConfirmChannel, type ConsumeMessage, type GetMessage } from 'amqplib';
import type { Scene } from '../scene.ts';
import { type Answer, type Delivery, Inbox, type Outgoing, type Reader, type Side } from './side.ts';

export class AmqpSide implements Side {
  private readonly client: ChannelModel;
  private readonly channel: ConfirmChannel;

  private constructor(client: ChannelModel, channel: ConfirmChannel) {
    this.client = client;
    this.channel = channel;
  }

  static async open({ broker }: Scene): Promise<AmqpSide> {
    const client = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${broker.ports.amqp}?heartbeat=0`);
    return new AmqpSide(client, await client.createConfirmChannel());
  }

  publish(queue: string, body: string, { headers = {}, messageId }: Outgoing = {}): Promise<Answer> {
    const options = { persistent: true, headers, ...(messageId !== undefined && { messageId }) };
    return new Promise((resolve) => {
      // basic.ack has no room for more: a repeat is taken.
      this.channel.publish('', queue, Buffer.from(body), options, (error) => resolve(error ? 'refused' : 'taken'));
    });
  }

  nameOf(queue: string): string {
    return queue;
  }

  async pull(queue: string, max: number): Promise<Delivery[]> {
    const deliveries: Delivery[] = [];
    while (deliveries.length < max) {
      const message = await this.channel.get(queue);
      if (message === false) break;
      deliveries.push(amqpDelivery(this.channel, message));
    }
    return deliveries;
  }

  async read(queue: string): Promise<Reader> {
    const channel = await this.client.createConfirmChannel();
    const inbox = new Inbox();
    const closed = new Promise<string>((resolve) => channel.on('error', (error: Error) => resolve(error.message)));
    let open = true;
    channel.on('close', () => {
      open = false;
    });
    await channel.prefetch(10);
    await channel.consume(queue, (message) => message !== null && inbox.add(amqpDelivery(channel, message)));
    return {
      next: () => inbox.next(),
      get waiting() {
        return inbox.waiting;
      },
      renew: () =>
        new Promise((resolve) => {
          channel.publish('', 'amq.delivery.renew', Buffer.alloc(0), {}, (error) => resolve(error === null));
        }),
      async claim(token) {
        const headers = { 'x-deferral-tokens': token };
        channel.publish('', 'amq.delivery.claim', Buffer.alloc(0), { headers });
        await channel.waitForConfirms();
      },
      told: () => closed,
      async leave() {
        if (open) await channel.close();
      },
    };
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

function amqpDelivery(channel: ConfirmChannel, message: ConsumeMessage | GetMessage): Delivery {
  return {
    body: message.content.toString(),
    header(name) {
      const value: unknown = message.properties.headers?.[name];
      return value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value);
    },
    async end(how) {
      if (how === 'accept') channel.ack(message);
      else channel.nack(message, false, how === 'fail');
      // Neither is answered: what is answered behind them says that they have come.
      await channel.checkExchange('amq.direct');
    },
    async park(token, ms) {
      const headers = {
        'x-delivery-tag': message.fields.deliveryTag,
        'x-opt-delivery-delay': ms,
        ...(token !== '' && { 'x-opt-deferral-token': token }),
      };
      channel.publish('', 'amq.delivery.defer', Buffer.alloc(0), { headers });
      await channel.waitForConfirms();
    },
  };
}
