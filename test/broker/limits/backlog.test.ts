/** Limits on what waits: of a vhost all, of a user, a listener and a connection what they have published. */
import type { ConfirmChannel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BrokerOptions } from '../../../src/index.ts';
import { temporaryDirectory } from '../../support/directory.ts';
import { until, untilAsked } from '../../support/until.ts';
import { LimitedBroker, STOMP, USERS } from './harness.ts';

let limited: LimitedBroker;
beforeEach(() => {
  limited = new LimitedBroker();
});
afterEach(() => limited.close());

const X = Buffer.from('x');
const HTTP = 'http://127.0.0.1:0';
const LISTENER: BrokerOptions = {
  listen: [HTTP, 'amqp+mqtt+stomp+redis://127.0.0.1:0?backlog=3', 'amqp://127.0.0.1:0'],
};
const VHOST: BrokerOptions = { vhosts: { '/': { limits: { backlog: 3 } } } };
const port = (name: string): number =>
  limited.broker.listeners.find((one) => one.name.includes('+'))?.port ?? limited.broker.port(name);

async function channelOf(user = 'guest', at = port('amqp')): Promise<ConfirmChannel> {
  const channel = await (await limited.amqp(user, at)).createConfirmChannel();
  await channel.assertQueue('q');
  return channel;
}

/** How each of so many publishes was answered. */
async function answers(channel: ConfirmChannel, count: number, queue = 'q', persistent = true): Promise<string> {
  const all: Promise<string>[] = [];
  for (let i = 0; i < count; i++) {
    all.push(
      new Promise((resolve) => {
        channel.sendToQueue(queue, X, { persistent }, (error) => resolve(error === null ? '+' : '-'));
      }),
    );
  }
  return (await Promise.all(all)).join('');
}

describe.each([
  ['vhost', VHOST],
  ['user', { limits: { userBacklog: 3 } }],
  ['user', { limits: { users: { guest: { backlog: 3 } } } }],
  ['listener', LISTENER],
  ['connection', { limits: { backlog: 3 } }],
] as const)('the backlog of a %s (%j)', (kind, options) => {
  it('is as much as may wait: AMQP hears basic.nack for what is more, until something was taken out', async () => {
    await limited.start(options);
    const channel = await channelOf();
    expect(await answers(channel, 5)).toBe('+++--');
    expect((await channel.checkQueue('q')).messageCount).toBe(3);
    expect(await limited.refused(`${kind}_backlog`, 'amqp')).toBe(2);
    // What a consumer holds still waits.
    const got = await channel.get('q');
    expect(await answers(channel, 1)).toBe('-');
    if (got !== false) channel.ack(got);
    await untilAsked(async () => (await answers(channel, 1)) === '+');
    expect(await answers(channel, 1, 'q', false)).toBe('-');
    await channel.purgeQueue('q');
    expect(await answers(channel, 4, 'q', false)).toBe('+++-');
    await channel.deleteQueue('q');
    await channel.assertQueue('q');
    expect(await answers(channel, 1)).toBe('+');
  });
});

describe.each([
  ['vhost', VHOST],
  ['user', { limits: { userBacklog: 3 } }],
  ['listener', LISTENER],
  ['connection', { limits: { backlog: 3 } }],
] as const)('what is more than the backlog of a %s', (kind, options) => {
  it('is refused in the form of each protocol', async () => {
    await limited.start(options);
    const admin = limited.broker.listeners.filter(({ name }) => name.split('+').includes('amqp')).at(-1)!.port;
    const watcher = await (await limited.amqp('guest', admin)).createChannel();
    await watcher.assertQueue('q');
    await watcher.bindQueue('q', 'amq.topic', 't');
    const device = await limited.mqtt({}, port('mqtt'));
    for (let i = 0; i < 3; i++) await device.publishAsync('t', 'x', { qos: 1 });
    for (const qos of [1, 2] as const) {
      await expect(device.publishAsync('t', 'x', { qos })).rejects.toMatchObject({ code: 0x97 });
    }
    await device.publishAsync('t', 'x', { qos: 0 }); // nobody can be told
    expect(await limited.refused(`${kind}_backlog`, 'mqtt')).toBe(3);

    await watcher.purgeQueue('q');
    const send = 'SEND\ndestination:/amq/queue/q\nreceipt:r\n\nx\0';
    const stomp = await limited.said(port('stomp'), STOMP + send.repeat(4), (text) => text.includes('ERROR'));
    expect(stomp.split('RECEIPT\n').length).toBe(4);
    expect(stomp).toContain('ERROR\n');
    expect(await limited.refused(`${kind}_backlog`, 'stomp')).toBe(1);

    await watcher.purgeQueue('q');
    const resp = (...words: string[]) => `*${words.length}\r\n${words.map((w) => `$${w.length}\r\n${w}\r\n`).join('')}`;
    const commands = resp('AUTH', 'guest', 'guest') + resp('LPUSH', 'q', 'x').repeat(4);
    const redis = await limited.said(port('redis'), commands, (text) => text.split('\n').length > 5);
    expect(redis).toMatch(/^\+OK\r\n:1\r\n:2\r\n:3\r\n-/);
    expect((await watcher.checkQueue('q')).messageCount).toBe(3);

    // 3.1.1 has no word for it: its connection ends, so that it keeps the message.
    const old = await limited.mqtt({ protocolVersion: 4 }, port('mqtt'));
    if (kind === 'connection' || kind === 'user')
      for (let i = 0; i < 3; i++) await old.publishAsync('t', 'x', { qos: 1 });
    const ended = new Promise<void>((resolve) => old.once('close', () => resolve()));
    old.publish('t', 'x', { qos: 1 }, () => {});
    await ended;
  });
});

