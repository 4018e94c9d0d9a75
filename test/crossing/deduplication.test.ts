/** A message that is to be taken once, said by real clients of each protocol in its own words, and told to each as it can be. */
import { request } from 'node:http';
import { Client, type IFrame } from '@stomp/stompjs';
import { connect as amqpConnect, type ConfirmChannel } from 'amqplib';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { ManualClock } from '../../src/clock/clock.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';

let broker: TestBroker;
let channel: ConfirmChannel;
let device: mqtt.MqttClient;
let stomp: Client;
const clock = new ManualClock();
const open: (() => unknown)[] = [];

beforeAll(async () => {
  broker = await startTestBroker({ clock });
  const connection = await amqpConnect(`amqp://127.0.0.1:${broker.ports.amqp}`);
  open.push(() => connection.close());
  channel = await connection.createConfirmChannel();
  device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`, { protocolVersion: 5, keepalive: 0 });
  open.push(() => device.endAsync(true));
  stomp = new Client({
    webSocketFactory: () => new WebSocket(`ws://127.0.0.1:${broker.ports.ws}/stomp`, 'v12.stomp') as never,
    connectHeaders: { login: 'guest', passcode: 'guest', host: '/' },
    heartbeatIncoming: 0,
    heartbeatOutgoing: 0,
  });
  await new Promise<void>((resolve) => {
    stomp.onConnect = () => resolve();
    stomp.activate();
  });
  open.push(() => stomp.deactivate({ force: true }));
});

afterAll(async () => {
  for (const close of open) await close();
  await broker.close();
});

/** A queue behind an exchange that lets a message through once, or a window of its own. */
async function setUp(name: string, args: Record<string, unknown>): Promise<void> {
  await channel.assertQueue(name, { durable: true, arguments: { 'x-message-deduplication': true, ...args } });
  await channel.bindQueue(name, 'amq.topic', name);
}

const waiting = async (queue: string): Promise<number> => (await channel.checkQueue(queue)).messageCount;

interface Said {
  readonly id?: string;
  readonly ttlMs?: number;
  readonly publisher?: string;
  readonly number?: number;
}

/** What a publisher says of a message, as text: each protocol's headers, user properties. */
function headersOf({ id, ttlMs, publisher, number }: Said): Record<string, string> {
  return {
    ...(id !== undefined && { 'x-deduplication-header': id }),
    ...(ttlMs !== undefined && { 'x-cache-ttl': String(ttlMs) }),
    ...(publisher !== undefined && { 'x-publisher-name': publisher, 'x-publishing-id': String(number) }),
  };
}

/** Publishes to `amq.topic`; returns what the answer says of a repeat: undefined where it cannot. */
type Publish = (key: string, said: Said) => Promise<boolean | undefined>;

const viaAmqp: Publish = async (key, said) => {
  const { ttlMs, number } = said;
  const headers: Record<string, unknown> = { ...headersOf(said) };
  if (ttlMs !== undefined) headers['x-cache-ttl'] = ttlMs;
  if (number !== undefined) headers['x-publishing-id'] = number;
  await new Promise<void>((resolve, reject) => {
    const options = { persistent: true, mandatory: true, headers };
    channel.publish('amq.topic', key, Buffer.from('amqp'), options, (error) => (error ? reject(error) : resolve()));
  });
  return undefined; // basic.ack has no room for more
};

const viaMqtt =
  (qos: 1 | 2): Publish =>
  async (key, said) => {
    const acknowledged = new Promise<mqtt.Packet>((resolve) => {
      const hear = (packet: mqtt.Packet): void => {
        if (packet.cmd !== (qos === 1 ? 'puback' : 'pubrec')) return;
        device.off('packetreceive', hear);
        resolve(packet);
      };
      device.on('packetreceive', hear);
    });
    await device.publishAsync(key, 'mqtt', { qos, properties: { userProperties: headersOf(said) } });
    const { properties } = (await acknowledged) as { properties?: { userProperties?: Record<string, string> } };
    return properties?.userProperties?.['duplicate'] === 'true';
  };

let receipts = 0;
const viaStomp: Publish = async (key, said) => {
  const receipt = `r${receipts++}`;
  const receipted = new Promise<IFrame>((resolve) => stomp.watchForReceipt(receipt, resolve));
  const headers = { ...headersOf(said), receipt, persistent: 'true' };
  stomp.publish({ destination: `/topic/${key}`, body: 'stomp', headers });
  return (await receipted).headers['duplicate'] === 'true';
};

const viaHttp: Publish = async (key, said) => {
  const body = JSON.stringify({
    routing_key: key,
    payload: 'http',
    payload_encoding: 'string',
    properties: { delivery_mode: 2, headers: headersOf(said) },
  });
  const answer = await new Promise<string>((resolve, reject) => {
    const sent = request({
      host: '127.0.0.1',
      port: broker.ports.http,
      path: '/api/exchanges/%2F/amq.topic/publish',
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      auth: 'guest:guest',
    });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.on('data', (piece) => {
        text += piece;
      });
      response.on('end', () => resolve(text));
    });
    sent.end(body);
  });
  expect(JSON.parse(answer)).toMatchObject({ routed: true });
  return (JSON.parse(answer) as { duplicate?: boolean }).duplicate === true;
};

