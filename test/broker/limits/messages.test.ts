/** Limits on what is published and held: rates, sizes, deliveries; of listeners, vhosts, users and connections. */
import type { ConfirmChannel, ConsumeMessage, GetMessage } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { BrokerOptions } from '../../../src/index.ts';
import { until } from '../../support/until.ts';
import { LimitedBroker, STOMP, USERS } from './harness.ts';

let limited: LimitedBroker;
beforeEach(() => {
  limited = new LimitedBroker();
});
afterEach(() => limited.close());

const LISTEN = (limits: string): BrokerOptions => ({
  listen: ['http://127.0.0.1:0', `amqp+mqtt+stomp+redis://127.0.0.1:0?${limits}`, 'amqp://127.0.0.1:0'],
});
const port = (name: string): number =>
  limited.broker.listeners.find((one) => one.name.includes('+'))?.port ?? limited.broker.port(name);

const filled = async (user: string, count: number, body: Buffer, at = port('amqp')): Promise<ConfirmChannel> => {
  const channel = await (await limited.amqp(user, at)).createConfirmChannel();
  await channel.assertQueue('q', { durable: false });
  for (let i = 0; i < count; i++) channel.sendToQueue('q', body);
  return channel;
};

describe('a rate of publishing that connections share', () => {
  const BYTE = Buffer.from('x');
  it.each([
    ['a listener, in messages', LISTEN('publishRate=10'), BYTE, 10],
    ['a listener, in bytes', LISTEN('bytes_rate=10kB'), Buffer.alloc(1_000), 10],
    ['a vhost, in messages', { vhosts: { '/': { limits: { publishRate: 10 } } } }, BYTE, 10],
    ['a vhost, in bytes', { vhosts: { '/': { limits: { publishSize: '10 kB' } } } }, Buffer.alloc(1_000), 10],
    ['a user, in messages', { limits: { users: { a: { publishRate: 10 } } } }, BYTE, 10],
    ['a user, in bytes', { limits: { userPublishSize: '10 kB' } }, Buffer.alloc(1_000), 10],
  ] as const)(
    'of %s: they are read more slowly together, lose nothing, and come in turn',
    async (_, options, body, rate) => {
      const clock = new ManualClock();
      await limited.start({ clock, ...USERS, ...options });
      const watcher = await (await limited.amqp('b')).createChannel();
      const waiting = async (): Promise<number> => (await watcher.checkQueue('q')).messageCount;
      const first = await filled('a', 20, body);
      const second = await filled('a', 20, body);
      // A second's worth at once, and then each the one message that it had begun.
      let before = -1;
      for (let now = await waiting(); now > before; now = await waiting()) before = now;
      expect(before).toBeGreaterThanOrEqual(rate);
      expect(before).toBeLessThanOrEqual(rate + 2);
      let seconds = 0;
      let confirmed = 0;
      for (const channel of [first, second]) void channel.waitForConfirms().then(() => confirmed++);
      while ((await waiting()) < 40) {
        clock.advance(100);
        seconds += 0.1;
        await watcher.checkQueue('q');
      }
      expect(seconds).toBeGreaterThan(2.6);
      expect(seconds).toBeLessThan(4);
      await until(() => confirmed === 2);
    },
  );

  it('of a user holds up nobody else', async () => {
    const clock = new ManualClock();
    await limited.start({ clock, ...USERS, limits: { users: { a: { publishRate: 1 } } } });
    await filled('a', 20, BYTE);
    const other = await filled('b', 20, BYTE);
    await other.waitForConfirms();
  });

  it('is that of a transaction, too', async () => {
    const clock = new ManualClock();
    await limited.start({ clock, limits: { publishRate: 2 } });
    const frames = ['BEGIN\ntransaction:t\n\n\0'];
    for (let i = 0; i < 6; i++) frames.push('SEND\ndestination:/queue/q\ntransaction:t\n\nx\0');
    frames.push('COMMIT\ntransaction:t\nreceipt:committed\n\n\0', 'SEND\ndestination:/queue/q\n\nx\0');
    frames.push('SEND\ndestination:/queue/q\nreceipt:after\n\nx\0');
    const said = limited.said(port('stomp'), STOMP + frames.join(''), (text) => text.includes('after'));
    const channel = await (await limited.amqp()).createChannel();
    const count = async (): Promise<number> => (await channel.assertQueue('q')).messageCount;
    while ((await count()) < 6);
    const held = await count();
    expect(held).toBeLessThan(8);
    while ((await count()) < 8) clock.advance(500);
    expect(await said).toContain('receipt-id:after');
  });
});

