/** The scenarios' client, by amqplib. */
import amqp, { type Channel, type ChannelModel, type ConfirmChannel, type Options } from 'amqplib';
import { cutAmqp } from '../../clients/amqp.ts';
import { asClosing, toDelivery, toMessage, toTable } from './amqplib-values.ts';
import { Arrivals, Later } from './arrivals.ts';
import {
  type AmqpChannel,
  type AmqpClient,
  ClosedByBroker,
  type Closing,
  type Connect,
  type Delivery,
  type Publish,
  type Returned,
  type Table,
} from './client.ts';

/** Methods that the library can send and offers no call for. */
const CONFIRM_SELECT = (85 << 16) | 10;
const TX_SELECT = (90 << 16) | 10;
const TX_COMMIT = (90 << 16) | 20;
const TX_ROLLBACK = (90 << 16) | 30;

interface Inside extends Channel {
  rpc(method: number, fields: object, expected: number): Promise<object>;
  pushConfirmCallback(done: (error: unknown) => void): void;
}

export const connectAmqplib: Connect = async (options) => {
  let model: ChannelModel;
  try {
    model = await amqp.connect({
      protocol: 'amqp',
      hostname: '127.0.0.1',
      port: options.port,
      username: options.user ?? 'guest',
      password: options.password ?? 'guest',
      vhost: options.vhost ?? '/',
      heartbeat: options.heartbeat ?? 0,
      frameMax: options.frameMax ?? 131_072,
      channelMax: options.channelMax ?? 0,
    });
  } catch (error) {
    throw asClosing(error) ?? error;
  }
  return new Client(model);
};

class Client implements AmqpClient {
  readonly library = 'amqplib';
  private readonly model: ChannelModel;
  private readonly end = new Later<Closing>();
  private readonly blocks = new Arrivals<string | undefined>('connection.blocked and unblocked');
  readonly closed = this.end.promise;
  private readonly channels: ClientChannel[] = [];
  private leaving = false;

  constructor(model: ChannelModel) {
    this.model = model;
    model.on('error', (error: Error) => this.ended(error));
    model.on('close', (error?: Error) => this.ended(error));
    model.on('blocked', (reason: string) => this.blocks.push(reason));
    model.on('unblocked', () => this.blocks.push(undefined));
  }

  private ended(error: Error | undefined): void {
    if (this.leaving) return;
    this.leaving = true;
    const closing = asClosing(error) ?? new ClosedByBroker(0, '');
    this.end.resolve(closing);
    for (const channel of this.channels) channel.ended(closing);
  }

  async openChannel(): Promise<AmqpChannel> {
    let channel: Channel;
    try {
      channel = await this.model.createChannel();
    } catch (error) {
      throw asClosing(error) ?? error;
    }
    const opened = new ClientChannel(channel as Inside);
    this.channels.push(opened);
    return opened;
  }

  blocked(count: number): Promise<readonly (string | undefined)[]> {
    return this.blocks.next(count);
  }

  async close(): Promise<void> {
    if (this.leaving) return;
    this.leaving = true;
    await this.model.close();
  }

  cut(): void {
    this.leaving = true;
    cutAmqp(this.model);
  }
}

class ClientChannel implements AmqpChannel {
  private readonly channel: Inside;
  private readonly end = new Later<Closing>();
  private readonly returns = new Arrivals<Returned>('basic.return');
  private readonly consumers: Arrivals<Delivery>[] = [];
  private confirming = false;
  private unconfirmed: Promise<'ack' | 'nack'>[] = [];
  readonly closed = this.end.promise;

  constructor(channel: Inside) {
    this.channel = channel;
    channel.on('error', (error: Error) => this.ended(asClosing(error) ?? new ClosedByBroker(0, error.message)));
    channel.on('return', (message) => {
      const { replyCode, replyText } = message.fields as unknown as Closing;
      this.returns.push({ replyCode, replyText, ...toMessage(message) });
    });
  }

  ended(closing: ClosedByBroker): void {
    this.end.resolve(closing);
    this.returns.fail(closing);
    for (const consumer of this.consumers) consumer.fail(closing);
  }

