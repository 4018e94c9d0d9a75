/** Consuming and getting: tags, turns, prefetch. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import {
  type Client,
  client,
  drain,
  failure,
  filled,
  Inbox,
  method,
  methodOf,
  short,
  texts,
  u8,
  u16,
  u32,
  Wire,
} from '../wire.ts';

let broker: TestBroker;
let port: number;
let one: Client;
beforeAll(async () => {
  broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'] });
  port = broker.ports.amqp;
});
afterAll(() => broker.close());
beforeEach(async () => {
  one = await client(port);
});
afterEach(() => one.close());

describe('get', () => {
  test('says how many are left; unacknowledged ones come back in their place, redelivered', async () => {
    const queue = await filled(one, 3);
    const channel = await one.channel();
    const first = (await channel.get(queue)) || undefined;
    expect([first?.content.toString(), first?.fields.messageCount]).toEqual(['1', 2]);
    await channel.close();
    expect(await drain(one, queue)).toEqual(['1*', '2', '3']);
  });

  test('does not count as a consumer: an auto-delete queue stays', async () => {
    const queue = await filled(one, 1, { autoDelete: true });
    const two = await client(port);
    await (await two.channel()).get(queue);
    await two.close();
    expect(await drain(one, queue)).toEqual(['1*']);
  });

  test('an empty queue', async () => {
    const queue = await filled(one, 0);
    expect(await (await one.channel()).get(queue)).toBe(false);
  });
});

describe('consume', () => {
  test('deliveries come in order with the tag that was asked for; cancel stops them', async () => {
    const queue = await filled(one, 5);
    const channel = await one.channel();
    await channel.prefetch(2);
    const inbox = new Inbox();
    expect(await channel.consume(queue, inbox.consume, { consumerTag: 'my tag' })).toEqual({ consumerTag: 'my tag' });
    const [first, second] = await inbox.take(2);
    expect([first?.fields.consumerTag, first?.fields.deliveryTag, second?.fields.deliveryTag]).toEqual([
      'my tag',
      1,
      2,
    ]);
    await channel.cancel('my tag');
    // Deliveries outlive their consumer: they are the channel's.
    channel.ack(first!);
    channel.nack(second!, false, true);
    await channel.checkQueue(queue);
    expect(inbox.messages).toEqual([]);
    expect(await drain(one, queue)).toEqual(['2*', '3', '4', '5']);
  });

  test('a tag is made when none is given, and cannot be used twice', async () => {
    const queue = await filled(one, 0);
    const channel = await one.channel();
    const made = await channel.consume(queue, () => {});
    expect(made.consumerTag).toMatch(/^amq\.ctag-/);
    await failure(() => channel.consume(queue, () => {}, { consumerTag: made.consumerTag }));
    expect(one.errors.join()).toContain(`530 (NOT-ALLOWED) with message "NOT_ALLOWED - attempt to reuse consumer tag`);
  });

  test('an exclusive consumer is alone', async () => {
    const queue = await filled(one, 0);
    const channel = await one.channel();
    await channel.consume(queue, () => {}, { exclusive: true });
    const text = `ACCESS_REFUSED - queue '${queue}' in vhost '/' in exclusive use`;
    expect(await failure(async () => (await one.channel()).consume(queue, () => {}))).toContain(text);
  });

  test('no-ack deliveries are settled by being sent', async () => {
    const queue = await filled(one, 3);
    const channel = await one.channel();
    const inbox = new Inbox();
    await channel.consume(queue, inbox.consume, { noAck: true });
    const messages = await inbox.take(3);
    expect(messages.map((m) => m.fields.deliveryTag)).toEqual([1, 2, 3]);
    await channel.close();
    expect(await drain(one, queue)).toEqual([]);
  });

  test('consumers of a queue take turns', async () => {
    const queue = await filled(one, 0);
    const channel = await one.model.createConfirmChannel();
    const inboxes = [new Inbox(), new Inbox(), new Inbox()];
    for (const inbox of inboxes) await channel.consume(queue, inbox.consume, { noAck: true });
    for (let i = 0; i < 30; i++) channel.sendToQueue(queue, Buffer.from(String(i)));
    for (const inbox of inboxes) await inbox.take(10);
  });

  test('a deleted queue cancels its consumers, who hear of it; acknowledging afterwards harms nobody', async () => {
    const queue = await filled(one, 2);
    const channel = await one.channel();
    const inbox = new Inbox();
    await channel.consume(queue, inbox.consume);
    const held = await inbox.take(2);
    const got = await one.channel();
    await got.deleteQueue(queue);
    await inbox.ended();
    channel.ack(held[0]!);
    channel.nack(held[1]!);
    await channel.assertQueue(queue);
    expect(await drain(one, queue)).toEqual([]);
  });

  test('a client that has declared nothing hears of a deleted queue as well', async () => {
    const queue = await filled(one, 0);
    const reader = await client(port);
    const channel = await reader.channel();
    const inbox = new Inbox();
    await channel.consume(queue, inbox.consume);
    await (await one.channel()).deleteQueue(queue);
    await inbox.ended();
    await reader.close();
  });

  test('a client that does not understand basic.cancel gets none', async () => {
    const queue = await filled(one, 0);
    const wire = await Wire.open(port); // no capabilities
    wire.send(method(1, 60, 20, u16(0), short(queue), short('t'), u8(0), u32(0)));
    await wire.until('60.21');
    await (await one.channel()).deleteQueue(queue);
    wire.send(method(1, 20, 20, u8(1)));
    expect(methodOf(await wire.next())).toBe('20.21');
    wire.destroy();
  });
});

describe('prefetch', () => {
  test('holds each new consumer to its own limit', async () => {
    const queue = await filled(one, 10);
    const channel = await one.channel();
    await channel.prefetch(2);
    const small = new Inbox();
    await channel.consume(queue, small.consume);
    await channel.prefetch(3);
    const large = new Inbox();
    await channel.consume(queue, large.consume);
    const held = [...(await small.take(2)), ...(await large.take(3))];
    await channel.checkQueue(queue);
    expect([small.messages.length, large.messages.length]).toEqual([0, 0]);
    channel.ack(held[0]!);
    expect(texts([await small.next()])).toEqual(['6']);
  });

  test('global: one limit for all consumers of the channel; credit that comes back serves any of them', async () => {
    const [a, b] = [await filled(one, 3), await filled(one, 3)];
    const channel = await one.channel();
    await channel.prefetch(2, true);
    const inbox = new Inbox();
    await channel.consume(a, inbox.consume);
    const held = await inbox.take(2);
    await channel.consume(b, inbox.consume);
    await channel.checkQueue(b);
    expect(inbox.messages).toEqual([]);
    await channel.purgeQueue(a);
    for (const message of held) channel.ack(message);
    // The first queue is empty: what was freed there goes to the second.
    expect(texts(await inbox.take(2))).toEqual(['1', '2']);
    await channel.prefetch(0, true);
    expect(texts([await inbox.next()])).toEqual(['3']);
  });

  test('a deleted queue gives its share of a global limit back', async () => {
    const [a, b] = [await filled(one, 2), await filled(one, 1)];
    const channel = await one.channel();
    await channel.prefetch(2, true);
    const inbox = new Inbox();
    await channel.consume(a, inbox.consume);
    await inbox.take(2);
    await channel.consume(b, inbox.consume);
    await channel.deleteQueue(a);
    await inbox.ended();
    expect(texts([await inbox.next()])).toEqual(['1']);
  });
});
