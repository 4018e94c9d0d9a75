/** Settling deliveries, and what becomes of them when their channel or connection ends. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import {
  type Client,
  client,
  closeOf,
  drain,
  filled,
  frame,
  header,
  Inbox,
  method,
  methodOf,
  publish,
  short,
  u8,
  u16,
  u32,
  u64,
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

describe('settling', () => {
  test('ack, multiple ack, ack of all', async () => {
    const queue = await filled(one, 6);
    const channel = await one.channel();
    const inbox = new Inbox();
    await channel.consume(queue, inbox.consume);
    const held = await inbox.take(6);
    channel.ack(held[3]!);
    channel.ack(held[2]!, true);
    await channel.recover();
    expect(
      (await inbox.take(2)).map((m) => [m.content.toString(), m.fields.redelivered, m.fields.deliveryTag]),
    ).toEqual([
      ['5', true, 7],
      ['6', true, 8],
    ]);
    channel.ackAll();
    await channel.close();
    expect(await drain(one, queue)).toEqual([]);
  });

  test.each([
    ['nack with requeue', (c: Wire) => c.send(method(1, 60, 120, u64(2), u8(0b11))), ['1*', '2*', '3']],
    ['nack without', (c: Wire) => c.send(method(1, 60, 120, u64(2), u8(0b01))), ['3']],
    ['nack of one', (c: Wire) => c.send(method(1, 60, 120, u64(2), u8(0b10))), ['1*', '2*', '3']],
    ['reject with requeue', (c: Wire) => c.send(method(1, 60, 90, u64(1), u8(1))), ['1*', '2*', '3']],
    ['reject without', (c: Wire) => c.send(method(1, 60, 90, u64(1), u8(0))), ['2*', '3']],
    ['recover', (c: Wire) => c.send(method(1, 60, 110, u8(1))), ['1*', '2*', '3']],
    ['recover-async', (c: Wire) => c.send(method(1, 60, 100, u8(1))), ['1*', '2*', '3']],
  ])('%s', async (_name, act, expected) => {
    const queue = await filled(one, 3);
    const wire = await Wire.open(port);
    const get = method(1, 60, 70, u16(0), short(queue), u8(0));
    wire.send(get, get);
    await wire.until('60.71');
    await wire.until('60.71');
    act(wire);
    wire.send(method(1, 20, 40, u16(200), short(''), u16(0), u16(0)));
    await wire.until('20.41');
    expect(await drain(one, queue)).toEqual(expected);
    wire.destroy();
  });

  test.each([
    ['an unknown tag', [method(1, 60, 80, u64(5), u8(0))], '406 PRECONDITION_FAILED - unknown delivery tag 5'],
    [
      'an unknown tag and all before it',
      [method(1, 60, 80, u64(5), u8(1))],
      '406 PRECONDITION_FAILED - unknown delivery tag 5',
    ],
    ['tag 0 alone', [method(1, 60, 80, u64(0), u8(0))], '406 PRECONDITION_FAILED - unknown delivery tag 0'],
    [
      'one that is settled',
      [method(1, 60, 80, u64(1), u8(0)), method(1, 60, 80, u64(1), u8(0))],
      '406 PRECONDITION_FAILED - unknown delivery tag 1',
    ],
    [
      'a tag beyond 2^53',
      [method(1, 60, 80, Buffer.alloc(8, 0xff), u8(0))],
      /^406 PRECONDITION_FAILED - unknown delivery tag/,
    ],
    ['recover without requeue', [method(1, 60, 110, u8(0))], '540 NOT_IMPLEMENTED - requeue=false'],
  ])('%s is refused', async (_name, bytes, expected) => {
    const queue = await filled(one, 1);
    const wire = await Wire.open(port);
    wire.send(method(1, 60, 70, u16(0), short(queue), u8(0)));
    await wire.until('60.71');
    await wire.next();
    await wire.next();
    wire.send(...bytes);
    const text = closeOf(await wire.next());
    if (typeof expected === 'string') expect(text).toBe(expected);
    else expect(text).toMatch(expected);
    wire.destroy();
  });

  test('a dead letter carries its record; rejected without a dead-letter exchange it is gone', async () => {
    const channel = await one.channel();
    await channel.assertQueue('graves');
    await channel.bindQueue('graves', 'amq.fanout', '');
    const queue = await filled(one, 1, { deadLetterExchange: 'amq.fanout', deadLetterRoutingKey: 'dead' });
    const live = await channel.get(queue);
    channel.nack(live || (undefined as never), false, false);
    const inbox = new Inbox();
    await channel.consume('graves', inbox.consume);
    const dead = await inbox.next();
    expect(dead.fields).toMatchObject({ exchange: 'amq.fanout', routingKey: 'dead' });
    expect(dead.properties.headers).toMatchObject({
      'x-first-death-queue': queue,
      'x-first-death-reason': 'rejected',
      'x-first-death-exchange': '',
      'x-death': [{ count: 1, reason: 'rejected', queue, exchange: '', 'routing-keys': [queue] }],
    });
    channel.ack(dead);
    await channel.deleteQueue('graves');
  });
});

describe('leaving', () => {
  test.each([
    ['channel.close', (w: Wire) => w.send(method(1, 20, 40, u16(200), short(''), u16(0), u16(0)))],
    ['connection.close', (w: Wire) => w.send(method(0, 10, 50, u16(200), short(''), u16(0), u16(0)))],
    ['a lost connection', (w: Wire) => w.destroy()],
    ['an error on the channel', (w: Wire) => w.send(method(1, 60, 80, u64(99), u8(0)))],
    ['an error on the connection', (w: Wire) => w.send(method(1, 60, 99))],
    ['a frame that cannot be read', (w: Wire) => w.send(Buffer.from('this is not a frame at all'))],
  ])('%s: what was held waits again, in order, redelivered', async (_name, leave) => {
    const queue = await filled(one, 4);
    const wire = await Wire.open(port);
    // One is held by a consumer, one by a cancelled consumer, one was got.
    wire.send(method(1, 60, 10, u32(0), u16(1), u8(0)));
    wire.send(method(1, 60, 20, u16(0), short(queue), short('gone'), u8(0), u32(0)));
    await wire.until('60.60');
    wire.send(method(1, 60, 30, short('gone'), u8(0)));
    wire.send(method(1, 60, 20, u16(0), short(queue), short('here'), u8(0), u32(0)));
    await wire.until('60.60');
    wire.send(method(1, 60, 70, u16(0), short(queue), u8(0)));
    await wire.until('60.71');
    leave(wire);
    const channel = await one.channel();
    const inbox = new Inbox();
    await channel.consume(queue, inbox.consume, { noAck: true });
    const all = await inbox.take(4);
    const seen = all.map((m) => `${m.content}${m.fields.redelivered ? '*' : ''}`).sort();
    expect(seen).toEqual(['1*', '2*', '3*', '4']);
    wire.destroy();
  });

  test('a publish that was cut off leaves nothing', async () => {
    const queue = await filled(one, 0);
    for (const size of [100, 1_000_000]) {
      const wire = await Wire.open(port);
      wire.send(publish(1, '', queue), header(1, size), frame(3, 1, Buffer.alloc(50)), method(2, 20, 10, short('')));
      await wire.until('20.11');
      wire.destroy();
    }
    expect(await drain(one, queue)).toEqual([]);
  });

  test('a broker that stops says so: 320', async () => {
    const stopping = await startTestBroker({ listen: ['amqp://127.0.0.1:0'] });
    const wire = await Wire.open(stopping.ports.amqp);
    const closed = stopping.close('maintenance');
    expect(closeOf(await wire.until('10.50'))).toBe('320 CONNECTION_FORCED - maintenance');
    wire.send(method(0, 10, 51));
    await wire.closed();
    await closed;
  });

  test('update-secret is answered', async () => {
    const wire = await Wire.open(port);
    wire.send(method(0, 10, 70, u32(3), Buffer.from('new'), short('rotated')));
    expect(methodOf(await wire.next())).toBe('10.71');
    wire.destroy();
  });
});
