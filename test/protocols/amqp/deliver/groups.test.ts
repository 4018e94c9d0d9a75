/** What RabbitMQ has not: selectors and message groups, in the words of JMS. And what only its quorum queues have. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { type Client, client, failure, Inbox, texts } from '../wire.ts';

let broker: TestBroker;
let one: Client;
beforeAll(async () => {
  broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'] });
});
beforeEach(async () => {
  one = await client(broker.ports.amqp);
});
afterEach(() => one.close());
afterAll(() => broker.close());

test('a consumer with x-selector gets what it selects, others get the rest', async () => {
  const channel = await one.model.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const red = new Inbox();
  await channel.consume(queue, red.consume, {
    noAck: true,
    arguments: { 'x-selector': "colour = 'red' AND size > 3" },
  });
  for (const [colour, size] of [
    ['red', 5],
    ['blue', 5],
    ['red', 1],
    ['red', 9],
  ] as const) {
    channel.sendToQueue(queue, Buffer.from(`${colour} ${size}`), { headers: { colour, size } });
  }
  await channel.waitForConfirms();
  expect(texts(await red.take(2))).toEqual(['red 5', 'red 9']);
  const rest = new Inbox();
  await channel.consume(queue, rest.consume, { noAck: true });
  expect(texts(await rest.take(2))).toEqual(['blue 5', 'red 1']);
});

test('a selector that cannot be read costs the channel and says why', async () => {
  const channel = await one.channel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const consume = () => channel.consume(queue, () => {}, { arguments: { 'x-selector': 'colour = ' } });
  expect(await failure(consume)).toContain(`PRECONDITION_FAILED - invalid arg 'x-selector' for queue '${queue}'`);
});

test('messages of a group go to one consumer, in order, others to whoever is free', async () => {
  const channel = await one.model.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.prefetch(100);
  const inboxes = [new Inbox(), new Inbox()];
  for (const inbox of inboxes) await channel.consume(queue, inbox.consume);
  for (let i = 0; i < 20; i++) {
    channel.sendToQueue(queue, Buffer.from(String(i)), { headers: { JMSXGroupID: `g${i % 2}` } });
  }
  await channel.waitForConfirms();
  while (inboxes.reduce((sum, inbox) => sum + inbox.messages.length, 0) < 20) await new Promise(setImmediate);
  for (const { messages } of inboxes) {
    for (const group of ['g0', 'g1']) {
      const mine = messages
        .filter((m) => m.properties.headers?.['JMSXGroupID'] === group)
        .map((m) => Number(m.content));
      expect([0, 10]).toContain(mine.length);
      expect(mine).toEqual([...mine].sort((a, b) => a - b));
    }
  }
});

test('a quorum queue tells how often a message has failed, a classic one does not', async () => {
  for (const [type, counts] of [
    ['quorum', [undefined, 1, 2]],
    ['classic', [undefined, undefined, undefined]],
  ] as const) {
    const channel = await one.model.createConfirmChannel();
    await channel.assertQueue(`counting ${type}`, { durable: true, arguments: { 'x-queue-type': type } });
    const inbox = new Inbox();
    await channel.consume(`counting ${type}`, inbox.consume);
    channel.sendToQueue(`counting ${type}`, Buffer.from('x'), { headers: { kept: true } });
    for (const count of counts) {
      const message = await inbox.next();
      expect(message.properties.headers).toEqual({
        kept: true,
        ...(count !== undefined && { 'x-delivery-count': count, 'x-acquired-count': count }),
      });
      channel.nack(message);
    }
    await channel.deleteQueue(`counting ${type}`);
  }
});
