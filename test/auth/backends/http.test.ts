/** A back end over HTTP: clients of every protocol are asked for, wait alone, and what is warm costs no question. */
import amqplib, { type ChannelModel } from 'amqplib';
import { Redis } from 'ioredis';
import mqtt from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBroker, type RunningBroker } from '../../../src/index.ts';
import { until } from '../../support/until.ts';
import { type AuthService, startAuthService } from './harness.ts';
import { stompWire } from './stomp-wire.ts';

let service: AuthService;
let running: RunningBroker;

const PROTOCOLS = ['amqp', 'mqtt', 'stomp', 'redis'];

async function start(more: object = {}): Promise<void> {
  running = await createBroker({
    listen: PROTOCOLS.map((name) => `${name}://127.0.0.1:0`),
    users: { own: { password: 'p', permissions: { '/': { configure: '.*', write: '.*', read: '.*' } } } },
    auth: { backends: ['internal', service.backend(more)] },
  });
}

beforeEach(async () => {
  service = await startAuthService();
});
afterEach(async () => {
  await running.close();
  await service.close();
});

async function amqp(user: string): Promise<ChannelModel> {
  const connection = await amqplib.connect(`amqp://${encodeURIComponent(user)}:p@127.0.0.1:${running.port('amqp')}`);
  connection.on('error', () => {});
  return connection;
}

const mqttOptions = (user: string) => ({ username: user, password: 'p', reconnectPeriod: 0, clientId: `c-${user}` });
const mqttUrl = (): string => `mqtt://127.0.0.1:${running.port('mqtt')}`;

describe('a client that the service knows', () => {
  it('of AMQP is asked for as RabbitMQ asks, in order, and once for what it does again', async () => {
    await start();
    const connection = await amqp('u');
    const channel = await connection.createChannel();
    await channel.assertQueue('q', { arguments: { 'x-dead-letter-exchange': 'amq.direct' } });
    await channel.bindQueue('q', 'amq.topic', 'a.*');
    for (let i = 0; i < 100; i++) channel.publish('amq.topic', 'a.b', Buffer.from(String(i)));
    let got = 0;
    await channel.consume('q', () => got++, { noAck: true });
    await until(() => got === 100, 'all messages');
    expect(service.questions).toEqual([
      'user u',
      'vhost /',
      'queue configure q',
      'queue read q',
      'exchange write amq.direct',
      'queue write q',
      'exchange read amq.topic',
      'topic read amq.topic a.*',
      'exchange write amq.topic',
      'topic write amq.topic a.b',
    ]);
    // What it has done before costs no question more: not on another connection either.
    const again = await amqp('u');
    const other = await again.createChannel();
    await other.assertQueue('q', { arguments: { 'x-dead-letter-exchange': 'amq.direct' } });
    other.publish('amq.topic', 'a.b', Buffer.from('more'));
    await until(() => got === 101, 'one more');
    expect(service.asked).toHaveLength(10);
    await again.close();
    await connection.close();
  });

  it('of AMQP may declare queues whose names the broker makes up', async () => {
    await start();
    const connection = await amqp('u');
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    const { queue: second } = await channel.assertQueue('', { exclusive: true });
    expect(queue).not.toBe(second);
    await channel.bindQueue(queue, 'amq.fanout', '');
    let got = 0;
    await channel.consume(queue, () => got++);
    channel.publish('amq.fanout', '', Buffer.from('x'));
    await until(() => got === 1);
    expect(service.questions.filter((question) => question.startsWith('queue configure'))).toHaveLength(2);
    await connection.close();
  });

  it('of MQTT subscribes and publishes, with many filters in one packet', async () => {
    await start();
    const client = await mqtt.connectAsync(mqttUrl(), {
      ...mqttOptions('u'),
      will: { topic: 'gone/u', payload: Buffer.from('w'), qos: 1, retain: false },
    });
    const got: string[] = [];
    client.on('message', (topic, payload) => got.push(`${topic} ${payload}`));
    const granted = await client.subscribeAsync(['a/+', 'b/#', '$share/g/c/+', 'd'], { qos: 1 });
    expect(granted.map(({ qos }) => qos)).toEqual([1, 1, 1, 1]);
    for (const topic of ['a/1', 'b/2/3', 'c/4', 'd']) await client.publishAsync(topic, 'x', { qos: 1 });
    for (const topic of ['a/1', 'd']) client.publish(topic, 'y', { qos: 0 });
    await until(() => got.length === 6, `six messages, not ${got}`);
    expect(got.sort()).toEqual(['a/1 x', 'a/1 y', 'b/2/3 x', 'c/4 x', 'd x', 'd y']);
    expect(service.questions).toContain('topic write amq.topic gone.u');
    const ids = service.asked.map(({ fields }) => fields['client_id'] ?? fields['variable_map.client_id']);
    expect(new Set(ids)).toEqual(new Set(['c-u']));
    expect(service.asked.at(-1)!.fields).toMatchObject({
      'variable_map.client_id': 'c-u',
      'variable_map.username': 'u',
      'variable_map.vhost': '/',
    });
    await client.endAsync();
  });

  it('of STOMP and Redis does what it does', async () => {
    await start();
    const client = await stompWire(running.port('stomp'), { login: 'u', passcode: 'p' });
    expect(await client.frame()).toMatch(/^CONNECTED/);
    client.send('SUBSCRIBE', { id: '1', destination: '/topic/news.*', receipt: 'r1' });
    client.send('SUBSCRIBE', { id: '2', destination: '/queue/work', receipt: 'r2' });
    client.send('SEND', { destination: '/topic/news.x', receipt: 'r3' }, 'hello');
    const frames = [];
    for (let i = 0; i < 4; i++) frames.push((await client.frame()).split('\n')[0]);
    expect(frames.sort()).toEqual(['MESSAGE', 'RECEIPT', 'RECEIPT', 'RECEIPT']);
    client.send('UNSUBSCRIBE', { id: '1', receipt: 'r4' });
    expect(await client.frame()).toContain('receipt-id:r4');
    client.close();

    const redis = new Redis({ port: running.port('redis'), username: 'u', password: 'p', lazyConnect: true });
    redis.on('error', () => {});
    await redis.connect();
    expect(await redis.lpush('list', 'a', 'b')).toBe(2);
    expect(await redis.brpop('list', 'other', 1)).toEqual(['list', 'a']);
    expect(await redis.lmove('list', 'moved', 'RIGHT', 'LEFT')).toBe('b');
    const listener = redis.duplicate();
    await listener.subscribe('news.a', 'news.b', 'news.c');
    expect(await redis.publish('news.b', 'x')).toBe(1);
    listener.disconnect();
    redis.disconnect();
  });
});

