/** Who takes messages from queues, over `/v1/consumers`. */
import amqp from 'amqplib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { SAMPLE_MS } from '../../../src/operator/rates/series.ts';
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
  const ofQueue = async (login: string) =>
    (await broker.ask('/vhosts/%2F/queues/a/consumers', { login })).body.consumers.map(
      ({ tag }: { tag: string }) => tag,
    );
  expect([await ofQueue(ROOT), await ofQueue('ann:p')]).toEqual([['holds'], []]);
  await broker.users.put('ann', { password: 'p', tags: ['monitoring'] });
  expect(await ofQueue('ann:p')).toEqual(['holds']);
  await client.close();
});

it('tells for how long each holds the oldest of what it holds, and which that is', async () => {
  const clock = new ManualClock();
  const own = await startV1({ clock });
  try {
    const client = await amqp.connect(`amqp://guest:guest@127.0.0.1:${own.port('amqp')}?heartbeat=0`);
    client.on('error', () => {});
    const channel = await client.createChannel();
    await channel.assertQueue('slow');
    await channel.prefetch(2);
    let second: (() => void) | undefined;
    await channel.consume('slow', (message) => {
      second ??= () => channel.ack(message!);
    });
    const list = async () => (await own.ask('/consumers')).body.consumers;
    const ofQueue = async () => (await own.ask('/vhosts/%2F/queues/slow/consumers')).body.consumers;
    expect(await list()).toMatchObject([{ held: 0 }]);
    expect((await list())[0]).not.toHaveProperty('oldest');
    channel.sendToQueue('slow', Buffer.from('first'));
    await expect.poll(async () => (await list())[0].held).toBe(1);
    const [{ position }] = (await own.ask('/vhosts/%2F/queues/slow/messages?state=unsettled')).body.messages;
    expect((await list())[0].oldest).toEqual({ position });
    // So many looks, which are told from each other by time alone
    for (let look = 0; look < 40; look++) await passed(own, clock);
    channel.sendToQueue('slow', Buffer.from('second'));
    await expect.poll(async () => (await list())[0].held).toBe(2);
    const { heldMs } = (await list())[0].oldest;
    expect(heldMs).toBeGreaterThanOrEqual(170_000);
    expect(heldMs).toBeLessThanOrEqual(200_000);
    expect(await ofQueue()).toMatchObject([{ held: 2, oldest: { position, heldMs } }]);
    second!();
    await expect.poll(async () => (await list())[0].held).toBe(1);
    expect((await list())[0].oldest.position).toBeGreaterThan(position);
    expect((await list())[0].oldest).not.toHaveProperty('heldMs');
    await client.close();
  } finally {
    await own.close();
  }
});

/** Until the broker has looked once more. */
async function passed(own: V1Broker, clock: ManualClock): Promise<void> {
  clock.advance(SAMPLE_MS);
  await own.operator['sampler'].tick();
}
