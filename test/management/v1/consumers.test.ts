/** Who takes messages from queues, over `/v1/consumers`. */
import amqp from 'amqplib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startV1, type V1Broker } from './harness.ts';

const ROOT = 'root:root';
const ALL = { configure: '.*', write: '.*', read: '.*' };

let broker: V1Broker;
beforeEach(async () => {
  broker = await startV1();
  await broker.users.put('root', { password: 'root', tags: ['administrator'] }); // with whom guest ends
  await broker.users.setPermissions('root', '/', ALL);
  await broker.users.put('ann', { password: 'p', tags: ['management'] });
});
afterEach(() => broker.close());

it('tells what each holds, in pages, and without the tag monitoring only her own', async () => {
  const client = await amqp.connect(`amqp://root:root@127.0.0.1:${broker.port('amqp')}`);
  const channel = await client.createConfirmChannel();
  for (const queue of ['a', 'b']) await channel.assertQueue(queue);
  await channel.prefetch(7);
  await channel.consume('a', () => {}, { consumerTag: 'holds' });
  await channel.consume('b', () => {}, { consumerTag: 'takes', noAck: true });
  channel.sendToQueue('a', Buffer.from('x'));
  await channel.waitForConfirms();
  const list = async (query = '', login = ROOT) => (await broker.ask(`/consumers${query}`, { login })).body;
  await expect
    .poll(async () => (await list('?name=a')).consumers)
    .toMatchObject([
      { vhost: '/', queue: 'a', tag: 'holds', user: 'root', settles: true, held: 1, prefetch: 7, activity: 'up' },
    ]);
  expect(await list('?skip=1&limit=1')).toMatchObject({ consumers: [{ settles: false }], total: 2, matching: 2 });
  expect(await list('', 'ann:p')).toEqual({ consumers: [], total: 0, matching: 0 });
  await broker.users.setPermissions('ann', '/', ALL);
  expect(await list('', 'ann:p')).toEqual({ consumers: [], total: 0, matching: 0 });
  await client.close();
});