describe('what the service denies', () => {
  it.each<[string, string, string]>([
    ['amqp', 'vhost', 'vhost /'],
    ['amqp', 'user', 'user u'],
    ['mqtt', 'user', 'user u'],
    ['mqtt', 'vhost', 'vhost /'],
  ])('a client of %s is refused: %s', async (protocol, _what, denied) => {
    await start();
    service.answer = (question) => (service.questions.at(-1) === denied ? 'deny of course' : `allow ${question.path}`);
    const attempt = protocol === 'amqp' ? amqp('u') : mqtt.connectAsync(mqttUrl(), mqttOptions('u'));
    await expect(attempt).rejects.toThrow();
    // Nothing that it says is told to the client.
    await expect(attempt).rejects.not.toThrow('of course');
  });

  it('is refused in the protocol, and the connection goes on', async () => {
    await start();
    service.answer = ({ fields }) => (fields['name'] === 'secret' || fields['routing_key'] === 's' ? 'deny' : 'allow');
    const connection = await amqp('u');
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    await expect(channel.assertQueue('secret')).rejects.toThrow(
      "ACCESS_REFUSED - access to queue 'secret' in vhost '/'",
    );
    const client = await mqtt.connectAsync(mqttUrl(), { ...mqttOptions('u'), protocolVersion: 5 });
    const granted = await client.subscribeAsync(['s', 't'], { qos: 0 }).catch((error: Error) => error);
    expect(String(granted)).toContain('Not authorized');
    await expect(client.publishAsync('s', 'x', { qos: 1 })).rejects.toThrow('Not authorized');
    await client.publishAsync('t', 'x', { qos: 1 });
    await client.endAsync();
    await connection.close();
  });

  it('later takes effect on who is connected', async () => {
    await start({ cache: { lifetime: 1_000 } });
    const connection = await amqp('u');
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    await channel.assertQueue('q');
    let cancelled = false;
    await channel.consume('q', (message) => {
      if (message === null) cancelled = true;
    });
    const publisher = await connection.createConfirmChannel();
    publisher.on('error', () => {});
    publisher.publish('', 'q', Buffer.from('x'));
    await publisher.waitForConfirms();
    service.answer = ({ fields }) => (/read|write/.test(fields['permission'] ?? '') ? 'deny' : 'allow');
    await until(() => cancelled, 'its consumer was cancelled');
    await expect(
      (async () => {
        for (;;) {
          publisher.publish('', 'q', Buffer.from('x'));
          await publisher.waitForConfirms();
        }
      })(),
    ).rejects.toThrow();
    await connection.close();
  });
});

