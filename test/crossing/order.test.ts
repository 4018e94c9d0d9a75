/** Groups, strict order and tenants with real clients: published in each protocol, consumed by AMQP clients that fail, hold and leave. */
import { Client } from '@stomp/stompjs';
import { connect as amqpConnect, type Channel, type ConsumeMessage } from 'amqplib';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { ManualClock } from '../../src/clock/clock.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { until } from '../support/until.ts';

let broker: TestBroker;
let device: mqtt.MqttClient;
let stomp: Client;
const clock = new ManualClock();
const open: (() => unknown)[] = [];

const channel = async (): Promise<Channel> => {
  const connection = await amqpConnect(`amqp://127.0.0.1:${broker.ports.amqp}`);
  open.push(() => connection.close().catch(() => {}));
  return connection.createChannel();
};

beforeAll(async () => {
  broker = await startTestBroker({ clock });
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

/** What a consumer has got and not settled. */
class Reader {
  readonly bodies: string[] = [];
  private readonly held = new Map<string, ConsumeMessage>();
  readonly channel: Channel;

  constructor(of: Channel) {
    this.channel = of;
  }

  static async on(queue: string, prefetch = 0): Promise<Reader> {
    const reader = new Reader(await channel());
    if (prefetch > 0) await reader.channel.prefetch(prefetch);
    await reader.channel.consume(queue, (message) => {
      const body = message!.content.toString();
      reader.bodies.push(body);
      reader.held.set(body, message!);
    });
    return reader;
  }

  async has(...bodies: string[]): Promise<void> {
    await until(() => this.bodies.length >= bodies.length, `${bodies.join(' ')} (there: ${this.bodies.join(' ')})`);
    expect(this.bodies).toEqual(bodies);
  }

  ack(body: string): void {
    this.channel.ack(this.held.get(body)!);
  }

  nack(body: string): void {
    this.channel.nack(this.held.get(body)!, false, true);
  }
}

type Publish = (queue: string, body: string, headers: Record<string, string>) => Promise<void>;
let publisher: Channel | undefined;
let receipts = 0;
const WAYS: readonly [string, Publish][] = [
  [
    'AMQP',
    async (queue, body, headers) => {
      publisher ??= await channel();
      publisher.publish('amq.topic', queue, Buffer.from(body), { headers, persistent: true });
      await publisher.checkQueue(queue); // in order behind it
    },
  ],
  [
    'MQTT 5',
    async (queue, body, headers) => {
      await device.publishAsync(queue, body, { qos: 1, properties: { userProperties: { ...headers, from: 'mqtt' } } });
    },
  ],
  [
    'STOMP',
    async (queue, body, headers) => {
      const receipt = `r${receipts++}`;
      const receipted = new Promise<void>((resolve) => stomp.watchForReceipt(receipt, () => resolve()));
      stomp.publish({ destination: `/topic/${queue}`, body, headers: { ...headers, receipt, persistent: 'true' } });
      await receipted;
    },
  ],
];

const declare = async (name: string, args: Record<string, unknown>): Promise<void> => {
  const declaring = await channel();
  await declaring.assertQueue(name, { durable: true, arguments: args });
  await declaring.bindQueue(name, 'amq.topic', name);
};

describe.each(WAYS)('published over %s', (way, publish) => {
  const name = (what: string): string => `${what}-${way.replaceAll(' ', '')}`;

  it('a group by a header is in order through a failure, and others flow', async () => {
    const queue = name('groups');
    await declare(queue, { 'x-group-by': 'customer' });
    const reader = await Reader.on(queue);
    for (const body of ['a1', 'a2', 'b1', 'b2']) await publish(queue, body, { customer: body[0]! });
    await reader.has('a1', 'b1');
    reader.nack('a1');
    await reader.has('a1', 'b1', 'a1');
    reader.ack('b1');
    await reader.has('a1', 'b1', 'a1', 'b2');
    reader.ack('a1');
    await reader.has('a1', 'b1', 'a1', 'b2', 'a2');
  });

  it('JMSXGroupID is one, strict where that is said, and closes', async () => {
    const queue = name('jms');
    await declare(queue, { 'x-group-in-flight': 1 });
    const first = await Reader.on(queue, 1);
    await publish(queue, '1', { JMSXGroupID: 'g' });
    await first.has('1');
    const second = await Reader.on(queue, 1);
    await publish(queue, '2', { JMSXGroupID: 'g', JMSXGroupSeq: '-1' });
    await publish(queue, '3', { JMSXGroupID: 'g' });
    first.ack('1');
    await first.has('1', '2');
    await publish(queue, 'free', {});
    await second.has('free');
    second.ack('free');
    expect(second.bodies).toEqual(['free']);
    first.ack('2');
    await until(() => first.bodies.length + second.bodies.length === 4, 'the next of the group');
  });

  it('tenants are served in turn', async () => {
    const queue = name('fair');
    await declare(queue, { 'x-fair-by': 'tenant' });
    for (const body of ['A1', 'A2', 'A3', 'B1', 'C1']) await publish(queue, body, { tenant: body[0]! });
    const reader = await Reader.on(queue, 1);
    for (const [i, body] of ['A1', 'B1', 'C1', 'A2', 'A3'].entries()) {
      await until(() => reader.bodies.length > i, body);
      expect(reader.bodies[i]).toBe(body);
      reader.ack(body);
    }
  });

  it('a strict queue stands still while its message waits to be tried again', async () => {
    const queue = name('strict');
    await declare(queue, { 'x-strict-order': true, 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 1000 });
    const reader = await Reader.on(queue);
    for (const body of ['1', '2']) await publish(queue, body, {});
    await reader.has('1');
    reader.nack('1');
    await reader.channel.checkQueue(queue);
    expect(reader.bodies).toEqual(['1']);
    clock.advance(1100);
    await reader.has('1', '1');
    reader.ack('1');
    await reader.has('1', '1', '2');
  });
});

it('a group goes on with another client, in order, when its own is gone', async () => {
  await declare('gone', { 'x-group-by': 'routing-key' });
  const [, publish] = WAYS[0]!;
  const first = await Reader.on('gone');
  for (const body of ['1', '2']) await publish('gone', body, {});
  await first.has('1');
  const second = await Reader.on('gone');
  await first.channel.close();
  await second.has('1');
  second.ack('1');
  await second.has('1', '2');
});

it('arguments that contradict each other are refused, and selectors on such a queue', async () => {
  const declaring = await channel();
  declaring.on('error', () => {});
  await expect(
    declaring.assertQueue('wrong', { arguments: { 'x-strict-order': true, 'x-fair-by': 'tenant' } }),
  ).rejects.toThrow(/order of arrival/);
});
