/** The limits of users, vhosts and connections, as clients of each protocol meet them; and how they change while it runs. */
import { connect as dial, type Socket } from 'node:net';
import amqp, { type ChannelModel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GREETING, method, short, u8, u16, u32 } from '../../conformance/amqp/clients/frames.ts';
import { clientProperties, plain } from '../../conformance/amqp/clients/raw.ts';
import { ManualClock } from '../../src/clock/clock.ts';
import type { BrokerOptions } from '../../src/index.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { until } from '../support/until.ts';

let broker: TestBroker;
const sockets: Socket[] = [];
const clients: ChannelModel[] = [];
/** What clients were told when their connections were ended. */
const errors: string[] = [];

const start = async (options: BrokerOptions = {}): Promise<void> => {
  const listen = ['amqp', 'mqtt', 'stomp', 'http', 'redis'].map((name) => `${name}://127.0.0.1:0`);
  broker = await startTestBroker({ listen, ...options });
};

beforeEach(() => {
  sockets.length = 0;
  clients.length = 0;
  errors.length = 0;
});

afterEach(async () => {
  for (const client of clients) await client.close().catch(() => {});
  for (const socket of sockets) socket.destroy();
  await broker.close();
});

const open = async (): Promise<ChannelModel> => {
  const client = await amqp.connect(`amqp://guest:guest@127.0.0.1:${broker.ports.amqp}`);
  client.on('error', (error: Error) => errors.push(error.message));
  clients.push(client);
  return client;
};

/** What the broker says to these bytes, up to `enough` of it or its end. */
const said = (protocol: string, bytes: string | Buffer, enough: (text: string) => boolean): Promise<string> =>
  new Promise((resolve) => {
    const socket = dial(broker.port(protocol), '127.0.0.1', () => socket.write(bytes));
    sockets.push(socket);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (enough(text)) resolve(text);
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });

/** What a client is told that opens one connection more than there may be. */
const refusedOpening = (): Promise<string> => {
  const opening = [
    GREETING,
    method(0, 'connection.start-ok', clientProperties([]), short('PLAIN'), plain('guest', 'guest'), short('en_US')),
    method(0, 'connection.tune-ok', u16(2047), u32(131_072), u16(0)),
    method(0, 'connection.open', short('/'), short(''), u8(0)),
  ];
  return said('amqp', Buffer.concat(opening), (text) => text.includes('is reached'));
};

const MQTT_3 = Buffer.from('100d00044d5154540402000a000161', 'hex');
const MQTT_5 = Buffer.from('100e00044d5154540502000a00000162', 'hex');

