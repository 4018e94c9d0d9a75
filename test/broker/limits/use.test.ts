/** Limits on what is there: channels, consumers and exclusive queues; of listeners, vhosts, users and connections. */
import type { Channel, ChannelModel } from 'amqplib';
import type { MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as wire from '../../../conformance/mqtt/wire.ts';
import { until, untilAsked } from '../../support/until.ts';
import { LimitedBroker, STOMP, USERS } from './harness.ts';

let limited: LimitedBroker;
beforeEach(() => {
  limited = new LimitedBroker();
});
afterEach(() => limited.close());

const SCOPES = [
  [
    'listener',
    'listener amqp+mqtt+stomp://127.0.0.1:0',
    (limits: string, n: number) => ({
      listen: ['http://127.0.0.1:0', 'amqp://127.0.0.1:0', `amqp+mqtt+stomp://127.0.0.1:0?${limits}=${n}`],
    }),
  ],
  ['vhost', "vhost '/'", (limits: string, n: number) => ({ vhosts: { '/': { limits: { [limits]: n } } } })],
  ['user', "user 'a'", (limits: string, n: number) => ({ limits: { users: { a: { [limits]: n } } } })],
] as const;

/** The port that the limits are for. */
const port = (): number =>
  limited.broker.listeners.find(({ name }) => name.includes('+'))?.port ?? limited.broker.port('amqp');

describe.each(SCOPES)('of a %s', (kind, shown, options) => {
  it('as many channels as there may be: one more ends its connection, and those of connections that go are free', async () => {
    await limited.start({ ...USERS, ...options('channels', 2) });
    const one = await limited.amqp('a', port());
    await one.createChannel();
    await one.createChannel();
    const two = await limited.amqp('a', port());
    await expect(two.createChannel()).rejects.toThrow();
    const text =
      kind === 'user'
        ? "for user 'a' has reached the maximum allowed user"
        : `in ${shown} has reached the maximum allowed`;
    await until(() => limited.errors.join().includes(`number of channels opened ${text} limit of (2)`));
    expect(await limited.refused(`${kind}_channels`, 'amqp')).toBe(1);
    // Whom it is not about.
    if (kind !== 'vhost') await (await limited.amqp('b', limited.broker.port('amqp'))).createChannel();
    await one.close();
    const three = await limited.amqp('a', port());
    await three.createChannel();
    await three.createChannel();
  });

  it('as many consumers: one more is refused, and those that are cancelled, deleted or gone make room', async () => {
    await limited.start({ ...USERS, ...options('consumers', 2) });
    const open = async (user = 'a', at = port(), clients: ChannelModel[] = []): Promise<Channel> => {
      const client = await limited.amqp(user, at);
      clients.push(client);
      const channel = await client.createChannel();
      channel.on('error', () => {});
      return channel;
    };
    const channel = await open();
    await channel.assertQueue('q');
    await channel.assertQueue('deleted');
    const full = async (): Promise<void> => {
      await expect((await open()).consume('q', () => {})).rejects.toThrow();
      await until(() => limited.errors.splice(0).join().includes(`reached maximum (2) of consumers of ${shown}`));
    };
    const { consumerTag } = await channel.consume('q', () => {});
    await channel.consume('deleted', () => {});
    await full();
    await channel.cancel(consumerTag);
    await channel.consume('q', () => {});
    await full();
    await channel.deleteQueue('deleted');
    const clients: ChannelModel[] = [];
    const other = await open('a', port(), clients);
    await other.consume('q', () => {});
    await full();
    await clients[0]!.close();
    await (await open()).consume('q', () => {});
    expect(await limited.refused(`${kind}_consumers`, 'amqp')).toBe(3);
    if (kind !== 'vhost') await (await open('b', limited.broker.port('amqp'))).consume('q', () => {});
  });
});

it('MQTT 5 hears in its SUBACK that there may be no more consumers, 3.1.1 that it has not got them, STOMP by ERROR', async () => {
  await limited.start({ vhosts: { '/': { limits: { consumers: 1 } } } });
  const device = await limited.mqtt();
  await device.subscribeAsync('a', { qos: 1 });
  const second = await limited.mqtt();
  await expect(second.subscribeAsync('a', { qos: 1 })).rejects.toThrow(/Quota exceeded/);
  const third = await limited.mqtt({ protocolVersion: 4 });
  await expect(third.subscribeAsync('a', { qos: 1 })).rejects.toThrow(/Unspecified error/);
  const frames = `${STOMP}SUBSCRIBE\nid:1\ndestination:/topic/a\nack:client\n\n\0`;
  const told = await limited.said(limited.broker.port('stomp'), frames, (text) => text.includes('ERROR'));
  expect(told).toContain("reached maximum (1) of consumers of vhost '/'");
  expect(await limited.refused('vhost_consumers', 'mqtt')).toBe(2);
  expect(await limited.refused('vhost_consumers', 'stomp')).toBe(1);
});

it('who takes messages past a queue is a consumer as well: QoS 0 and Redis, once, and until it is gone', async () => {
  await limited.start({ vhosts: { '/': { limits: { consumers: 1 } } } });
  const device = await limited.mqtt();
  for (const qos of [0, 1, 0] as const) await device.subscribeAsync(`a/${qos}`, { qos });
  const second = await limited.mqtt();
  await expect(second.subscribeAsync('a', { qos: 0 })).rejects.toThrow(/Quota exceeded/);
  const frames = 'AUTH guest guest\r\nSUBSCRIBE c d\r\nPING\r\n';
  const told = await limited.said(limited.broker.port('redis'), frames, (text) => text.includes('PONG'));
  expect(told).toMatch(/^\+OK\r\n-\S+ reached maximum \(1\) of consumers of vhost '\/'\r\n/);
  expect(await limited.refused('vhost_consumers', 'mqtt')).toBe(1);
  expect(await limited.refused('vhost_consumers', 'redis')).toBeGreaterThan(0);
  await device.endAsync();
  await untilAsked(async () => {
    try {
      await second.subscribeAsync('a', { qos: 0 });
      return true;
    } catch {
      return false;
    }
  });
  const got = new Promise((resolve) => second.once('message', resolve));
  await (await limited.mqtt()).publishAsync('a', 'x');
  await got;
});

it('the consumer of a kept session counts while its client is there, and not while it is away', async () => {
  await limited.start({ vhosts: { '/': { limits: { consumers: 1 } } } });
  const kept = {
    clientId: 'kept',
    clean: false,
    properties: { sessionExpiryInterval: 3_600 },
  };
  const sent = (client: MqttClient): Promise<void> =>
    new Promise((resolve) => client.on('packetreceive', ({ cmd }) => cmd === 'publish' && resolve()));
  const subscriber = async (): Promise<MqttClient> => {
    const client = await limited.mqtt();
    await client.subscribeAsync('b', { qos: 1 });
    return client;
  };
  /** Another client's consumer, once there is room for it. */
  const taken = async (): Promise<MqttClient> => {
    let other: MqttClient | undefined;
    await untilAsked(async () => (other = await subscriber().catch(() => undefined)) !== undefined);
    return other!;
  };
  // What it is sent stays unsettled, and so its consumer stays too, wherever the client is.
  const device = await limited.mqtt({ ...kept, customHandleAcks: () => {} });
  await device.subscribeAsync('a', { qos: 1 });
  const first = sent(device);
  await (await limited.mqtt()).publishAsync('a', 'held', { qos: 1 });
  await first;
  await expect(subscriber()).rejects.toThrow(/Quota exceeded/);

  device.end(true);
  const other = await taken();
  // It does not come past the limit where somebody else has taken its place, and loses nothing by it.
  const again = wire.connect({
    level: 5,
    flags: 0,
    properties: [0x11, wire.u32(3_600)],
    payload: [wire.text(kept.clientId)],
  });
  const told = await limited.said(limited.broker.port('mqtt'), again);
  expect(Buffer.from(told, 'latin1').toString('hex')).toMatch(/e0..97/);

  await other.endAsync();
  const publisher = await limited.mqtt();
  await untilAsked(async () => {
    const back = await limited.mqtt(kept);
    const gone = new Promise<boolean>((resolve) => back.once('close', () => resolve(false)));
    if (!back.connected) return false;
    const served = sent(back).then(() => true);
    await publisher.publishAsync('a', 'more', { qos: 1 });
    return Promise.race([served, gone]);
  });
  await expect(subscriber()).rejects.toThrow(/Quota exceeded/);
});

it('as many exclusive queues as a connection may have: one more is refused, and one that is deleted makes room', async () => {
  await limited.start({ limits: { queues: 2 } });
  const client = await limited.amqp();
  const channel = await client.createChannel();
  await channel.assertQueue('a', { exclusive: true });
  await channel.assertQueue('b', { exclusive: true });
  await channel.assertQueue('b', { exclusive: true });
  await channel.assertQueue('shared');
  await channel.deleteQueue('a');
  await channel.assertQueue('c', { exclusive: true });
  channel.on('error', () => {});
  await expect(channel.assertQueue('d', { exclusive: true })).rejects.toThrow(
    "PRECONDITION_FAILED - cannot declare queue 'd': limit of exclusive queues of a connection (2) is reached",
  );
  expect(await limited.refused('connection_queues', 'amqp')).toBe(1);
  await (await (await limited.amqp()).createChannel()).assertQueue('d', { exclusive: true });
});

it('queues, exchanges and bindings that a vhost refuses are counted by protocol as well', async () => {
  await limited.start({ vhosts: { '/': { limits: { queues: 0 } } } });
  const device = await limited.mqtt();
  await expect(device.subscribeAsync('a')).rejects.toThrow(/Quota exceeded/);
  expect(await limited.refused('queues')).toBe(1);
  expect(await limited.refused('queues', 'mqtt')).toBe(1);
});
