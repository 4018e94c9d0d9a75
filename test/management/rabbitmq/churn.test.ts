/** How fast connections, channels and queues come and go, and what is used of the machine, over RabbitMQ's HTTP API. */
import amqplib from 'amqplib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../../src/index.ts';
import { untilAsked as until } from '../../support/until.ts';
import { type ApiBroker, startApi } from './harness.ts';

let clock: ManualClock;
let api: ApiBroker;

beforeEach(async () => {
  clock = new ManualClock();
  api = await startApi({ clock });
});
afterEach(() => api.close());

const overview = async (query = '') => (await api.ask(`/overview${query}`)).body.churn_rates;

it('is told since the start, and a second', async () => {
  clock.advance(5_000);
  await until(async () => (await overview('?node_stats_age=60&node_stats_incr=5')).queue_declared_details.samples);
  const client = await amqplib.connect(`amqp://127.0.0.1:${api.port('amqp')}`);
  for (let n = 0; n < 5; n++) await client.createChannel();
  const channel = await client.createChannel();
  for (let n = 0; n < 10; n++) await channel.assertQueue(`q${n}`);
  await channel.assertQueue('q0');
  await channel.deleteQueue('q1');
  expect(await overview()).toMatchObject({
    ...{ connection_created: 1, connection_closed: 0, channel_created: 6, channel_closed: 0 },
    ...{ queue_declared: 11, queue_created: 10, queue_deleted: 1 },
  });
  clock.advance(5_000);
  await until(async () => (await overview()).queue_created_details.rate === 2);
  const rates = await overview('?node_stats_age=60&node_stats_incr=5');
  expect(rates.channel_created_details.rate).toBeCloseTo(1.2);
  expect(rates.connection_created_details.rate).toBeCloseTo(0.2);
  expect(rates.queue_declared_details.samples.slice(0, 2).map((one: { sample: number }) => one.sample)).toEqual([
    11, 0,
  ]);
  await client.close();
  await until(async () => (await overview()).connection_closed === 1);
  expect((await overview()).channel_closed).toBe(6);
});

it('does not fall when a vhost goes: its queues are deleted', async () => {
  await api.ask('/vhosts/brief', { method: 'PUT' });
  for (const name of ['a', 'b', 'c']) await api.ask(`/queues/brief/${name}`, { method: 'PUT' });
  await api.ask('/queues/brief/a', { method: 'DELETE' });
  expect(await overview()).toMatchObject({ queue_created: 3, queue_deleted: 1 });
  expect((await api.ask('/vhosts/brief', { method: 'DELETE' })).status).toBe(204);
  expect(await overview()).toMatchObject({ queue_declared: 3, queue_created: 3, queue_deleted: 3 });
});

it('stands with the node too, beside what is used of the machine', async () => {
  const [node] = (await api.ask('/nodes')).body;
  expect(node).toMatchObject({ queue_created: 0, queue_created_details: { rate: 0 }, sockets_used: 0 });
  expect(node.mem_used).toBeGreaterThan(10_000_000);
  const writtenBytes = node.io_write_bytes;
  await api.ask('/queues/%2F/q', { method: 'PUT', body: { durable: true } });
  clock.advance(5_000);
  await until(async () => (await api.ask('/nodes')).body[0].queue_created_details.rate > 0);
  const [later] = (await api.ask('/nodes?node_stats_age=60&node_stats_incr=5')).body;
  expect(later.io_write_bytes).toBeGreaterThan(writtenBytes);
  expect(later.mem_used_details.samples.length).toBeGreaterThan(0);
  expect(later.mem_used_details.samples[0].sample).toBeGreaterThan(10_000_000);
});

it('shows that a queue is paused', async () => {
  await api.ask('/queues/%2F/q', { method: 'PUT', body: {} });
  const states = async () => [
    (await api.ask('/queues/%2F/q')).body.state,
    (await api.ask('/queues')).body[0].state,
    (await api.ask('/queues?disable_stats=true')).body[0].state,
    (await api.ask('/queues?disable_stats=true&enable_queue_totals=true')).body[0].state,
  ];
  expect(await states()).toEqual(['running', 'running', 'live', 'running']);
  await api.operator.queues.setPaused('/', 'q', true);
  expect(await states()).toEqual(['paused', 'paused', 'paused', 'paused']);
  await api.operator.queues.setPaused('/', 'q', false);
  expect(await states()).toEqual(['running', 'running', 'live', 'running']);
});

it('of what was sent back claims no rate that nobody has measured, and of a channel has one', async () => {
  const client = await amqplib.connect(`amqp://127.0.0.1:${api.port('amqp')}`);
  const channel = await client.createConfirmChannel();
  channel.on('return', () => {});
  channel.publish('', 'nowhere', Buffer.from('x'), { mandatory: true });
  await channel.waitForConfirms();
  const [shown] = (await api.ask('/channels')).body;
  expect(shown.message_stats).toMatchObject({ confirm: 1, drop_unroutable: 0, publish: 1, return_unroutable: 1 });
  expect(shown.message_stats.publish_details).toEqual({ rate: expect.any(Number) });
  const { message_stats: all } = (await api.ask('/overview')).body;
  expect(all).toMatchObject({ publish: 1, publish_details: { rate: 0 } });
  expect(Object.keys(all).filter((name) => name.startsWith('return'))).toEqual([]);
  await client.close();
});

it('is named in metrics as an operator has named it', async () => {
  const cluster = async () =>
    /rabbitmq_cluster="([^"]*)"/.exec(
      await (await fetch(`http://127.0.0.1:${api.port('http')}/metrics?prefix=rabbitmq`)).text(),
    )?.[1];
  expect(await cluster()).toBe((await api.ask('/cluster-name')).body.name);
  expect((await api.ask('/cluster-name', { method: 'PUT', body: { name: 'plant 1' } })).status).toBe(204);
  expect(await cluster()).toBe('plant 1');
});
