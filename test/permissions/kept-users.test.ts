/** The broker's own users: what is set, cleared and deleted while clients are connected. */
import type { ChannelModel } from 'amqplib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { RawClient as MqttClient } from '../protocols/mqtt/raw-client.ts';
import { until } from '../support/until.ts';
import { ALL, amqp } from './harness.ts';

let broker: RunningBroker;

beforeEach(async () => {
  broker = await createBroker({ listen: ['amqp://127.0.0.1:0', 'mqtt://127.0.0.1:0'] });
  for (const user of ['u', 'v']) {
    await broker.users.put(user, { password: 'p' });
    await broker.users.setPermissions(user, '/', ALL);
  }
});

afterEach(() => broker.close());

const connect = (user: string): Promise<ChannelModel> => amqp(broker.port('amqp'), user);

it('a consumer is cancelled when its user may not read any more, and another goes on', async () => {
  const cancelled: string[] = [];
  const received: string[] = [];
  const connections = await Promise.all(['u', 'v'].map(connect));
  for (const [i, connection] of connections.entries()) {
    const channel = await connection.createChannel();
    await channel.assertQueue('q');
    await channel.consume('q', (message) => {
      if (message === null) cancelled.push('uv'[i]!);
      else received.push('uv'[i]!);
    });
  }
  await broker.users.setPermissions('u', '/', { ...ALL, read: '' });
  await until(() => cancelled.length > 0);
  const channel = await connections[1]!.createConfirmChannel();
  for (let i = 0; i < 4; i++) channel.sendToQueue('q', Buffer.from('x'));
  await channel.waitForConfirms();
  await until(() => received.length === 4);
  expect(cancelled).toEqual(['u']);
  expect(received).toEqual(['v', 'v', 'v', 'v']);
  for (const connection of connections) await connection.close();
});

it('topics are taken away with a topic permission, and come back without it', async () => {
  const login = { username: 'u', password: Buffer.from('p') };
  const client = await MqttClient.connect(broker.port('mqtt'), 'c', login);
  expect(await client.subscribe('a/b', 0)).toBe(0);
  await broker.users.setTopicPermissions('u', '/', 'amq.topic', { write: '.*', read: '^{client_id}\\.' });
  await until(() => client.closed);
  const again = await MqttClient.connect(broker.port('mqtt'), 'c', login);
  expect(await again.subscribe('a/b', 0, 1)).toBe(0x80);
  expect(await again.subscribe('c/b', 0, 2)).toBe(0);
  await broker.users.clearTopicPermissions('u', '/');
  expect(await again.subscribe('a/b', 0, 3)).toBe(0);
  await again.leave();
});

it('who is deleted is put out', async () => {
  const connection = await connect('u');
  const closed = new Promise((resolve) => connection.once('close', resolve));
  await broker.users.delete('u');
  expect(String(await closed)).toContain("access to vhost '/' refused for user 'u'");
});
