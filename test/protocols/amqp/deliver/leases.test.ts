/** Leases over AMQP: the channel is never closed for one that runs out, and a word that comes too late is answered. */
import amqplib, { type ConfirmChannel, type ConsumeMessage, type GetMessage, type Message } from 'amqplib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { pass } from '../../../support/pass.ts';

let clock: ManualClock;
let broker: TestBroker;
beforeEach(async () => {
  clock = new ManualClock();
  broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'], clock });
});
afterEach(() => broker.close());

class Worker {
  readonly got: ConsumeMessage[] = [];
  readonly returned: Message[] = [];
  readonly channel: ConfirmChannel;
  private heard = (): void => {};

  private constructor(channel: ConfirmChannel) {
    this.channel = channel;
    channel.on('return', (message: Message) => this.returned.push(message));
    channel.on('error', (error) => {
      throw error;
    });
  }

  static async start(args: object = {}, queueArgs: object = { 'x-lease': 10_000 }): Promise<Worker> {
    const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}?heartbeat=0`);
    const worker = new Worker(await connection.createConfirmChannel());
    await worker.channel.assertQueue('jobs', { arguments: queueArgs });
    await worker.channel.consume('jobs', (message) => worker.take(message!), { arguments: args });
    return worker;
  }

  private take(message: ConsumeMessage): void {
    this.got.push(message);
    this.heard();
  }

  async until(count: number): Promise<ConsumeMessage> {
    while (this.got.length < count) await new Promise<void>((resolve) => (this.heard = resolve));
    return this.got[count - 1]!;
  }

  renew(headers: object = {}, options: object = {}): Promise<boolean> {
    return this.say('amq.delivery.renew', headers, options);
  }

  /** Whether the broker confirms it. */
  say(word: string, headers: object, options: object = {}): Promise<boolean> {
    return new Promise((resolve) => {
      this.channel.publish('', word, Buffer.alloc(0), { headers, ...options }, (error) => resolve(error === null));
    });
  }
}

test('one that runs out is redelivered as a failed attempt; an ack that comes after that changes nothing', async () => {
  const first = await Worker.start();
  first.channel.sendToQueue('jobs', Buffer.from('a'));
  const held = await first.until(1);
  await pass(clock, 11_000);
  const second = await Worker.start();
  const again = await second.until(1);
  expect([again.content.toString(), again.fields.redelivered]).toEqual(['a', true]);
  first.channel.ack(held);
  await first.channel.checkQueue('jobs'); // the channel is there still
  second.channel.ack(again);
  expect(await second.channel.checkQueue('jobs')).toMatchObject({ messageCount: 0 });
  first.channel.sendToQueue('jobs', Buffer.from('b'));
  first.channel.sendToQueue('jobs', Buffer.from('c'));
  await Promise.all([first.until(2), second.until(2)]); // it has answered, so it is served again
});

test.each([
  ['by its tag', (tag: number) => ({ 'x-delivery-tag': tag })],
  ['by a list of tags', (tag: number) => ({ 'x-delivery-tag': [tag] })],
  ['with all that the channel holds', () => ({})],
])('one that is renewed %s is nobody else’s before the new time is over', async (_how, headers) => {
  const worker = await Worker.start();
  worker.channel.sendToQueue('jobs', Buffer.from('a'));
  const { deliveryTag } = (await worker.until(1)).fields;
  for (let i = 0; i < 5; i++) {
    await pass(clock, 9_000);
    expect(await worker.renew(headers(deliveryTag))).toBe(true);
  }
  await pass(clock, 9_900);
  expect(await worker.channel.get('jobs')).toBe(false);
  await pass(clock, 1_000);
  const other = await Worker.start();
  await other.until(1);
  expect(await worker.renew(headers(deliveryTag))).toBe(false);
});

test('a renewal that comes too late is returned if it is mandatory, and one that says nothing costs the channel', async () => {
  const worker = await Worker.start();
  expect(await worker.renew({ 'x-delivery-tag': 7 }, { mandatory: true })).toBe(false);
  expect(worker.returned.map(({ fields }) => fields.routingKey)).toEqual(['amq.delivery.renew']);
  expect(await worker.renew()).toBe(true); // nothing is held, so nothing has run out
  const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}?heartbeat=0`);
  const channel = await connection.createChannel();
  const closed = new Promise<Error>((resolve) => channel.on('error', resolve));
  channel.publish('', 'amq.delivery.renew', Buffer.alloc(0), { headers: { 'x-delivery-tag': 'seven' } });
  expect((await closed).message).toContain("invalid header 'x-delivery-tag'");
});

