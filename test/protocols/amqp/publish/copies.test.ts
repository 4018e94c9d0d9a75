/** Sender-selected distribution: the headers CC and BCC. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { type Client, client } from '../wire.ts';

let broker: TestBroker;
let one: Client;
beforeAll(async () => {
  broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'] });
  one = await client(broker.ports.amqp);
});
afterAll(async () => {
  await one.close();
  await broker.close();
});

async function three() {
  const channel = await one.model.createConfirmChannel();
  const queues: string[] = [];
  for (let i = 0; i < 3; i++) queues.push((await channel.assertQueue('', { exclusive: true })).queue);
  return { channel, queues: queues as [string, string, string] };
}

test('every queue gets one copy; BCC is not to be seen, everything else is as it was', async () => {
  const { channel, queues } = await three();
  const [a, b, c] = queues;
  const headers = { before: 1, CC: [b, a], BCC: [c], after: 'two' };
  channel.sendToQueue(a, Buffer.from('copied'), { headers, messageId: 'm', contentType: 'text/plain' });
  await channel.waitForConfirms();
  for (const queue of queues) {
    const message = await channel.get(queue, { noAck: true });
    expect(message).toMatchObject({
      content: Buffer.from('copied'),
      fields: { routingKey: a, messageCount: 0 },
      properties: { messageId: 'm', contentType: 'text/plain', headers: { before: 1, CC: [b, a], after: 'two' } },
    });
    expect(message === false ? [] : Object.keys(message.properties.headers ?? {})).toEqual(['before', 'CC', 'after']);
  }
});

test('a copy that arrives makes a mandatory message routed; none does not', async () => {
  const { channel, queues } = await three();
  const returned: string[] = [];
  channel.on('return', (message) => returned.push(message.content.toString()));
  channel.sendToQueue('nobody', Buffer.from('kept'), { mandatory: true, BCC: [queues[1]] } as object);
  channel.publish('', 'nobody', Buffer.from('lost'), { mandatory: true, headers: { BCC: ['nobody either'] } });
  await channel.waitForConfirms();
  expect(returned).toEqual(['lost']);
  expect(await channel.get(queues[1], { noAck: true })).toMatchObject({ content: Buffer.from('kept') });
});

test('what is no text in the list is passed over', async () => {
  const { channel, queues } = await three();
  channel.sendToQueue(queues[0], Buffer.from('x'), { headers: { CC: [1, queues[1], null] } });
  await channel.waitForConfirms();
  expect(await channel.get(queues[1], { noAck: true })).toBeTruthy();
});

test('with a body over several frames, and after the bindings have changed', async () => {
  const { channel, queues } = await three();
  await channel.bindQueue(queues[0], 'amq.topic', 'a.*');
  const large = Buffer.alloc(300_000, 'x');
  channel.publish('amq.topic', 'nothing', large, { headers: { CC: ['a.b', 'a.c'] } });
  await channel.waitForConfirms();
  await channel.unbindQueue(queues[0], 'amq.topic', 'a.*');
  await channel.bindQueue(queues[1], 'amq.topic', 'a.b');
  channel.publish('amq.topic', 'nothing', large, { headers: { CC: ['a.b', 'a.c'] } });
  await channel.waitForConfirms();
  for (const queue of queues.slice(0, 2)) {
    expect(await channel.get(queue, { noAck: true })).toMatchObject({ content: large, fields: { messageCount: 0 } });
  }
});
