/** Exchanges, queues, bindings: declared, compared, deleted, and the errors in RabbitMQ's words. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { type Client, client, failure, Inbox, method, NO_TABLE, short, texts, u8, u16, Wire } from '../wire.ts';

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

describe('queues', () => {
  test('declare-ok counts ready messages and consumers; a passive declare sees the same', async () => {
    const channel = await one.channel();
    expect(await channel.assertQueue('counted')).toEqual({ queue: 'counted', messageCount: 0, consumerCount: 0 });
    channel.sendToQueue('counted', Buffer.from('1'));
    channel.sendToQueue('counted', Buffer.from('2'));
    const expected = { queue: 'counted', messageCount: 2, consumerCount: 0 };
    expect(await channel.checkQueue('counted')).toEqual(expected);
    expect(await channel.assertQueue('counted')).toEqual(expected);
    expect(await channel.purgeQueue('counted')).toEqual({ messageCount: 2 });
    channel.sendToQueue('counted', Buffer.from('3'));
    expect(await channel.deleteQueue('counted')).toEqual({ messageCount: 1 });
    expect(await channel.deleteQueue('counted')).toEqual({ messageCount: 0 });
  });

  test('declare-ok counts no more than a limit allows, however many have come in this turn', async () => {
    const channel = await one.channel();
    await channel.assertQueue('limited', { maxLength: 2 });
    for (let i = 0; i < 5000; i++) channel.sendToQueue('limited', Buffer.alloc(0));
    expect(await channel.checkQueue('limited')).toMatchObject({ messageCount: 2 });
    for (let i = 0; i < 5000; i++) channel.sendToQueue('limited', Buffer.alloc(0));
    expect(await channel.deleteQueue('limited')).toEqual({ messageCount: 2 });
  });

  test('an empty name asks for one; an empty name later means the last one declared', async () => {
    const channel = await one.channel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    expect(queue).toMatch(/^amq\.gen-.{10,}/);
    await channel.bindQueue('', 'amq.direct', '');
    channel.publish('amq.direct', queue, Buffer.from('by the key that was not given'));
    expect((await channel.get('')) && true).toBe(true);
    const other = await one.channel();
    expect(await failure(() => other.get(''))).toContain('404 (NOT-FOUND)');
  });

  test('an exclusive queue is locked to its connection and goes with it', async () => {
    const channel = await one.channel();
    await channel.assertQueue('mine', { exclusive: true });
    const two = await client(port);
    const theirs = await two.channel();
    expect(await failure(() => theirs.checkQueue('mine'))).toContain(
      "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'",
    );
    // Another channel of the same connection may.
    await (await one.channel()).checkQueue('mine');
    await one.close();
    const again = await two.channel();
    expect(await failure(() => again.checkQueue('mine'))).toContain("NOT_FOUND - no queue 'mine' in vhost '/'");
    await two.close();
  });

  test('an auto-delete queue goes with its last consumer, also when that still holds a message', async () => {
    const channel = await one.channel();
    await channel.assertQueue('brief', { autoDelete: true });
    channel.sendToQueue('brief', Buffer.from('held'));
    const inbox = new Inbox();
    const { consumerTag } = await channel.consume('brief', inbox.consume);
    const held = await inbox.next();
    await channel.cancel(consumerTag);
    expect(await failure(async () => (await one.channel()).checkQueue('brief'))).toContain('404');
    // Acknowledging what went with the queue harms nobody.
    channel.ack(held);
    await channel.assertQueue('brief', { autoDelete: true });
    channel.sendToQueue('brief', Buffer.from('after'));
    expect(((await channel.get('brief')) || undefined)?.content.toString()).toBe('after');
    await channel.deleteQueue('brief');
  });

  test.each([
    ['if-unused', { ifUnused: true }, "queue 'kept' in vhost '/' in use"],
    ['if-empty', { ifEmpty: true }, "queue 'kept' in vhost '/' not empty"],
  ])('delete %s', async (_name, options, text) => {
    const channel = await one.channel();
    await channel.assertQueue('kept');
    channel.sendToQueue('kept', Buffer.from('1'));
    const user = await one.channel();
    await user.prefetch(1);
    if ('ifUnused' in options) await user.consume('kept', () => {});
    expect(await failure(() => channel.deleteQueue('kept', options))).toContain(`PRECONDITION_FAILED - ${text}`);
    await (await one.channel()).deleteQueue('kept');
  });

  test('declaring it otherwise is refused, and says how', async () => {
    await (await one.channel()).assertQueue('strict', { durable: true });
    const channel = await one.channel();
    expect(await failure(() => channel.assertQueue('strict', { durable: false }))).toContain(
      "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'strict' in vhost '/': received 'false' but current is 'true'",
    );
  });

  test("names under 'amq.' are the broker's", async () => {
    const channel = await one.channel();
    expect(await failure(() => channel.assertQueue('amq.mine'))).toContain(
      "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
    );
  });
});

describe('exchanges', () => {
  test('a binding between exchanges carries messages on, until it is taken away', async () => {
    const channel = await one.channel();
    await channel.assertExchange('from', 'topic', { durable: false });
    await channel.assertExchange('to', 'fanout', { durable: false, autoDelete: true });
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, 'to', '');
    await channel.bindExchange('to', 'from', 'a.#');
    channel.publish('from', 'a.b.c', Buffer.from('through'));
    channel.publish('from', 'b', Buffer.from('not'));
    expect(((await channel.get(queue)) || undefined)?.content.toString()).toBe('through');
    expect(await channel.get(queue)).toBe(false);
    await channel.unbindExchange('to', 'from', 'a.#');
    channel.publish('from', 'a.b.c', Buffer.from('no more'));
    expect(await channel.get(queue)).toBe(false);
    // `to` is auto-delete: it goes with its last binding.
    await channel.unbindQueue(queue, 'to', '');
    expect(await failure(() => channel.checkExchange('to'))).toContain("NOT_FOUND - no exchange 'to' in vhost '/'");
    await (await one.channel()).deleteExchange('from');
  });

  test('direct, topic and headers choose; fanout does not', async () => {
    const channel = await one.channel();
    const cases: [string, string, object, string, object, boolean][] = [
      ['amq.direct', 'k', {}, 'k', {}, true],
      ['amq.direct', 'k', {}, 'l', {}, false],
      ['amq.topic', '*.b.#', {}, 'a.b', {}, true],
      ['amq.topic', '*.b.#', {}, 'a.b.c.d', {}, true],
      ['amq.topic', '*.b.#', {}, 'b', {}, false],
      ['amq.fanout', 'k', {}, 'other', {}, true],
      ['amq.headers', '', { 'x-match': 'all', a: 1, b: 'x' }, '', { a: 1, b: 'x', c: 2 }, true],
      ['amq.headers', '', { 'x-match': 'all', a: 1, b: 'x' }, '', { a: 1 }, false],
      ['amq.headers', '', { 'x-match': 'any', a: 1, b: 'x' }, '', { a: 1 }, true],
      ['amq.headers', '', { 'x-match': 'any', a: 1, b: 'x' }, '', { a: 2 }, false],
    ];
    for (const [exchange, pattern, args, key, headers, expected] of cases) {
      const { queue } = await channel.assertQueue('', { exclusive: true });
      await channel.bindQueue(queue, exchange, pattern, args);
      channel.publish(exchange, key, Buffer.from('x'), { headers: headers as Record<string, unknown> });
      const got = await channel.get(queue, { noAck: true });
      expect(got !== false, `${exchange} ${pattern} ${JSON.stringify(args)} ${key} ${JSON.stringify(headers)}`).toBe(
        expected,
      );
      await channel.unbindQueue(queue, exchange, pattern, args);
      channel.publish(exchange, key, Buffer.from('x'), { headers: headers as Record<string, unknown> });
      expect(await channel.get(queue)).toBe(false);
    }
  });

  test.each([
    ['a passive declare', (c: Wire) => c.send(exchangeDeclare('nope', 'direct', 1)), 'no exchange'],
    ['publishing', (c: Wire) => c.send(method(1, 60, 40, u16(0), short('nope'), short('k'), u8(0))), 'no exchange'],
  ])('%s to one that is not there: 404', async (_name, act, text) => {
    const wire = await Wire.open(port);
    act(wire);
    const close = await wire.until('20.40');
    expect(close.payload.toString('latin1')).toContain(`NOT_FOUND - ${text} 'nope' in vhost '/'`);
    wire.destroy();
  });

  test('an internal exchange takes nothing from clients', async () => {
    const channel = await one.channel();
    await channel.assertExchange('inside', 'fanout', { internal: true, durable: false });
    channel.publish('inside', '', Buffer.from('x'));
    expect(await failure(() => channel.checkExchange('inside'))).toMatch(
      /403.*cannot publish to internal exchange 'inside' in vhost '\/'/s,
    );
    await (await one.channel()).deleteExchange('inside');
  });

  test('an unknown type costs the connection: 503', async () => {
    const channel = await one.channel();
    await failure(() => channel.assertExchange('odd', 'no-such-type'));
    expect(one.errors.join()).toContain(
      "503 (COMMAND-INVALID) with message \"COMMAND_INVALID - unknown exchange type 'no-such-type'",
    );
  });
});

const exchangeDeclare = (name: string, type: string, bits: number): Buffer =>
  method(1, 40, 10, u16(0), short(name), short(type), u8(bits), NO_TABLE);

describe('nowait', () => {
  test('nothing is answered, everything is done', async () => {
    const wire = await Wire.open(port);
    const queue = short('quiet');
    wire.send(
      exchangeDeclare('quiet', 'fanout', 0b10000),
      method(1, 50, 10, u16(0), queue, u8(0b10000), NO_TABLE), // declare
      method(1, 50, 20, u16(0), queue, queue, short(''), u8(1), NO_TABLE), // bind
      method(1, 50, 30, u16(0), queue, u8(1)), // purge
      method(1, 60, 20, u16(0), queue, short('tag'), u8(0b1010), NO_TABLE), // consume, no-ack
      method(1, 60, 30, short('tag'), u8(1)), // cancel
      method(1, 85, 10, u8(1)), // confirm.select
      method(1, 50, 10, u16(0), queue, u8(1), NO_TABLE), // passive declare, answered
    );
    const answer = await wire.next();
    expect(answer.payload.readUInt32BE(0)).toBe((50 << 16) | 11);
    const channel = await one.channel();
    channel.publish('quiet', '', Buffer.from('bound'));
    expect(texts([((await channel.get('quiet', { noAck: true })) || undefined)!])).toEqual(['bound']);
    wire.send(
      method(1, 50, 40, u16(0), queue, u8(0b100)), // delete
      method(1, 40, 20, u16(0), queue, u8(0b10)), // exchange.delete
      method(1, 20, 20, u8(1)), // channel.flow, answered
    );
    expect((await wire.next()).payload.readUInt32BE(0)).toBe((20 << 16) | 21);
    expect(await failure(() => channel.checkQueue('quiet'))).toContain('404');
    wire.destroy();
  });
});
