/**
 * What a scenario may ask of an AMQP 0-9-1 client library, in the protocol's own words, so that it is written once and
 * run with two libraries that share no code. Whatever the two give back differently is made alike here: absent
 * properties are absent, a close has a code and a text, a timestamp is a number.
 */

/** Field table values, as both libraries write them: they choose the width of an integer themselves. */
export type Value = string | number | boolean | null | Buffer | readonly Value[] | { readonly [name: string]: Value };
export type Table = { readonly [name: string]: Value };

export interface Properties {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly headers?: Table;
  readonly deliveryMode?: number;
  readonly priority?: number;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly expiration?: string;
  readonly messageId?: string;
  /** Seconds since the epoch. */
  readonly timestamp?: number;
  readonly type?: string;
  readonly userId?: string;
  readonly appId?: string;
}

export interface Publish extends Properties {
  readonly mandatory?: boolean;
}

export interface Message {
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: Properties;
  readonly body: Buffer;
}

export interface Delivery extends Message {
  readonly deliveryTag: number;
  readonly redelivered: boolean;
}

/** What basic.get brings: how many wait behind it as well. */
export interface Got extends Delivery {
  readonly messageCount: number;
}

export interface Returned extends Message {
  readonly replyCode: number;
  readonly replyText: string;
}

/** How a channel or a connection was closed by the broker. */
export interface Closing {
  readonly replyCode: number;
  readonly replyText: string;
}

/** Rejects every call that was under way when the broker closed the channel or the connection. */
export class ClosedByBroker extends Error implements Closing {
  readonly replyCode: number;
  readonly replyText: string;

  constructor(replyCode: number, replyText: string) {
    super(`closed by the broker: ${replyCode} ${replyText}`);
    this.replyCode = replyCode;
    this.replyText = replyText;
  }
}

export interface QueueDeclaration {
  /** Default: true. */
  readonly durable?: boolean;
  readonly exclusive?: boolean;
  readonly autoDelete?: boolean;
  readonly passive?: boolean;
  readonly arguments?: Table;
}

export interface ExchangeDeclaration {
  /** Default: true. */
  readonly durable?: boolean;
  readonly autoDelete?: boolean;
  readonly internal?: boolean;
  readonly passive?: boolean;
  readonly arguments?: Table;
}

export interface Consume {
  readonly noAck?: boolean;
  readonly exclusive?: boolean;
  /** Default: the broker makes one. */
  readonly tag?: string;
  readonly arguments?: Table;
}

export interface Consumer {
  readonly tag: string;
  /** All that has arrived. */
  readonly deliveries: readonly Delivery[];
  /** The next `count` that nobody has taken yet, in order; waits for them. */
  next(count: number): Promise<readonly Delivery[]>;
  /** Resolves when the broker cancels it (basic.cancel). */
  readonly cancelled: Promise<void>;
}

export interface QueueCounts {
  readonly queue: string;
  readonly messageCount: number;
  readonly consumerCount: number;
}

export interface AmqpChannel {
  declareQueue(name: string, options?: QueueDeclaration): Promise<QueueCounts>;
  /** Resolves with how many messages went with it. */
  deleteQueue(name: string, options?: { ifUnused?: boolean; ifEmpty?: boolean }): Promise<number>;
  /** Resolves with how many messages there were. */
  purgeQueue(name: string): Promise<number>;
  bindQueue(queue: string, exchange: string, key: string, arguments_?: Table): Promise<void>;
  unbindQueue(queue: string, exchange: string, key: string, arguments_?: Table): Promise<void>;
  declareExchange(name: string, type: string, options?: ExchangeDeclaration): Promise<void>;
  deleteExchange(name: string, options?: { ifUnused?: boolean }): Promise<void>;
  bindExchange(destination: string, source: string, key: string, arguments_?: Table): Promise<void>;
  unbindExchange(destination: string, source: string, key: string, arguments_?: Table): Promise<void>;
  /** Every later publish on this channel is confirmed. */
  confirmSelect(): Promise<void>;
  publish(exchange: string, key: string, body: string | Buffer, options?: Publish): void;
  /** Waits for the word on each publish since the last call, in the order in which they were published. */
  confirms(): Promise<readonly ('ack' | 'nack')[]>;
  /** The next `count` basic.return. */
  returned(count: number): Promise<readonly Returned[]>;
  consume(queue: string, options?: Consume): Promise<Consumer>;
  cancel(tag: string): Promise<void>;
  get(queue: string, options?: { noAck?: boolean }): Promise<Got | undefined>;
  ack(deliveryTag: number, multiple?: boolean): void;
  nack(deliveryTag: number, options?: { multiple?: boolean; requeue?: boolean }): void;
  reject(deliveryTag: number, requeue: boolean): void;
  recover(): Promise<void>;
  qos(count: number, global?: boolean): Promise<void>;
  txSelect(): Promise<void>;
  txCommit(): Promise<void>;
  txRollback(): Promise<void>;
  close(): Promise<void>;
  /** Resolves when the broker closes the channel, or the connection with it. */
  readonly closed: Promise<Closing>;
}

export interface AmqpClient {
  readonly library: string;
  openChannel(): Promise<AmqpChannel>;
  /** connection.blocked and connection.unblocked, in order; the reason, or undefined for unblocked. */
  blocked(count: number): Promise<readonly (string | undefined)[]>;
  /** Resolves when the broker closes the connection: with its word, or code 0 for a socket closed without one. */
  readonly closed: Promise<Closing>;
  close(): Promise<void>;
  /** Cuts the connection without a word. */
  cut(): void;
}

export interface ConnectOptions {
  readonly port: number;
  readonly user?: string;
  readonly password?: string;
  readonly vhost?: string;
  /** Seconds. Default: none. */
  readonly heartbeat?: number;
  readonly frameMax?: number;
  readonly channelMax?: number;
}

/** Rejects with ClosedByBroker if the login or the vhost is refused. */
export type Connect = (options: ConnectOptions) => Promise<AmqpClient>;
