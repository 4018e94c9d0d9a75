/** AMQP 0-9-1 by amqplib. */
import amqp, { type Channel, type ConfirmChannel, type ConsumeMessage, type Options } from 'amqplib';
import {
  type Client,
  type ConsumeOptions,
  Failure,
  type Incoming,
  type MessageProperties,
  type OnMessage,
  type Outgoing,
} from './client.ts';

export async function connectAmqp(port: number): Promise<Client> {
  const failure = new Failure();
  const connection = await amqp.connect(`amqp://guest:guest@127.0.0.1:${port}?heartbeat=0`);
  connection.on('error', (error) => failure.report(error));
  const out: ConfirmChannel = await connection.createConfirmChannel();
  out.on('error', (error) => failure.report(error));
  const channels: Channel[] = [];
  let closing = false;
  connection.on('close', () => {
    if (!closing) failure.report(new Error('the AMQP connection was closed'));
  });

  const publish = (exchange: string, key: string, message: Outgoing): Promise<void> =>
    failure.guard((resolve, reject) => {
      out.publish(exchange, key, message.body, toOptions(message.properties), (error) =>
        error === null || error === undefined ? resolve() : reject(error as Error),
      );
    });

  const consume = async (queue: string, onMessage: OnMessage, prefetch: number | 'settled'): Promise<void> => {
    const channel = await connection.createChannel();
    channel.on('error', (error) => failure.report(error));
    channels.push(channel);
    if (prefetch !== 'settled') await channel.prefetch(prefetch);
    await channel.consume(
      queue,
      (delivery) => {
        if (closing) return;
        if (delivery === null) failure.report(new Error(`the consumer of ${queue} was cancelled`));
        else onMessage(toIncoming(channel, delivery, prefetch === 'settled'));
      },
      { noAck: prefetch === 'settled' },
    );
  };

  return {
    wire: 'amqp',
    errors: failure.errors,
    publishTopic: (levels, message) => publish('amq.topic', levels.join('.'), message),
    publishQueue: (queue, message) => publish('', queue, message),
    async subscribeTopic(levels, onMessage) {
      const { queue } = await out.assertQueue('', { exclusive: true, autoDelete: true, durable: false });
      await out.bindQueue(queue, 'amq.topic', levels.join('.'));
      await consume(queue, onMessage, 'settled');
    },
    consumeQueue: (queue, onMessage, options?: ConsumeOptions) => consume(queue, onMessage, options?.prefetch ?? 10),
    async close() {
      closing = true;
      // amqplib interleaves its channels: an ack that is still on its way out can be overtaken by the connection's close.
      for (const channel of channels) await channel.close();
      await connection.close();
    },
    cut() {
      closing = true;
      cutAmqp(connection);
    },
  };
}

/** amqplib offers an orderly close only; its socket is where a connection can be cut. */
export function cutAmqp(connection: amqp.ChannelModel): void {
  const { stream } = connection.connection as unknown as { stream: { destroy(): void } };
  stream.destroy();
}

function toOptions(properties: MessageProperties = {}): Options.Publish {
  const { contentType, correlationId, messageId, replyTo, priority, persistent, type, appId, timestampS, headers } =
    properties;
  return {
    persistent: persistent ?? true,
    ...(contentType === undefined ? {} : { contentType }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(messageId === undefined ? {} : { messageId }),
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(priority === undefined ? {} : { priority }),
    ...(type === undefined ? {} : { type }),
    ...(appId === undefined ? {} : { appId }),
    ...(timestampS === undefined ? {} : { timestamp: timestampS }),
    ...(headers === undefined ? {} : { headers }),
  };
}

function toIncoming(channel: Channel, delivery: ConsumeMessage, settled: boolean): Incoming {
  const from = delivery.properties;
  const properties: MessageProperties = { persistent: from.deliveryMode === 2 };
  if (from.contentType !== undefined) properties.contentType = from.contentType as string;
  if (from.correlationId !== undefined) properties.correlationId = from.correlationId as string;
  if (from.messageId !== undefined) properties.messageId = from.messageId as string;
  if (from.replyTo !== undefined) properties.replyTo = from.replyTo as string;
  if (from.priority !== undefined) properties.priority = from.priority as number;
  if (from.type !== undefined) properties.type = from.type as string;
  if (from.appId !== undefined) properties.appId = from.appId as string;
  if (from.timestamp !== undefined) properties.timestampS = from.timestamp as number;
  properties.headers = from.headers ?? {};
  return {
    body: delivery.content,
    properties,
    redelivered: delivery.fields.redelivered,
    accept() {
      if (!settled) channel.ack(delivery);
      return Promise.resolve();
    },
  };
}