const metric = async (limit: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${broker.ports.http}/metrics`)).text();
  return Number(new RegExp(`^entrepot_limit_refusals_total\\{limit="${limit}"\\} (\\d+)$`, 'm').exec(text)![1]);
};

describe('as many connections as may be', () => {
  it('of a vhost: one more is refused in the form of each protocol, counted, and let in when one has gone', async () => {
    await start({ vhosts: { '/': { limits: { connections: 1 } } } });
    const first = await open();
    expect(await refusedOpening()).toContain(
      "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (1) is reached",
    );
    const four = (text: string): boolean => text.length >= 4;
    expect(Buffer.from(await said('mqtt', MQTT_3, four), 'latin1').toString('hex')).toBe('20020003');
    expect(Buffer.from(await said('mqtt', MQTT_5, four), 'latin1')[3]).toBe(0x97);
    const stomp = await said('stomp', 'CONNECT\naccept-version:1.2\nhost:/\n\n\0', (text) => text.includes('\0'));
    expect(stomp).toMatch(/^ERROR[\s\S]*connection limit \(1\) is reached/);
    expect(await said('redis', 'AUTH guest guest\r\n', (text) => text.includes('\n'))).toMatch(
      /^-ERR access to vhost '\/' refused .*connection limit \(1\) is reached/,
    );
    expect(await metric('vhost_connections')).toBe(5);
    await first.close();
    clients.length = 0;
    await until(() => broker.broker.sessionCount === 0);
    await open();
  });

  it("of a user: in RabbitMQ's words, those of its own before those of all", async () => {
    await start({ limits: { userConnections: 1, users: { guest: { connections: 2 } } } });
    await open();
    await open();
    expect(await refusedOpening()).toContain(
      "NOT_ALLOWED - connection refused for user 'guest': user connection limit (2) is reached",
    );
    expect(await metric('user_connections')).toBe(1);
    broker.setLimits({ limits: { users: { guest: { connections: 3 } } } });
    await open();
  });

  it('from one address, and a second: those that are too many are turned away at the door', async () => {
    const clock = new ManualClock();
    await start({ clock, connections: { perAddressMax: 2 } });
    await open();
    const second = await open();
    expect(await said('stomp', '', () => false)).toBe('');
    expect(await metric('address_connections')).toBe(1);
    await second.close();
    clients.pop();
    await until(() => broker.connections === 1);
    await open();
    broker.setLimits({ connections: { rateMax: 1 } });
    await open();
    expect(await said('stomp', '', () => false)).toBe('');
    expect(await metric('connection_rate')).toBe(1);
    clock.advance(1_000);
    await open();
  });
});

it('as many channels as its user may have: one more ends the connection, and those of connections that go are free', async () => {
  await start({ limits: { userChannels: 2 } });
  const one = await open();
  const kept = await one.createChannel();
  await one.createChannel();
  const two = await open();
  const text =
    "NOT_ALLOWED - number of channels opened for user 'guest' has reached the maximum allowed user limit of (2)";
  await expect(two.createChannel()).rejects.toThrow();
  await until(() => errors.join().includes(text));
  expect(await metric('user_channels')).toBe(1);
  await kept.close();
  const three = await open();
  await three.createChannel();
  await three.close();
  await one.close();
  const four = await open();
  await four.createChannel();
  await four.createChannel();
});

it('as many consumers as a connection may have: one more is refused, and a cancelled one makes room', async () => {
  await start({ limits: { consumers: 2 } });
  const channel = await (await open()).createChannel();
  channel.on('error', () => {});
  await channel.assertQueue('q');
  const { consumerTag } = await channel.consume('q', () => {});
  await channel.consume('q', () => {});
  await channel.cancel(consumerTag);
  await channel.consume('q', () => {});
  await expect(channel.consume('q', () => {})).rejects.toThrow();
  await until(() => errors.join().includes('NOT_ALLOWED - reached maximum (2) of consumers per connection'));
  expect(await metric('consumers')).toBe(1);
});

it('a vhost that may have fewer queues from now on keeps those that it has', async () => {
  await start();
  const client = await open();
  const channel = await client.createChannel();
  await channel.assertQueue('a');
  await channel.assertQueue('b');
  broker.setLimits({ vhosts: { '/': { limits: { queues: 2 } } } });
  await channel.assertQueue('b');
  channel.on('error', () => {});
  await expect(channel.assertQueue('c')).rejects.toThrow(
    "PRECONDITION_FAILED - cannot declare queue 'c': queue limit in vhost '/' (2) is reached",
  );
  expect(await metric('queues')).toBe(1);
  broker.setLimits({});
  await (await client.createChannel()).assertQueue('c');
});

it('limits that are wrong change nothing', async () => {
  await start({ limits: { consumers: 1 } });
  expect(() => broker.setLimits({ limits: { consumers: -1 } })).toThrow('limits.consumers must be');
  expect(() => broker.setLimits({ limit: {} } as object)).not.toThrow();
  broker.setLimits({ limits: { consumers: 1 } });
});

it('a consumer without prefetch holds as many as it may and gets the rest as it settles', async () => {
  await start({ limits: { unsettled: 3 } });
  const channel = await (await open()).createConfirmChannel();
  await channel.assertQueue('q');
  for (let i = 1; i <= 8; i++) channel.sendToQueue('q', Buffer.from(String(i)));
  await channel.waitForConfirms();
  const got: amqp.ConsumeMessage[] = [];
  await channel.consume('q', (message) => void got.push(message!));
  await until(() => got.length === 3);
  expect((await channel.checkQueue('q')).messageCount).toBe(5);
  channel.ack(got[1]!, true);
  await until(() => got.length === 5);
  expect((await channel.checkQueue('q')).messageCount).toBe(3);
  const settled: amqp.ConsumeMessage[] = [];
  await (await (await open()).createChannel()).consume('q', (message) => void settled.push(message!), { noAck: true });
  await until(() => settled.length === 3);
});

it('a connection that may publish so much a second is read more slowly, loses nothing, and holds up nobody else', async () => {
  const clock = new ManualClock();
  await start({ clock, limits: { publishRate: 10 } });
  const client = await open();
  const channel = await client.createConfirmChannel();
  await channel.assertQueue('q', { durable: false });
  for (let i = 0; i < 31; i++) channel.sendToQueue('q', Buffer.from('x'));
  const other = await (await open()).createChannel();
  const waiting = async (): Promise<number> => (await other.checkQueue('q')).messageCount;
  while ((await waiting()) < 11);
  expect(await waiting()).toBe(11);
  let seconds = 0;
  while ((await waiting()) < 31) {
    clock.advance(100);
    seconds += 0.1;
    await other.checkQueue('q');
  }
  expect(seconds).toBeGreaterThan(1.7);
  await channel.waitForConfirms();
});
