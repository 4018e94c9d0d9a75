/** A client of AMQP that is there as long as a group's broker. */
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { afterAll, beforeAll } from 'vitest';
import type { Desk } from './harness.ts';

export interface Client {
  channel: ConfirmChannel;
  /** Persistent, and taken when it is resolved. */
  send(queue: string, bodies: readonly string[]): Promise<void>;
}

export function clientOf(desk: Desk): Client {
  let connection: ChannelModel;
  const client: Client = {
    channel: undefined as unknown as ConfirmChannel,
    async send(queue, texts) {
      for (const text of texts) client.channel.sendToQueue(queue, Buffer.from(text), { persistent: true });
      await client.channel.waitForConfirms();
    },
  };
  beforeAll(async () => {
    connection = await connect(desk.amqpUrl);
    client.channel = await connection.createConfirmChannel();
  });
  afterAll(() => connection?.close());
  return client;
}

/** What lies in a queue, in the order of arrival. */
export async function bodies(desk: Desk, queue: string): Promise<string[]> {
  const answer = await desk.api<{ messages: { body: string }[] }>('GET', `/v1/vhosts/%2F/queues/${queue}/messages`);
  return answer.messages.map(({ body }) => body);
}