  /** Rejects with the broker's word, whichever of the library's ways it came in. */
  private async told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      // When the connection goes, or another call's error took the channel, the reason comes by an event a moment later.
      throw asClosing(error) ?? (await Promise.race([this.closed, new Promise((r) => setTimeout(r, 1_000, error))]));
    }
  }

  declareQueue(name: string, o: Parameters<AmqpChannel['declareQueue']>[1] = {}) {
    return this.told(() =>
      o.passive === true
        ? this.channel.checkQueue(name)
        : this.channel.assertQueue(name, {
            durable: o.durable ?? true,
            exclusive: o.exclusive ?? false,
            autoDelete: o.autoDelete ?? false,
            arguments: toTable(o.arguments),
          }),
    );
  }

  deleteQueue(name: string, options?: { ifUnused?: boolean; ifEmpty?: boolean }) {
    return this.told(async () => (await this.channel.deleteQueue(name, options)).messageCount);
  }

  purgeQueue(name: string) {
    return this.told(async () => (await this.channel.purgeQueue(name)).messageCount);
  }

  bindQueue(queue: string, exchange: string, key: string, arguments_?: Table) {
    return this.nothing(() => this.channel.bindQueue(queue, exchange, key, toTable(arguments_)));
  }

  unbindQueue(queue: string, exchange: string, key: string, arguments_?: Table) {
    return this.nothing(() => this.channel.unbindQueue(queue, exchange, key, toTable(arguments_)));
  }

  declareExchange(name: string, type: string, o: Parameters<AmqpChannel['declareExchange']>[2] = {}) {
    return this.nothing(() =>
      o.passive === true
        ? this.channel.checkExchange(name)
        : this.channel.assertExchange(name, type, {
            durable: o.durable ?? true,
            autoDelete: o.autoDelete ?? false,
            internal: o.internal ?? false,
            arguments: toTable(o.arguments),
          }),
    );
  }

  deleteExchange(name: string, options?: { ifUnused?: boolean }) {
    return this.nothing(() => this.channel.deleteExchange(name, options));
  }

  bindExchange(destination: string, source: string, key: string, arguments_?: Table) {
    return this.nothing(() => this.channel.bindExchange(destination, source, key, toTable(arguments_)));
  }

  unbindExchange(destination: string, source: string, key: string, arguments_?: Table) {
    return this.nothing(() => this.channel.unbindExchange(destination, source, key, toTable(arguments_)));
  }

  async confirmSelect() {
    await this.call(CONFIRM_SELECT, { nowait: false });
    this.confirming = true;
  }

  publish(exchange: string, key: string, body: string | Buffer, options: Publish = {}): void {
    const { headers, ...rest } = options;
    this.channel.publish(exchange, key, typeof body === 'string' ? Buffer.from(body) : body, {
      ...(rest as Options.Publish),
      ...(headers === undefined ? {} : { headers: toTable(headers) }),
    });
    if (!this.confirming) return;
    this.unconfirmed.push(
      new Promise((resolve, reject) => {
        this.channel.pushConfirmCallback((error) => {
          if (error === null || error === undefined) resolve('ack');
          else if ((error as Error).message === 'message nacked') resolve('nack');
          else void this.closed.then(reject);
        });
      }),
    );
    this.unconfirmed.at(-1)!.catch(() => {});
  }

  confirms() {
    const waiting = this.unconfirmed;
    this.unconfirmed = [];
    return Promise.all(waiting);
  }

  returned(count: number) {
    return this.returns.next(count);
  }

  async consume(queue: string, o: Parameters<AmqpChannel['consume']>[1] = {}) {
    const deliveries = new Arrivals<Delivery>(`deliveries of ${queue}`);
    this.consumers.push(deliveries);
    const cancelled = new Later<void>();
    const { consumerTag } = await this.told(() =>
      this.channel.consume(
        queue,
        (message) => {
          if (message === null) cancelled.resolve();
          else deliveries.push(toDelivery(message));
        },
        {
          noAck: o.noAck ?? false,
          exclusive: o.exclusive ?? false,
          ...(o.tag === undefined ? {} : { consumerTag: o.tag }),
          arguments: toTable(o.arguments),
        },
      ),
    );
    return {
      tag: consumerTag,
      deliveries: deliveries.all,
      next: (count: number) => deliveries.next(count),
      cancelled: cancelled.promise,
    };
  }

  cancel(tag: string) {
    return this.nothing(() => this.channel.cancel(tag));
  }

  async get(queue: string, options?: { noAck?: boolean }) {
    const message = await this.told(() => this.channel.get(queue, options));
    if (message === false) return undefined;
    return { ...toDelivery(message), messageCount: message.fields.messageCount };
  }

  ack(deliveryTag: number, multiple = false): void {
    this.channel.ack(of(deliveryTag), multiple);
  }

  nack(deliveryTag: number, options: { multiple?: boolean; requeue?: boolean } = {}): void {
    this.channel.nack(of(deliveryTag), options.multiple ?? false, options.requeue ?? true);
  }

  reject(deliveryTag: number, requeue: boolean): void {
    this.channel.reject(of(deliveryTag), requeue);
  }

  recover() {
    return this.nothing(() => this.channel.recover());
  }

  qos(count: number, global = false) {
    return this.nothing(() => this.channel.prefetch(count, global));
  }

  txSelect() {
    return this.call(TX_SELECT, {});
  }

  txCommit() {
    return this.call(TX_COMMIT, {});
  }

  txRollback() {
    return this.call(TX_ROLLBACK, {});
  }

  close() {
    return this.nothing(() => this.channel.close());
  }

  private call(method: number, fields: object): Promise<void> {
    return this.nothing(() => this.channel.rpc(method, fields, method + 1));
  }

  private async nothing(work: () => Promise<unknown>): Promise<void> {
    await this.told(work);
  }
}

/** The library acknowledges messages; all it takes of one is the tag. */
const of = (deliveryTag: number): Parameters<ConfirmChannel['ack']>[0] =>
  ({ fields: { deliveryTag } }) as Parameters<ConfirmChannel['ack']>[0];
