/** `compat`: whose habits AMQP clients have, where RabbitMQ 3 and 4 differ; of the broker, and of a vhost. */
import type { ConfirmChannel, GetMessage } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestBroker, type TestBroker } from '../../support/broker.ts';
import { type Client, client, failure } from './wire.ts';

let broker: TestBroker;
const vhosts = { three: '', four: '/four' } as const;
beforeAll(async () => {
  broker = await startTestBroker({
    listen: ['amqp://127.0.0.1:0'],
    vhosts: { '/': {}, four: { compat: 'rabbitmq-4' } },
  });
});
afterAll(() => broker.close());

async function within<T>(
  compat: keyof typeof vhosts,
  run: (one: Client, channel: ConfirmChannel) => Promise<T>,
): Promise<T> {
  const one = await client(broker.ports.amqp, vhosts[compat]);
  const channel = await one.model.createConfirmChannel();
  channel.on('error', () => {});
  try {
    return await run(one, channel);
  } finally {
    await one.close().catch(() => {}); // one that was refused is closed already
  }
}

/** Attempts that are told of a message that was given back twice. */
function attemptsAfterTwo(compat: keyof typeof vhosts): Promise<number | undefined> {
  return within(compat, async (_one, channel) => {
    const args = { arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 5 } };
    const { queue } = await channel.assertQueue(`attempts-${compat}`, { durable: true, ...args });
    channel.sendToQueue(queue, Buffer.from('m'));
    await channel.waitForConfirms();
    for (let i = 0; i < 2; i++) channel.nack((await channel.get(queue)) as GetMessage, false, true);
    const last = (await channel.get(queue)) as GetMessage;
    return last.properties.headers!['x-delivery-count'] as number | undefined;
  });
}

describe('basic.nack with requeue', () => {
  test('is a failed attempt in RabbitMQ 3', async () => {
    expect(await attemptsAfterTwo('three')).toBe(2);
  });
  test('only gives back in RabbitMQ 4', async () => {
    expect(await attemptsAfterTwo('four')).toBe(0);
  });
});

/** How often a message has died, by what is told of it, that said it had died 41 times before. */
function deathsOfOneWithRecord(compat: keyof typeof vhosts): Promise<unknown> {
  return within(compat, async (_one, channel) => {
    const { queue: dead } = await channel.assertQueue(`dead-${compat}`, { durable: true });
    const { queue } = await channel.assertQueue(`dies-${compat}`, {
      durable: true,
      arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead },
    });
    channel.sendToQueue(queue, Buffer.from('m'), {
      headers: { 'x-death': [{ queue, reason: 'rejected', count: 41, exchange: '', 'routing-keys': [queue] }] },
    });
    await channel.waitForConfirms();
    channel.reject((await channel.get(queue)) as GetMessage, false);
    let letter: GetMessage | false = false;
    while (letter === false) letter = await channel.get(dead);
    return (letter.properties.headers!['x-death'] as unknown as { count: number }[])[0]!.count;
  });
}

describe('a record of deaths that came with a message', () => {
  test('is counted on in RabbitMQ 3', async () => {
    expect(await deathsOfOneWithRecord('three')).toBe(42);
  });
  test('is the broker’s alone in RabbitMQ 4', async () => {
    expect(await deathsOfOneWithRecord('four')).toBe(1);
  });
});

describe('a queue that is neither durable nor exclusive', () => {
  test('is one like any other in RabbitMQ 3', async () => {
    const declared = await within('three', (_one, channel) => channel.assertQueue('shared', { durable: false }));
    expect(declared.queue).toBe('shared');
  });
  test('is refused in RabbitMQ 4, and one that is there is found', async () => {
    const text = await within('four', async (one, channel) => {
      await failure(() => channel.assertQueue('shared', { durable: false }));
      return one.errors.join();
    });
    expect(text).toMatch(/541.*transient_nonexcl_queues.*'shared' must be durable or exclusive/);
  });
  test('may be exclusive in RabbitMQ 4', async () => {
    const declared = await within('four', (_one, channel) =>
      channel.assertQueue('own', { durable: false, exclusive: true }),
    );
    expect(declared.queue).toBe('own');
  });
});

test('a whole broker has the habits of RabbitMQ 4 by one word, and a vhost may have others', async () => {
  const other = await startTestBroker({
    listen: ['amqp://127.0.0.1:0'],
    compat: 'rabbitmq-4',
    vhosts: { '/': {}, old: { compat: 'rabbitmq-3' } },
  });
  const one = await client(other.ports.amqp, '/old');
  const channel = await one.channel();
  expect((await channel.assertQueue('shared', { durable: false })).queue).toBe('shared');
  await one.close();
  const two = await client(other.ports.amqp);
  const refused = await two.channel();
  await failure(() => refused.assertQueue('shared', { durable: false }));
  expect(two.errors.join()).toMatch(/541/);
  await other.close();
});