describe.each([
  ['every connection', { limits: { messageSize: 2_000 } }],
  ['a listener', LISTEN('message_size_limit=2kB')],
  ['a vhost', { vhosts: { '/': { limits: { messageSize: '2 kB' } } } }],
  ['a user', { limits: { users: { guest: { messageSize: 2_000 }, anonymous: { messageSize: '2 kB' } } } }],
] as const)('a message that is larger than it may be, of %s', (_, options) => {
  // Bodies of more than 64 KiB come in by another way.
  it.each([2_001, 300_000])('is refused in the form of each protocol, of %i bytes', async (size) => {
    await limited.start(options);
    const watcher = await (await limited.amqp()).createChannel();
    await watcher.assertQueue('q');
    await watcher.bindQueue('q', 'amq.topic', 'q');
    const big = Buffer.alloc(size, 'x');

    const channel = await (await limited.amqp('guest', port('amqp'))).createConfirmChannel();
    const error = new Promise<Error>((resolve) => channel.once('error', resolve));
    channel.sendToQueue('q', big);
    expect((await error).message).toContain(
      `PRECONDITION_FAILED - message size ${size} is larger than configured max size 2000`,
    );

    const device = await limited.mqtt({}, port('mqtt'));
    for (const qos of [1, 2] as const) {
      await expect(device.publishAsync('q', big, { qos })).rejects.toMatchObject({ code: 0x97 });
    }
    await device.publishAsync('q', big, { qos: 0 });
    // 3.1.1 has no word for it, and who was cut off would send it again for ever.
    const old = await limited.mqtt({ protocolVersion: 4 }, port('mqtt'));
    for (const qos of [0, 1, 2] as const) await old.publishAsync('q', big, { qos });

    const send = `SEND\ndestination:/queue/q\ncontent-length:${size}\n\n${big}\0`;
    const told = await limited.said(port('stomp'), STOMP + send, (text) => /ERROR[^\0]*\0/.test(text));
    expect(told).toMatch(/PRECONDITION_FAILED - message size \d+ is larger than configured max size 2000/);
    const begun = `BEGIN\ntransaction:t\n\n\0${send.replace('\n', '\ntransaction:t\n')}`;
    expect(await limited.said(port('stomp'), STOMP + begun, (text) => /ERROR[^\0]*\0/.test(text))).toContain(
      'message size',
    );

    const push = `*3\r\n$4\r\nAUTH\r\n$5\r\nguest\r\n$5\r\nguest\r\n*3\r\n$5\r\nRPUSH\r\n$1\r\nq\r\n$${size}\r\n${big}\r\n`;
    const reply = await limited.said(port('redis'), push, (text) => text.includes('message size'));
    expect(reply).toContain(`-ERR precondition-failed: message size ${size} is larger`);

    await old.publishAsync('q', big.subarray(0, 2_000), { qos: 1 });
    expect((await watcher.checkQueue('q')).messageCount).toBe(1);
    expect(await limited.refused('message_size')).toBe(10);
    expect(await limited.refused('message_size', 'mqtt')).toBe(6);
    expect(await limited.refused('message_size', 'stomp')).toBe(2);
  });
});

