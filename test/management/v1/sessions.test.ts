/** Kept sessions and retained messages over `/v1/`, of real clients. */
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withTemporaryDirectory } from '../../support/directory.ts';
import { startV1, type V1Broker } from './harness.ts';

let broker: V1Broker;
let clients: MqttClient[] = [];
const LISTEN = { listen: ['http://127.0.0.1:0', 'amqp://127.0.0.1:0', 'mqtt://127.0.0.1:0'] };
const connect = async (options: object = {}): Promise<MqttClient> => {
  const url = `mqtt://127.0.0.1:${broker.port('mqtt')}`;
  const client = await connectAsync(url, { username: 'guest', password: 'guest', reconnectPeriod: 0, ...options });
  client.on('error', () => {});
  clients.push(client);
  return client;
};
const get = (path: string) => broker.ask(`/vhosts/%2F${path}`);
const del = (path: string) => broker.ask(`/vhosts/%2F${path}`, { method: 'DELETE' });
const closed = (client: MqttClient): Promise<void> => new Promise((resolve) => client.once('close', () => resolve()));

beforeEach(async () => {
  clients = [];
  broker = await startV1(LISTEN);
});
afterEach(async () => {
  for (const client of clients) client.end(true);
  await broker.close();
});

describe('kept sessions', () => {
  const kept = { protocolVersion: 5, clean: false, properties: { sessionExpiryInterval: 3600 } };

  it('are listed and shown, connected or away, with what they have subscribed to', async () => {
    const first = await connect({ ...kept, clientId: 'first' });
    await first.subscribeAsync('a/+', { qos: 1 });
    const gone = closed(first);
    await first.endAsync();
    await gone;
    const second = await connect({ ...kept, clientId: 'second' });
    await second.subscribeAsync('b', { qos: 2 });
    await second.publishAsync('a/x', 'waits', { qos: 1 });
    const listed = await get('/sessions');
    expect(listed.body).toMatchObject({
      ...{ total: 2, matching: 2 },
      sessions: [
        {
          clientId: 'first',
          user: 'guest',
          connected: false,
          protocol: 'mqtt',
          expirySeconds: 3600,
          endsAt: expect.any(String),
        },
        { clientId: 'second', connected: true },
      ],
    });
    expect((await get('/sessions?connected=true')).body).toMatchObject({
      matching: 1,
      sessions: [{ clientId: 'second' }],
    });
    expect((await get('/sessions/mqtt/first')).body).toMatchObject({
      ready: 1,
      subscriptions: [{ exchange: 'amq.topic', key: 'a/+', slashed: true, assurance: 1 }],
    });
    expect((await get('/sessions/mqtt/third')).status).toBe(404);
  });

  it('are ended with all that waits, and a client that is there is disconnected', async () => {
    const client = await connect({ ...kept, clientId: 'c' });
    await client.subscribeAsync('a', { qos: 1 });
    const { queue } = (await get('/sessions/mqtt/c')).body;
    const gone = closed(client);
    expect((await del('/sessions/mqtt/c')).status).toBe(204);
    await gone;
    expect((await get('/sessions')).body.total).toBe(0);
    expect((await get(`/queues/${encodeURIComponent(queue)}`)).status).toBe(404);
    expect((await del('/sessions/mqtt/c')).status).toBe(404);
    const again = await connect({ ...kept, clientId: 'away' });
    await again.endAsync();
    expect((await del('/sessions/mqtt/away')).status).toBe(204);
    expect((await get('/sessions')).body.total).toBe(0);
  });
});

describe('retained messages', () => {
  it('are listed, shown and removed, and nobody hears of it', async () => {
    const client = await connect({ protocolVersion: 5 });
    for (const topic of ['a/b', 'a/c', 'v1.2/x'])
      await client.publishAsync(topic, `{"t":"${topic}"}`, { qos: 1, retain: true });
    expect((await get('/retained')).body).toMatchObject({
      ...{ total: 3, matching: 3 },
      retained: [{ key: 'a.b' }, { key: 'a.c' }, { key: 'v1/2.x' }],
    });
    expect((await get('/retained?name=a.&limit=1')).body).toMatchObject({ matching: 2, retained: [{ key: 'a.b' }] });
    expect((await get('/retained/a.b?body=json')).body).toMatchObject({
      body: { t: 'a/b' },
      routingKey: 'a/b',
      exchange: 'amq.topic',
    });
    expect((await get('/retained/v1%2F2.x')).body.routingKey).toBe('v1.2/x');
    const heard: string[] = [];
    client.on('message', (topic, payload) => void heard.push(`${topic} ${payload.length}`));
    expect((await del('/retained/a.b')).status).toBe(204);
    expect((await get('/retained/a.b')).status).toBe(404);
    expect((await del('/retained/a.b')).status).toBe(404);
    await client.subscribeAsync('a/+', { qos: 1 });
    await client.publishAsync('a/end', 'x', { qos: 1 });
    await expect.poll(() => heard).toEqual(['a/c 11', 'a/end 1']);
  });

  it('are shown to who may read their topics', async () => {
    await broker.close();
    const all = { configure: '.*', write: '.*', read: '.*' };
    broker = await startV1({
      ...LISTEN,
      users: {
        guest: { password: 'guest', tags: ['administrator'], permissions: { '/': all } },
        some: {
          ...{ password: 's', tags: ['management'], permissions: { '/': all } },
          topicPermissions: [{ vhost: '/', exchange: 'amq.topic', read: '^a\\.', write: '^$' }],
        },
      },
    } as never);
    const client = await connect();
    for (const topic of ['a/b', 'secret/c']) await client.publishAsync(topic, 'x', { qos: 1, retain: true });
    const asSome = (path: string, method = 'GET') => broker.ask(`/vhosts/%2F${path}`, { login: 'some:s', method });
    expect((await asSome('/retained')).body).toMatchObject({ total: 1, retained: [{ key: 'a.b' }] });
    expect((await asSome('/retained/secret.c')).status).toBe(403);
    expect((await asSome('/retained/a.b', 'DELETE')).status).toBe(403);
    expect((await asSome('/retained/a.b')).status).toBe(200);
    expect((await asSome('/sessions')).status).toBe(403);
  });

  it('that were removed stay so after a restart', { timeout: 60_000 }, () =>
    withTemporaryDirectory(async (data) => {
      await broker.close();
      broker = await startV1({ ...LISTEN, data });
      const client = await connect();
      for (const topic of ['a', 'b']) await client.publishAsync(topic, 'x', { qos: 1, retain: true });
      expect((await del('/retained/a')).status).toBe(204);
      await client.endAsync();
      await broker.close();
      broker = await startV1({ ...LISTEN, data });
      expect((await get('/retained')).body).toMatchObject({ total: 1, retained: [{ key: 'b' }] });
    }),
  );
});