const WAYS: readonly (readonly [string, Publish, told: boolean])[] = [
  ['AMQP', viaAmqp, false],
  ['MQTT 5, QoS 1', viaMqtt(1), true],
  ['MQTT 5, QoS 2', viaMqtt(2), true],
  ['STOMP', viaStomp, true],
  ['HTTP', viaHttp, true],
];

describe.each(WAYS)('%s', (way, publish, told) => {
  const name = way.replace(/\W/g, '');

  it('a repeat is confirmed, not stored, and told where that can be', async () => {
    await setUp(`${name}-id`, { 'x-cache-size': 100 });
    expect(await publish(`${name}-id`, { id: 'a' })).toBe(told ? false : undefined);
    expect(await publish(`${name}-id`, { id: 'a' })).toBe(told ? true : undefined);
    expect(await publish(`${name}-id`, { id: 'b' })).toBe(told ? false : undefined);
    expect(await waiting(`${name}-id`)).toBe(2);
  });

  it('an id is forgotten after the time that its message says', async () => {
    await setUp(`${name}-ttl`, { 'x-cache-ttl': 60_000 });
    await publish(`${name}-ttl`, { id: 'a', ttlMs: 1000 });
    clock.advance(999);
    await publish(`${name}-ttl`, { id: 'a', ttlMs: 1000 });
    expect(await waiting(`${name}-ttl`)).toBe(1);
    clock.advance(1);
    await publish(`${name}-ttl`, { id: 'a', ttlMs: 1000 });
    expect(await waiting(`${name}-ttl`)).toBe(2);
  });

  it('a publisher’s number is a repeat up to the highest', async () => {
    await setUp(`${name}-number`, { 'x-cache-size': 100 });
    for (const number of [1, 2, 1, 3, 2]) await publish(`${name}-number`, { publisher: 'p', number });
    expect(await waiting(`${name}-number`)).toBe(3);
  });
});

it('one id is one id, whoever says it', async () => {
  await setUp('all', { 'x-cache-size': 100 });
  for (const [, publish] of WAYS) await publish('all', { id: '42' });
  expect(await waiting('all')).toBe(1);
  const got = await channel.get('all', { noAck: true });
  expect(got !== false && got.content.toString()).toBe('amqp');
});

it('the message id is one as well', async () => {
  await channel.assertQueue('by-id', {
    arguments: { 'x-message-deduplication': true, 'x-cache-size': 9, 'x-deduplication-header': 'message-id' },
  });
  await channel.bindQueue('by-id', 'amq.topic', 'by-id');
  const options = { messageId: 'm1' };
  await new Promise((resolve) => channel.publish('amq.topic', 'by-id', Buffer.from('amqp'), options, resolve));
  await device.publishAsync('by-id', 'mqtt', { qos: 1, properties: { userProperties: { 'message-id': 'm1' } } });
  const receipted = new Promise((resolve) => stomp.watchForReceipt('by-id', resolve));
  stomp.publish({ destination: '/topic/by-id', body: 's', headers: { 'amqp-message-id': 'm1', receipt: 'by-id' } });
  await receipted;
  expect(await waiting('by-id')).toBe(1);
});

it('a STOMP client makes such a queue, and its large messages are taken once', async () => {
  const body = 'x'.repeat(300_000);
  const headers = { 'x-message-deduplication': 'true', 'x-cache-size': '10', 'x-deduplication-header': 'large' };
  const told: (string | undefined)[] = [];
  for (let i = 0; i < 2; i++) {
    const receipt = `large${i}`;
    const receipted = new Promise<IFrame>((resolve) => stomp.watchForReceipt(receipt, resolve));
    stomp.publish({ destination: '/queue/large-once', body, headers: { ...headers, receipt } });
    told.push((await receipted).headers['duplicate']);
  }
  expect(told).toEqual([undefined, 'true']);
  expect(await waiting('large-once')).toBe(1);
});

it('who does not want to hear more than a reason code does not', async () => {
  await setUp('quiet', { 'x-cache-size': 10 });
  const properties = { requestProblemInformation: false };
  const quiet = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`, {
    protocolVersion: 5,
    keepalive: 0,
    properties,
  });
  open.push(() => quiet.endAsync(true));
  const packets: mqtt.Packet[] = [];
  quiet.on('packetreceive', (packet) => packets.push(packet));
  const user = { userProperties: { 'x-deduplication-header': 'a' } };
  for (let i = 0; i < 2; i++) await quiet.publishAsync('quiet', 'x', { qos: 1, properties: user });
  const pubacks = packets.filter(({ cmd }) => cmd === 'puback') as { properties?: unknown }[];
  expect(pubacks.map((packet) => packet.properties)).toEqual([undefined, undefined]);
  expect(await waiting('quiet')).toBe(1);
});