it('what one user has waiting keeps nobody else from publishing, nor does another vhost or listener', async () => {
  await limited.start({ ...USERS, limits: { users: { a: { backlog: 2 } } } });
  const [a, b] = [await channelOf('a'), await channelOf('b')];
  expect(await answers(a, 3)).toBe('++-');
  expect(await answers(b, 3)).toBe('+++');
  // Over all connections of the user, and for what clients that have gone have left.
  await limited.models[0]!.close();
  expect(await answers(await channelOf('a'), 1)).toBe('-');
});

it('each copy counts, and what dies is whose it was', async () => {
  await limited.start({ limits: { userBacklog: 3 } });
  const channel = await channelOf();
  await channel.assertQueue('dead');
  await channel.assertQueue('dying', { deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
  for (const queue of ['dying', 'q']) await channel.bindQueue(queue, 'amq.fanout', '');
  channel.publish('amq.fanout', '', X);
  await channel.waitForConfirms();
  const got = await channel.get('dying');
  if (got !== false) channel.nack(got, false, false);
  await untilAsked(async () => (await channel.checkQueue('dead')).messageCount === 1);
  expect(await answers(channel, 2)).toBe('+-');
});

it('what is handed over at once waits nowhere', async () => {
  await limited.start(VHOST);
  expect(await answers(await channelOf(), 3)).toBe('+++');
  const reader = await limited.mqtt();
  const topics: string[] = [];
  reader.on('message', (topic) => topics.push(topic));
  await reader.subscribeAsync('t', { qos: 0 });
  const writer = await limited.mqtt();
  await writer.publishAsync('t', 'x', { qos: 1 });
  await until(() => topics.length === 1);
});

it('a transaction is refused what it would add, and a delayed message waits, too', async () => {
  await limited.start({ limits: { backlog: 2 } });
  const send = (transaction: string, more = '') =>
    `SEND\ndestination:/queue/q\n${more}${transaction === '' ? '' : `transaction:${transaction}\n`}\nx\0`;
  const frames = ['BEGIN\ntransaction:t\n\n\0', send('t').repeat(3), 'COMMIT\ntransaction:t\nreceipt:c\n\n\0'];
  const said = await limited.said(port('stomp'), STOMP + frames.join(''), (text) => text.includes('ERROR'));
  expect(said).toContain('ERROR');
  const later = send('', 'AMQ_SCHEDULED_DELAY:100000\nreceipt:r\n');
  const told = await limited.said(port('stomp'), STOMP + later.repeat(3), (text) => text.includes('ERROR'));
  expect(told.split('RECEIPT\n').length).toBe(3);
  expect(await limited.refused('connection_backlog', 'stomp')).toBe(2);
});

it('other limits are in force at once, for what waits already, too', async () => {
  await limited.start();
  const channel = await channelOf();
  expect(await answers(channel, 4)).toBe('++++');
  limited.broker.setLimits(VHOST as never);
  await untilAsked(async () => (await answers(channel, 1)) === '-');
  limited.broker.setLimits({});
  await untilAsked(async () => (await answers(channel, 1)) === '+');
});

it('of a vhost what waited before a restart counts after it', async () => {
  const directory = await temporaryDirectory();
  const data = { data: directory.path };
  await limited.start({ ...VHOST, ...data });
  expect(await answers(await channelOf(), 3)).toBe('+++');
  await limited.close();
  limited = new LimitedBroker();
  await limited.start({ ...VHOST, ...data });
  expect(await answers(await channelOf(), 1)).toBe('-');
});
