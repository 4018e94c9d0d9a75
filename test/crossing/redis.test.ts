/** Redis' clients among those of the other protocols: a channel is a topic, a list is a queue. */

import { connect as amqpConnect } from 'amqplib';
import { Redis } from 'ioredis';
import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createBroker, type RunningBroker } from '../../src/index.ts';

let broker: RunningBroker;
const open: (() => unknown)[] = [];

beforeAll(async () => {
  broker = await createBroker({ listen: ['redis', 'amqp', 'mqtt', 'stomp'].map((name) => `${name}://127.0.0.1:0`) });
});
afterAll(async () => {
  for (const close of open) await close();
  await broker.close();
});

function redis(): Redis {
  const client = new Redis({ port: broker.port('redis'), host: '127.0.0.1', retryStrategy: () => null });
  client.on('error', () => {});
  open.push(() => client.disconnect());
  return client;
}

async function device(): Promise<mqtt.MqttClient> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`);
  open.push(() => client.endAsync(true));
  return client;
}

async function amqp() {
  const connection = await amqpConnect(`amqp://127.0.0.1:${broker.port('amqp')}`);
  open.push(() => connection.close());
  return connection.createConfirmChannel();
}

const message = (client: Redis, event: 'message' | 'pmessage'): Promise<string[]> =>
  new Promise((resolve) => client.once(event, (...texts: string[]) => resolve(texts)));

it("an MQTT device's reading reaches a Redis subscriber and a worker in BRPOP", async () => {
  const [subscriber, watcher, worker, publisher] = [redis(), redis(), redis(), await device()];
  const channel = await amqp();
  await channel.assertQueue('readings', { durable: true });
  await channel.bindQueue('readings', 'amq.topic', 'plant.*.temperature');
  await subscriber.subscribe('plant.7.temperature');
  await watcher.psubscribe('plant.*');
  const heard = message(subscriber, 'message');
  const watched = message(watcher, 'pmessage');
  const popped = worker.brpop('readings', 5);
  await publisher.publishAsync('plant/7/temperature', '21.5', { qos: 1 });
  expect(await heard).toEqual(['plant.7.temperature', '21.5']);
  expect(await watched).toEqual(['plant.*', 'plant.7.temperature', '21.5']);
  expect(await popped).toEqual(['readings', '21.5']);
});

it('what Redis publishes reaches MQTT and AMQP subscribers, and is counted', async () => {
  const [publisher, listener, channel] = [redis(), await device(), await amqp()];
  await listener.subscribeAsync('alarm/+');
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, 'amq.topic', 'alarm.#');
  const heard = new Promise<string>((resolve) =>
    listener.once('message', (topic, body) => resolve(`${topic} ${body}`)),
  );
  expect(await publisher.publish('alarm.fire', 'now')).toBe(2);
  expect(await heard).toBe('alarm/fire now');
  const got = await channel.get(queue, { noAck: true });
  expect(got && `${got.fields.routingKey} ${got.content}`).toBe('alarm.fire now');
});

it('elements of a list are durable messages of the queue of its name, both ways', async () => {
  const [client, channel] = [redis(), await amqp()];
  await client.lpush('work', 'a', 'b');
  await channel.assertQueue('work', { durable: true });
  const got = await channel.get('work', { noAck: true });
  expect(got && [got.content.toString(), got.properties.deliveryMode]).toEqual(['a', 2]);
  channel.sendToQueue('work', Buffer.from('c'), { persistent: true, headers: { n: 1 }, contentType: 'text/plain' });
  await channel.waitForConfirms();
  expect(await client.llen('work')).toBe(2);
  expect(await client.rpop('work')).toBe('b');
  // What another protocol has sent keeps its properties on its way through a list.
  expect(await client.lmove('work', 'done', 'RIGHT', 'LEFT')).toBe('c');
  const moved = await channel.get('done', { noAck: true });
  expect(moved && [moved.content.toString(), moved.properties.contentType, moved.properties.headers]).toEqual([
    'c',
    'text/plain',
    { n: 1 },
  ]);
});

it('a pop that waited leaves a queue where it is that goes with its last consumer', async () => {
  const [worker, channel] = [redis(), await amqp()];
  await channel.assertQueue('fleeting', { autoDelete: true });
  const popped = worker.brpop('fleeting', 5);
  while ((await channel.checkQueue('fleeting')).consumerCount === 0);
  for (const body of ['1', '2', '3']) channel.sendToQueue('fleeting', Buffer.from(body));
  await channel.waitForConfirms();
  expect(await popped).toEqual(['fleeting', '1']);
  expect((await channel.checkQueue('fleeting')).messageCount).toBe(2);
});

it('what MQTT keeps for the broker to say cannot be published to', async () => {
  await expect(redis().publish('$SYS.broker.version', 'fake')).rejects.toThrow(/NOPERM/);
});
