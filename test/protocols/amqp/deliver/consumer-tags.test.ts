/** A consumer tag is free again once its consumer is gone, whichever way that went. */
import amqplib from 'amqplib';
import { expect, test } from 'vitest';
import { startTestBroker } from '../../../support/broker.ts';

test('after a cancel, and after its queue was deleted', async () => {
  const broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'] });
  const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
  try {
    const channel = await connection.createChannel();
    const bodies: string[] = [];
    const consume = (queue: string) =>
      channel.consume(queue, (message) => void (message !== null && bodies.push(message.content.toString())), {
        consumerTag: 'tag',
        noAck: true,
      });
    for (const queue of ['a', 'b', 'c']) await channel.assertQueue(queue);
    await consume('a');
    await channel.cancel('tag');
    await consume('b');
    await channel.deleteQueue('b');
    await consume('c');
    channel.sendToQueue('c', Buffer.from('m'));
    await new Promise<void>((resolve) => {
      const look = (): unknown => (bodies.length > 0 ? resolve() : setImmediate(look));
      look();
    });
    expect(bodies).toEqual(['m']);
  } finally {
    await connection.close();
    await broker.close();
  }
});
