/**
 * The scenarios' client, by rabbitmq-client. It reconnects by itself, which a scenario must not see: the first failure
 * of a connection is its last.
 */
import { Connection } from 'rabbitmq-client';
import { within } from '../../support/inbox.ts';
import { Arrivals, Later, PATIENCE_MS } from './arrivals.ts';
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
import { asClosing, type Raw, toDelivery, toMessage } from './rabbitmq-client-values.ts';

type Acquired = Awaited<ReturnType<Connection['acquire']>>;
const BASIC_REJECT = (60 << 16) | 90;
export const connectRabbitmqClient: Connect = async (options) => {
  const connection = new Connection({
    hostname: '127.0.0.1',
    port: options.port,
    username: options.user ?? 'guest',
    password: options.password ?? 'guest',
    vhost: options.vhost ?? '/',
    heartbeat: options.heartbeat ?? 0,
    ...(options.frameMax === undefined ? {} : { frameMax: options.frameMax }),
    ...(options.channelMax === undefined ? {} : { maxChannels: options.channelMax }),
    retryLow: 600_000,
    retryHigh: 600_000,
    acquireTimeout: PATIENCE_MS,
  });
  const client = new Client(connection);
  await within(
    new Promise<void>((resolve, reject) => {
      connection.once('connection', () => resolve());
      void client.closed.then(reject);
    }),
    PATIENCE_MS,
    () => 'rabbitmq-client: no connection',
  );
  return client;
};

class Client implements AmqpClient {
  readonly library = 'rabbitmq-client';
  private readonly connection: Connection;
  private readonly end = new Later<Closing>();
  private readonly blocks = new Arrivals<string | undefined>('connection.blocked and unblocked');
  private readonly channels: ClientChannel[] = [];
  private gone = false;
  readonly closed = this.end.promise;

  constructor(connection: Connection) {
    this.connection = connection;
    connection.on('error', (error: unknown) => {
      const closing = asClosing(error) ?? new ClosedByBroker(0, '');
      this.end.resolve(closing);
      for (const channel of this.channels) channel.ended(closing);
      this.cut();
    });
    connection.on('connection.blocked', (reason: string) => this.blocks.push(reason));
    connection.on('connection.unblocked', () => this.blocks.push(undefined));
  }

  async openChannel(): Promise<AmqpChannel> {
    const channel = new ClientChannel(await this.connection.acquire({ emitErrorsFromChannel: true } as object));
    this.channels.push(channel);
    return channel;
  }

  blocked(count: number): Promise<readonly (string | undefined)[]> {
    return this.blocks.next(count);
  }

  async close(): Promise<void> {
    if (this.gone) return;
    this.gone = true;
    // It waits for its channels to be closed; a scenario that has done with them need not say so.
    for (const channel of this.channels) await channel.close().catch(() => {});
    await this.connection.close();
  }

  cut(): void {
    this.gone = true;
    this.connection.unsafeDestroy();
  }
}

class ClientChannel implements AmqpChannel {
  private readonly channel: Acquired;
  private readonly end = new Later<Closing>();
  private readonly returns = new Arrivals<Returned>('basic.return');
  private readonly consumers = new Map<string, { deliveries: Arrivals<Delivery>; cancelled: Later<void> }>();
  private unconfirmed: Promise<'ack' | 'nack'>[] = [];
  readonly closed = this.end.promise;

  constructor(channel: Acquired) {
    this.channel = channel;
    channel.on('error', (error: unknown) => {
      const closing = asClosing(error);
      if (closing !== undefined) this.ended(closing);
    });
    channel.on('basic.return', (raw) => {
      const { replyCode, replyText } = raw as unknown as Raw;
      this.returns.push({ replyCode, replyText, ...toMessage(raw as unknown as Raw) });
    });
    channel.on('basic.cancel', (tag: string) => this.consumers.get(tag)?.cancelled.resolve());
  }

  ended(closing: ClosedByBroker): void {
    this.end.resolve(closing);
    this.returns.fail(closing);
    for (const { deliveries } of this.consumers.values()) deliveries.fail(closing);
  }