test('a basic.get holds by a lease as well, and a large body of a renewal is passed over', async () => {
  const worker = await Worker.start({ 'x-lease': 60_000 });
  await worker.channel.assertQueue('got', { arguments: { 'x-lease': 10_000 } });
  worker.channel.sendToQueue('got', Buffer.from('g'));
  const got = (await worker.channel.get('got')) as GetMessage;
  await pass(clock, 9_000);
  const renewed = new Promise<boolean>((resolve) => {
    const headers = { 'x-delivery-tag': got.fields.deliveryTag };
    worker.channel.publish('', 'amq.delivery.renew', Buffer.alloc(300_000), { headers }, (error) =>
      resolve(error === null),
    );
  });
  expect(await renewed).toBe(true);
  await pass(clock, 9_000);
  expect(await worker.channel.get('got')).toBe(false);
  await pass(clock, 2_000);
  expect(await worker.channel.get('got')).not.toBe(false);
});

test.each([
  [{ 'x-lease': 999 }, {}, 'expected 1000 to 86400000 milliseconds'],
  [{ 'x-lease': 'long' }, {}, 'expected integer, got longstr'],
  [{}, { 'x-lease': 10 }, 'expected 1000 to 86400000 milliseconds'],
  [{}, { 'x-consumer-timeout': 'long' }, 'expected integer, got longstr'],
  [{ 'x-consumer-timeout': -1 }, {}, '{value_negative,-1}'],
])('what is no lease or timeout is refused: %j, %j', async (queue, consumer, why) => {
  const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}?heartbeat=0`);
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  const refused = async (): Promise<void> => {
    await channel.assertQueue('refused', { arguments: queue });
    await channel.consume('refused', () => {}, { arguments: consumer });
  };
  await expect(refused()).rejects.toThrow(why);
});

test('a parked message comes to a consumer that asks for it when it begins, or later, with its token; then it is gone', async () => {
  const worker = await Worker.start({}, {});
  for (const body of ['a', 'b', 'c']) worker.channel.sendToQueue('jobs', Buffer.from(body));
  await worker.until(3);
  const park = (at: number, token: string): Promise<boolean> =>
    worker.say('amq.delivery.defer', {
      'x-delivery-tag': worker.got[at]!.fields.deliveryTag,
      'x-opt-deferral-token': token,
      'x-opt-delivery-delay': 3_600_000,
    });
  expect([await park(0, 'one'), await park(1, 'two'), await park(1, 'two')]).toEqual([true, true, false]);
  const asking = await Worker.start({ 'x-deferral-tokens': ['one'] }, {});
  const one = await asking.until(1);
  expect([one.content.toString(), one.properties.headers?.['x-opt-deferral-token']]).toEqual(['a', 'one']);
  expect(await asking.say('amq.delivery.claim', { 'x-deferral-tokens': 'two' })).toBe(true);
  expect((await asking.until(2)).content.toString()).toBe('b');
  expect(await asking.say('amq.delivery.claim', { 'x-deferral-tokens': ['two', 'none'] }, { mandatory: true })).toBe(
    false,
  );
  expect(asking.returned).toHaveLength(1);
  asking.channel.ackAll();
  worker.channel.ack(worker.got[2]!);
  expect(await worker.channel.checkQueue('jobs')).toMatchObject({ messageCount: 0 });
});

test.each([
  ['amq.delivery.defer', { 'x-opt-delivery-delay': 1 }, 'x-delivery-tag'],
  ['amq.delivery.defer', { 'x-delivery-tag': 1 }, 'x-opt-delivery-time'],
  [
    'amq.delivery.defer',
    { 'x-delivery-tag': 1, 'x-opt-delivery-delay': 1, 'x-opt-deferral-token': 7 },
    'deferral-token',
  ],
  ['amq.delivery.claim', { 'x-deferral-tokens': 'a' }, 'x-consumer-tag'],
])('%s with %j costs the channel', async (word, headers, named) => {
  const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}?heartbeat=0`);
  const channel = await connection.createChannel();
  const closed = new Promise<Error>((resolve) => channel.on('error', resolve));
  channel.publish('', word, Buffer.alloc(0), { headers });
  expect((await closed).message).toContain(named);
});

test('a queue of the quorum type tells how often a message has come back, beside how often it has failed', async () => {
  const worker = await Worker.start({}, { 'x-queue-type': 'quorum' });
  worker.channel.sendToQueue('jobs', Buffer.from('a'));
  await worker.until(1);
  await worker.channel.recover();
  worker.channel.nack(await worker.until(2));
  await worker.until(3);
  expect(worker.got.map(({ properties }) => properties.headers)).toEqual([
    {},
    { 'x-acquired-count': 1 },
    { 'x-delivery-count': 1, 'x-acquired-count': 2 },
  ]);
});
