/** Queues over `/v1/`, and who takes from them. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fill, startV1, type V1Broker } from './harness.ts';

let broker: V1Broker;
beforeEach(async () => {
  broker = await startV1();
});
afterEach(() => broker.close());

it('consumers are listed with what they hold, those that hold most first', async () => {
  const channel = await broker.channel();
  await channel.assertQueue('q');
  await channel.consume('q', () => {}, { consumerTag: 'idle', noAck: true });
  await channel.prefetch(2);
  let came = 0;
  const both = new Promise<void>((resolve) => {
    void channel.consume('q', () => ++came === 2 && resolve(), { consumerTag: 'holds' });
  });
  await channel.checkQueue('q');
  await channel.cancel('idle');
  await fill(channel, 'q', ['1', '2', '3']);
  await both;
  await channel.consume('q', () => {}, { consumerTag: 'other', noAck: true });
  const { body } = await broker.ask('/vhosts/%2F/queues/q/consumers');
  expect(body).toMatchObject({
    total: 2,
    consumers: [
      { tag: 'holds', user: 'guest', activity: 'up', settles: true, prefetch: 2, held: 2, channel: 1 },
      { tag: 'other', settles: false, held: 0 },
    ],
  });
  expect((await broker.ask('/vhosts/%2F/queues/q/consumers?skip=1&limit=1')).body.consumers).toHaveLength(1);
  expect((await broker.ask('/vhosts/%2F/queues/none/consumers')).status).toBe(404);
});