  private async told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const closing = asClosing(error);
      if (closing === undefined) {
        // Another call's error took the channel: that one has been told, and is told here a moment later.
        throw await Promise.race([this.closed, new Promise((r) => setTimeout(r, 1_000, error))]);
      }
      this.ended(closing);
      throw closing;
    }
  }

  declareQueue(name: string, o: Parameters<AmqpChannel['declareQueue']>[1] = {}) {
    return this.told(() =>
      this.channel.queueDeclare({
        queue: name,
        durable: o.durable ?? true,
        exclusive: o.exclusive ?? false,
        autoDelete: o.autoDelete ?? false,
        passive: o.passive ?? false,
        arguments: o.arguments as never,
      }),
    );
  }

  deleteQueue(name: string, options: { ifUnused?: boolean; ifEmpty?: boolean } = {}) {
    return this.told(async () => (await this.channel.queueDelete({ queue: name, ...options })).messageCount);
  }

  purgeQueue(name: string) {
    return this.told(async () => (await this.channel.queuePurge({ queue: name })).messageCount);
  }

  bindQueue(queue: string, exchange: string, key: string, arguments_?: Table) {
    return this.told(() =>
      this.channel.queueBind({ queue, exchange, routingKey: key, arguments: arguments_ as never }),
    );
  }

  unbindQueue(queue: string, exchange: string, key: string, arguments_?: Table) {
    return this.told(() =>
      this.channel.queueUnbind({ queue, exchange, routingKey: key, arguments: arguments_ as never }),
    );
  }

  declareExchange(name: string, type: string, o: Parameters<AmqpChannel['declareExchange']>[2] = {}) {
    return this.told(() =>
      this.channel.exchangeDeclare({
        exchange: name,
        type,
        durable: o.durable ?? true,
        autoDelete: o.autoDelete ?? false,
        internal: o.internal ?? false,
        passive: o.passive ?? false,
        arguments: o.arguments as never,
      }),
    );
  }

  deleteExchange(name: string, options: { ifUnused?: boolean } = {}) {
    return this.told(() => this.channel.exchangeDelete({ exchange: name, ...options }));
  }

  bindExchange(destination: string, source: string, key: string, arguments_?: Table) {
    return this.told(() =>
      this.channel.exchangeBind({ destination, source, routingKey: key, arguments: arguments_ as never }),
    );
  }

  unbindExchange(destination: string, source: string, key: string, arguments_?: Table) {
    return this.told(() =>
      this.channel.exchangeUnbind({ destination, source, routingKey: key, arguments: arguments_ as never }),
    );
  }

  confirmSelect() {
    return this.told(() => this.channel.confirmSelect());
  }

  publish(exchange: string, key: string, body: string | Buffer, options: Publish = {}): void {
    const envelope = { timestamp: undefined, ...options, exchange, routingKey: key } as object;
    const sent = this.channel.basicPublish(envelope, typeof body === 'string' ? Buffer.from(body) : body);
    const outcome = sent.then(
      () => 'ack' as const,
      (error) => {
        if ((error as { code?: string }).code === 'NACK') return 'nack' as const;
        const closing = asClosing(error);
        if (closing !== undefined) this.ended(closing);
        throw closing ?? error;
      },
    );
    outcome.catch(() => {});
    this.unconfirmed.push(outcome);
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
    const cancelled = new Later<void>();
    const { consumerTag } = await this.told(() =>
      this.channel.basicConsume(
        {
          queue,
          noAck: o.noAck ?? false,
          exclusive: o.exclusive ?? false,
          ...(o.tag === undefined ? {} : { consumerTag: o.tag }),
          arguments: o.arguments as never,
        },
        (raw) => deliveries.push(toDelivery(raw as unknown as Raw)),
      ),
    );
    this.consumers.set(consumerTag, { deliveries, cancelled });
    return {
      tag: consumerTag,
      deliveries: deliveries.all,
      next: (count: number) => deliveries.next(count),
      cancelled: cancelled.promise,
    };
  }

  async cancel(tag: string): Promise<void> {
    await this.told(() => this.channel.basicCancel(tag));
  }

  async get(queue: string, options: { noAck?: boolean } = {}) {
    const raw = (await this.told(() => this.channel.basicGet({ queue, ...options }))) as unknown as Raw | undefined;
    return raw === undefined ? undefined : { ...toDelivery(raw), messageCount: raw.messageCount };
  }

  ack(deliveryTag: number, multiple = false): void {
    this.channel.basicAck({ deliveryTag, multiple });
  }

  nack(deliveryTag: number, options: { multiple?: boolean; requeue?: boolean } = {}): void {
    this.channel.basicNack({ deliveryTag, multiple: options.multiple ?? false, requeue: options.requeue ?? true });
  }

  reject(deliveryTag: number, requeue: boolean): void {
    // It can encode the method and offers no call for it.
    const inside = this.channel as unknown as { _invokeNowait(method: number, fields: object): void };
    inside._invokeNowait(BASIC_REJECT, { deliveryTag, requeue });
  }

  recover() {
    return this.told(() => this.channel.basicRecover({ requeue: true }));
  }

  qos(count: number, global = false) {
    return this.told(() => this.channel.basicQos({ prefetchCount: count, global }));
  }

  txSelect() {
    return this.told(() => this.channel.txSelect());
  }

  txCommit() {
    return this.told(() => this.channel.txCommit());
  }

  txRollback() {
    return this.told(() => this.channel.txRollback());
  }

  close() {
    return this.channel.close();
  }
}
