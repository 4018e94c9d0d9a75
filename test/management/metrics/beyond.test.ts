/** What RabbitMQ does not show: how long messages and clients wait, and who was refused what. */
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import { expect, it } from 'vitest';
import { type Scraped, scrape } from '../../../conformance/metrics/scraped.ts';
import type { BrokerOptions } from '../../../src/index.ts';
import { startTestBroker, type TestBroker, withTemporaryDirectory } from '../../support/broker.ts';

const metrics = (broker: TestBroker, path = ''): Promise<Scraped> =>
  scrape(`http://127.0.0.1:${broker.ports.http}/metrics${path}`);

async function withBroker(options: BrokerOptions, run: (broker: TestBroker) => Promise<void>): Promise<void> {
  await withTemporaryDirectory(async (data) => {
    const broker = await startTestBroker({ data, ...options });
    try {
      await run(broker);
    } finally {
      await broker.close();
    }
  });
}

it('says for how long the oldest message of a vhost and of each large queue has waited', async () => {
  await withBroker({}, async (broker) => {
    const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('old');
    await channel.assertQueue('levels', { arguments: { 'x-max-priority': 5 } });
    await channel.assertQueue('empty');
    const beganMs = Date.now();
    channel.sendToQueue('levels', Buffer.from('x'), { priority: 1 });
    await channel.waitForConfirms();
    // It is behind the message of a higher priority, and older.
    for (let i = 0; i < 40; i++) channel.sendToQueue('old', Buffer.alloc(100_000), { persistent: true });
    channel.sendToQueue('levels', Buffer.from('x'), { priority: 5 });
    await channel.waitForConfirms();
    const shown = await metrics(broker);
    const each = await metrics(broker, '?family=queues');
    const passedS = (Date.now() - beganMs) / 1_000;
    const all = shown.value('entrepot_oldest_ready_message_seconds', { vhost: '/' });
    const levels = each.value('entrepot_queue_oldest_ready_seconds', { queue: 'levels' });
    const old = each.value('entrepot_queue_oldest_ready_seconds', { queue: 'old' });
    expect(all).toBeLessThanOrEqual(passedS);
    expect(levels).toBeGreaterThanOrEqual(all);
    expect(levels).toBeGreaterThanOrEqual(old);
    expect(each.value('entrepot_queue_oldest_ready_seconds', { queue: 'empty' })).toBe(0);
    await connection.close();
  });
});

it('says so too after a restart, when the message must be read from the disk first', async () => {
  await withTemporaryDirectory(async (data) => {
    const first = await startTestBroker({ data });
    const connection = await amqplib.connect(`amqp://127.0.0.1:${first.ports.amqp}`);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('q');
    channel.sendToQueue('q', Buffer.alloc(1_000), { persistent: true });
    await channel.waitForConfirms();
    await connection.close();
    await first.close();
    const again = await startTestBroker({ data });
    const each = await metrics(again, '?family=queues');
    expect(each.value('entrepot_queue_ready', { queue: 'q' })).toBe(1);
    expect(each.value('entrepot_queue_oldest_ready_seconds', { queue: 'q' })).toBeGreaterThan(0);
    expect((await metrics(again)).value('entrepot_oldest_ready_message_seconds', { vhost: '/' })).toBeGreaterThan(0);
    await again.close();
  });
});

it('counts refused messages by reason and protocol, and confirms and logins by how long they took', async () => {
  const users = { u: { password: 'right', permissions: { '/': { configure: '.*', write: '.*', read: '.*' } } } };
  await withBroker({ users } as BrokerOptions, async (broker) => {
    const connection = await amqplib.connect(`amqp://u:right@127.0.0.1:${broker.ports.amqp}`);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('full', { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
    for (let i = 0; i < 3; i++) channel.sendToQueue('full', Buffer.from('x'), { persistent: true }, () => {});
    await channel.waitForConfirms().catch(() => {});
    await expect(amqplib.connect(`amqp://u:wrong@127.0.0.1:${broker.ports.amqp}`)).rejects.toThrow();
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`, {
      username: 'u',
      password: 'right',
    });
    await client.publishAsync('t', 'x', { qos: 1 });
    await client.endAsync();
    const shown = await metrics(broker);
    const refused = (reason: string) => shown.value('entrepot_publish_refusals_total', { protocol: 'amqp', reason });
    expect([refused('queue_full'), refused('log'), refused('transient')]).toEqual([2, 0, 0]);
    expect(shown.value('entrepot_login_refusals_total', { protocol: 'amqp', reason: 'credentials' })).toBe(1);
    expect(shown.value('entrepot_confirm_seconds_count', { protocol: 'amqp' })).toBe(1);
    expect(shown.value('entrepot_confirm_seconds_count', { protocol: 'mqtt' })).toBe(1);
    expect(shown.value('entrepot_confirm_seconds_sum', { protocol: 'mqtt' })).toBeGreaterThan(0);
    expect(shown.value('entrepot_login_seconds_count', { protocol: 'amqp' })).toBe(2);
    expect(shown.value('entrepot_login_seconds_sum', { protocol: 'amqp' })).toBeGreaterThan(0.01);
    await connection.close();
  });
});

it('counts a failed message that is put aside as a retry', async () => {
  await withBroker({}, async (broker) => {
    await broker.setPolicy('/', { name: 'again', pattern: '^q$', definition: { 'retry-delay': 60_000 } });
    const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('q', { arguments: { 'x-queue-type': 'quorum' } });
    channel.sendToQueue('q', Buffer.from('x'));
    await channel.waitForConfirms();
    const got = await channel.get('q');
    channel.nack(got as amqplib.GetMessage);
    await channel.checkQueue('q');
    const shown = await metrics(broker);
    expect(shown.value('entrepot_messages_retried_total', { vhost: '/' })).toBe(1);
    expect(shown.value('entrepot_retrying_messages', { vhost: '/' })).toBe(1);
    await connection.close();
  });
});