describe('deliveries that a connection holds', () => {
  const publish = async (count: number): Promise<void> => {
    const channel = await (await limited.amqp()).createConfirmChannel();
    for (const queue of ['p', 'q']) {
      await channel.assertQueue(queue);
      for (let i = 0; i < count; i++) channel.sendToQueue(queue, Buffer.from(`${queue}${i}`));
    }
    await channel.waitForConfirms();
  };

  it('are bounded over all its channels, whatever their prefetch, and come on as it settles', async () => {
    await limited.start({ limits: { connectionUnsettled: 4 } });
    await publish(5);
    const client = await limited.amqp();
    const one = await client.createChannel();
    const two = await client.createChannel();
    await two.prefetch(3);
    const got: { channel: typeof one; message: ConsumeMessage }[] = [];
    await one.consume('p', (message) => void got.push({ channel: one, message: message! }));
    await until(() => got.length === 4);
    await two.consume('q', (message) => void got.push({ channel: two, message: message! }));
    await two.checkQueue('q');
    expect(got).toHaveLength(4);
    const other = await (await limited.amqp()).createChannel();
    for (let settled = 0; settled < 10; settled++) {
      await until(() => got.length > settled);
      const { channel, message } = got[settled]!;
      channel.ack(message);
      expect(got.length - settled).toBeLessThanOrEqual(5);
    }
    await until(() => got.length === 10);
    expect((await other.checkQueue('p')).messageCount).toBe(0);
  });

  it('include what it has fetched one by one: one more is refused until it settles', async () => {
    await limited.start({ limits: { connectionUnsettled: 2 } });
    await publish(5);
    const client = await limited.amqp();
    const channel = await client.createChannel();
    const first = await channel.get('p');
    await channel.get('p');
    await channel.get('p', { noAck: true });
    const consumer = await client.createChannel();
    const got: ConsumeMessage[] = [];
    await consumer.consume('q', (message) => void got.push(message!));
    await consumer.checkQueue('q');
    expect(got).toHaveLength(0);
    channel.ack(first as GetMessage as unknown as ConsumeMessage);
    await until(() => got.length === 1);
    const refused = await client.createChannel();
    refused.on('error', () => {});
    await expect(refused.get('p')).rejects.toThrow(
      'PRECONDITION_FAILED - this connection holds as many deliveries unsettled as it may (2)',
    );
    expect(await limited.refused('connection_unsettled', 'amqp')).toBe(1);
    await channel.get('p', { noAck: true });
  });
});

describe('limits that change while clients are there', () => {
  it('let a connection publish faster, or slower, at once', async () => {
    const clock = new ManualClock();
    await limited.start({ clock, limits: { publishRate: 1 } });
    const channel = await filled('guest', 10, Buffer.from('x'));
    const watcher = await (await limited.amqp()).createChannel();
    const waiting = async (): Promise<number> => (await watcher.checkQueue('q')).messageCount;
    while ((await waiting()) < 2);
    expect(await waiting()).toBe(2);
    limited.broker.setLimits({});
    await channel.waitForConfirms();
    limited.broker.setLimits({ limits: { userPublishRate: 3 } });
    await watcher.checkQueue('q');
    for (let i = 0; i < 10; i++) channel.sendToQueue('q', Buffer.from('x'));
    while ((await waiting()) < 14);
    expect(await waiting()).toBe(14);
    limited.broker.setLimits({ limits: { userPublishRate: 100 } });
    await channel.waitForConfirms();
  });

  it('let a consumer without prefetch hold more, or fewer, at once', async () => {
    await limited.start({ limits: { unsettled: 2 } });
    const publisher = await filled('guest', 10, Buffer.from('x'));
    await publisher.waitForConfirms();
    const channel = await (await limited.amqp()).createChannel();
    const got: ConsumeMessage[] = [];
    await channel.consume('q', (message) => void got.push(message!));
    await until(() => got.length === 2);
    limited.broker.setLimits({ limits: { unsettled: 5 } });
    await until(() => got.length === 5);
    limited.broker.setLimits({ limits: { unsettled: 1 } });
    await channel.checkQueue('q');
    for (const message of got.splice(0)) channel.ack(message);
    await until(() => got.length === 1);
    expect((await channel.checkQueue('q')).messageCount).toBe(4);
    limited.broker.setLimits({ limits: { connectionUnsettled: 3, unsettled: 0 } });
    await until(() => got.length === 3);
    expect((await channel.checkQueue('q')).messageCount).toBe(2);
  });

  it('take a larger message of a connection that is there, or take it no more', async () => {
    await limited.start({ limits: { messageSize: 10 } });
    const device = await limited.mqtt();
    await expect(device.publishAsync('x', 'x'.repeat(11), { qos: 1 })).rejects.toMatchObject({ code: 0x97 });
    limited.broker.setLimits({});
    const channel = await (await limited.amqp()).createChannel();
    await channel.assertQueue('q');
    await device.publishAsync('x', 'x'.repeat(11), { qos: 1 });
    limited.broker.setLimits({ vhosts: { '/': { limits: { messageSize: '10 B' } } } });
    await channel.checkQueue('q');
    await expect(device.publishAsync('x', 'x'.repeat(11), { qos: 1 })).rejects.toMatchObject({ code: 0x97 });
  });
});