describe('a service that does not answer', () => {
  it('slow, or not at all: others notice nothing while ninety wait for it', async () => {
    await start({ timeout: 60_000 });
    const beside = await amqp('own');
    const bystander = await beside.createConfirmChannel();
    await bystander.assertQueue('b');
    const known = await amqp('u');
    const warm = await known.createConfirmChannel();
    await warm.assertQueue('w');
    warm.sendToQueue('w', Buffer.from('x'));
    await warm.waitForConfirms();
    service.answer = () => () => {};
    const asked = service.asked.length;
    let told = 0;
    const strangers = Array.from({ length: 90 }, (_, i) =>
      amqp(`s${i}`).catch((error: Error) => {
        told++;
        return error.message;
      }),
    );
    await until(() => service.asked.length >= asked + 10, 'strangers are asked for');
    for (let i = 0; i < 20; i++) {
      bystander.sendToQueue('b', Buffer.from('x'));
      await bystander.waitForConfirms();
      warm.sendToQueue('w', Buffer.from('x'));
      await warm.waitForConfirms();
    }
    await (await amqp('own')).close();
    expect(told).toBe(0);
    await service.close();
    expect((await Promise.all(strangers)).every((text) => typeof text === 'string')).toBe(true);
    const [, statistics] = running.broker.backendStatistics.find(([name]) => name === 'http')!;
    expect(statistics.failed).toBeGreaterThanOrEqual(90);
    await beside.close();
    await known.close();
  });

  it('in time: who is asked for is refused then', async () => {
    await start({ timeout: 300 });
    service.answer = () => () => {};
    await expect(amqp('u')).rejects.toThrow();
    service.answer = ({ path }) => (path === 'resource' ? () => {} : 'allow');
    const connection = await amqp('v');
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    await expect(channel.assertQueue('q')).rejects.toThrow("ACCESS_REFUSED - access to queue 'q'");
    await connection.close();
  });

  it.each<[string, (response: import('node:http').ServerResponse) => void]>([
    ['garbage', (response) => response.end('{"result":"allow"}')],
    ['nothing', (response) => response.end()],
    ['an error', (response) => response.writeHead(500).end('allow')],
    ['a redirection', (response) => response.writeHead(302, { location: '/allow' }).end('allow')],
    ['more than there is room for', (response) => response.end(`allow ${'x'.repeat(1_000_000)}`)],
    [
      'half of it',
      (response) => response.writeHead(200, { 'content-length': '100' }).write('allow', () => response.destroy()),
    ],
    ['tags without end', (response) => response.end(`allow ${'a '.repeat(100)}`)],
  ])('with anything but its two words: %s', async (_what, reply) => {
    await start({ timeout: 2_000 });
    service.answer = () => reply;
    await expect(amqp('u')).rejects.toThrow();
    const [, statistics] = running.broker.backendStatistics.find(([name]) => name === 'http')!;
    expect(statistics).toMatchObject({ accepted: 0, failed: 1 });
  });

  it('that is down: refused at once', async () => {
    await start();
    await service.close();
    const startedMs = performance.now();
    await expect(amqp('u')).rejects.toThrow();
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await (await amqp('own')).close();
  });
});

describe('the settings', () => {
  it('may have somebody else decide what the users may do', async () => {
    running = await createBroker({
      listen: 'amqp://127.0.0.1:0',
      users: { u: { tags: [], permissions: { '/': { configure: '^mine', write: '.*', read: '.*' } } } },
      auth: { backends: [service.backend({ authorization: 'internal' }), 'internal'] },
    });
    const connection = await amqp('u');
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    await channel.assertQueue('mine');
    await expect(channel.assertQueue('yours')).rejects.toThrow('ACCESS_REFUSED');
    expect(service.questions).toEqual(['user u']);
    await connection.close();
  });

  it('may ask with POST', async () => {
    await start({ method: 'post' });
    await (await amqp('a u&=%')).close();
    expect(service.asked[0]!.fields).toEqual({ username: 'a u&=%', password: 'p' });
  });
});
