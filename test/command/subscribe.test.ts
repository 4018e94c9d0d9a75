/** `entrepot sub`: messages of addresses of every protocol, as lines of JSON, from a broker of its own process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import amqplib, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import mqtt from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sourceOf } from '../../src/command/families/address.ts';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { until } from '../support/until.ts';
import { entrepot } from './harness.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const directory = temporaryDirectory();
const data = join(directory.path, 'data');
let broker: RunningBroker;
let client: ChannelModel;
let channel: ConfirmChannel;
const started: ChildProcess[] = [];

beforeAll(async () => {
  broker = await createBroker({
    data,
    listen: ['http://127.0.0.1:0', 'amqp://127.0.0.1:0', 'mqtt://127.0.0.1:0', 'stomp://127.0.0.1:0'],
  });
  client = await amqplib.connect(`amqp://127.0.0.1:${broker.port('amqp')}`);
  channel = await client.createConfirmChannel();
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await client.close();
  await broker.close();
  directory.remove();
});

interface Line {
  readonly routingKey: string;
  readonly body: unknown;
  readonly redelivered: boolean;
}

function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

function queueOf(queue: string) {
  return broker.broker.vhostsByName.get('/')!.topology.queues.get(queue);
}

function readyIn(queue: string): number {
  return queueOf(queue)?.messages ?? -1;
}

async function send(queue: string, ...bodies: readonly (string | Buffer)[]): Promise<void> {
  for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body as string), { persistent: true });
  await channel.waitForConfirms();
}

/** The command as a process, once it is subscribed. */
async function running(
  ...args: readonly string[]
): Promise<{ child: ChildProcess; said: { out: string; err: string } }> {
  const before = broker.operator.subscriptions.size;
  const child = spawn(process.execPath, [MAIN, 'sub', ...args, '--data', data], { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  const said = { out: '', err: '' };
  child.stdout!.on('data', (chunk: Buffer) => void (said.out += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => void (said.err += chunk.toString()));
  await until(() => broker.operator.subscriptions.size > before, 'it is subscribed');
  return { child, said };
}

async function exitOf(child: ChildProcess): Promise<unknown> {
  if (child.exitCode !== null) return child.exitCode;
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

describe('addresses', () => {
  it('of every protocol are what its clients mean by them', () => {
    expect(sourceOf('queue:a/b')).toEqual({ queue: 'a/b' });
    expect(sourceOf('amqp:/q')).toEqual({ queue: 'q' });
    expect(sourceOf('amqp:logs')).toMatchObject({ exchange: 'logs', key: '' });
    expect(sourceOf('amqp:logs/a.*/b')).toMatchObject({ exchange: 'logs', key: 'a.*/b', spelling: 'dots' });
    expect(sourceOf('mqtt:a/+/#')).toEqual({
      exchange: 'amq.topic',
      key: 'a/+/#',
      spelling: 'slashes',
      retained: true,
    });
    expect(sourceOf('mqtt:$share/g/a/#')).toEqual({ queue: '$share/g/a/#' });
    expect(sourceOf('stomp:/queue/a%2Fb')).toEqual({ queue: 'a/b' });
    expect(sourceOf('stomp:/topic/a.*')).toMatchObject({ exchange: 'amq.topic', key: 'a.*' });
    expect(sourceOf('stomp:/exchange/x/k')).toMatchObject({ exchange: 'x', key: 'k' });
    expect(sourceOf('redis:news')).toEqual({ exchange: 'amq.topic', key: 'news', spelling: 'dots', retained: false });
    expect(sourceOf('redis:a.*.b?')).toMatchObject({ exchange: 'amq.topic', key: 'a.#' });
    const pattern = sourceOf('redis:a.*.b?') as { matches(key: string): boolean };
    expect(['a.x.y.b1', 'a.x.b', 'a.b1'].map((key) => pattern.matches(key))).toEqual([true, false, false]);
  });

  it.each([
    'x',
    'queue:',
    'nothing:a',
    'mqtt:a+/b',
    'mqtt:#/a',
    'mqtt:$queue/q',
    'stomp:/x/y',
    'stomp:/temp-queue/a',
    'amqp:/',
  ])('%s is wrong usage', async (address) => {
    const { code, stderr } = await entrepot('sub', address, '--data', data);
    expect([code, stderr.split('\n').length]).toEqual([2, 2]);
  });
});

describe('what is wanted of an address', () => {
  it('is what a pattern of Redis matches, of messages of all protocols, as many as are asked for', async () => {
    const { child, said } = await running('redis:news.[ab]*', '--count', '2');
    const publish = (key: string) => channel.publish('amq.topic', key, Buffer.from(key));
    publish('news.c');
    publish('news.b.1');
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`);
    await device.publishAsync('news/a', 'from mqtt', { qos: 1 });
    await device.endAsync();
    publish('news.a2');
    expect(await exitOf(child)).toBe(0);
    expect(linesOf(said.out).map(({ routingKey }) => routingKey)).toEqual(['news.b.1', 'news/a']);
  });

  it('is what a selector selects; the others stay in a queue, and are passed over of a topic', async () => {
    await channel.assertQueue('coloured');
    const paint = (exchange: string, key: string, colour: string) =>
      channel.publish(exchange, key, Buffer.from(colour), { headers: { colour }, persistent: true });
    for (const colour of ['blue', 'red', 'green', 'red']) paint('', 'coloured', colour);
    await channel.waitForConfirms();
    const red = ['--selector', "colour = 'red'", '--count', '2'];
    const { code, stdout } = await entrepot('sub', 'queue:coloured', ...red, '--data', data);
    expect([code, linesOf(stdout).map(({ body }) => body)]).toEqual([0, ['red', 'red']]);
    expect((await channel.checkQueue('coloured')).messageCount).toBe(2);
    const { child, said } = await running('amqp:amq.topic/paint.#', ...red);
    for (const colour of ['blue', 'red', 'green', 'red']) paint('amq.topic', 'paint.x', colour);
    expect(await exitOf(child)).toBe(0);
    expect(linesOf(said.out).map(({ body }) => body)).toEqual(['red', 'red']);
    expect(said.err).toBe('');
    const wrong = await entrepot('sub', 'queue:coloured', '--selector', 'colour = ', '--data', data);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/selector/);
  });
});

describe('a queue', () => {
  it('gives so many, which are gone once they are printed, and no more are touched', async () => {
    await channel.assertQueue('some');
    await send('some', 'one', 'two', 'three');
    const { code, stdout, stderr } = await entrepot('sub', 'queue:some', '--count', '2', '--data', data);
    expect([code, stderr]).toEqual([0, '']);
    expect(linesOf(stdout)).toMatchObject([
      { body: 'one', routingKey: 'some', exchange: '', persistent: true, redelivered: false },
      { body: 'two' },
    ]);
    await until(() => readyIn('some') === 1, 'the others are back');
    const left = await channel.get('some', { noAck: true });
    expect(left).toMatchObject({ fields: { redelivered: false } });
  });

  it('gives large bodies and bytes whole', async () => {
    await channel.assertQueue('large');
    const large = Buffer.alloc(400_000, 'x');
    await send('large', large, Buffer.from([0xff, 0x00]), 'after');
    const { stdout } = await entrepot('sub', 'queue:large', '--count', '3', '--data', data);
    expect(linesOf(stdout)).toMatchObject([
      { body: large.toString(), cut: false },
      { body: '/wA=', bodyForm: 'base64' },
      { body: 'after' },
    ]);
  });

  it('that is not there is no such thing, and one that is deleted ends it', async () => {
    expect((await entrepot('sub', 'queue:nowhere', '--data', data)).code).toBe(5);
    await channel.assertQueue('going');
    const { child, said } = await running('queue:going');
    await channel.deleteQueue('going');
    expect(await exitOf(child)).toBe(5);
    expect(said.err).toBe('entrepot: the queue has been deleted\n');
  });

  it('keeps what a killed reader has not printed', async () => {
    await channel.assertQueue('kept');
    const { child, said } = await running('queue:kept', '--window', '5');
    await send('kept', 'a', 'b');
    await until(() => said.out.split('\n').length === 3, 'both are printed');
    await until(() => queueOf('kept')?.unsettledCount === 0, 'both are reported');
    child.kill('SIGSTOP');
    await send('kept', 'c', 'd', 'e', 'f', 'g', 'h', 'i');
    child.kill('SIGKILL');
    await until(() => readyIn('kept') === 7, 'what was on its way is back');
  });
});

describe('topics', () => {
  it('come to a filter of MQTT, what is retained first', async () => {
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`, { reconnectPeriod: 0 });
    await device.publishAsync('plant/1/heat', 'kept', { qos: 1, retain: true });
    const { child, said } = await running('mqtt:plant/+/heat', '--count', '3');
    await device.publishAsync('plant/2/heat', '21.5', { qos: 0 });
    await device.publishAsync('plant/2/cold', 'no', { qos: 1 });
    channel.publish('amq.topic', 'plant.3.heat', Buffer.from('{"t":1}'));
    expect(await exitOf(child)).toBe(0);
    expect(linesOf(said.out)).toMatchObject([
      { routingKey: 'plant/1/heat', body: 'kept' },
      { routingKey: 'plant/2/heat', body: '21.5' },
      { routingKey: 'plant.3.heat', body: '{"t":1}' },
    ]);
    await device.publishAsync('plant/1/heat', '', { qos: 1, retain: true });
    await device.endAsync();
  });

  it('come beside others, by an exchange and a key, and leave no queue behind', async () => {
    const before = broker.broker.vhostsByName.get('/')!.topology.queues.size;
    const { child, said } = await running('amqp:amq.direct/k');
    channel.publish('amq.direct', 'k', Buffer.from('here'));
    await until(() => said.out !== '', 'it is printed');
    child.kill('SIGINT');
    expect(await exitOf(child)).toBe(0);
    expect(said.err).toBe('');
    await until(() => broker.operator.subscriptions.size === 0, 'it is gone');
    expect(broker.broker.vhostsByName.get('/')!.topology.queues.size).toBe(before);
  });
});

describe('ends', () => {
  it('in order when nobody reads any more', async () => {
    const { child } = await running('amqp:amq.fanout');
    child.stdout!.destroy();
    const more = setInterval(() => channel.publish('amq.fanout', '', Buffer.from('x')), 5);
    expect(await exitOf(child)).toBe(0);
    clearInterval(more);
  });

  it('with 3 when the broker stops', async () => {
    const other = await createBroker({ data: join(directory.path, 'other'), listen: 'http://127.0.0.1:0' });
    const child = spawn(process.execPath, [MAIN, 'sub', 'amqp:amq.fanout', '--data', join(directory.path, 'other')]);
    started.push(child);
    await until(() => other.operator.subscriptions.size === 1, 'it is subscribed');
    await other.close();
    expect(await exitOf(child)).toBe(3);
  });
});
