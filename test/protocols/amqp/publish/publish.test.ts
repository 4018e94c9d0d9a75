/** Publishing: contents in every shape, returns, and what is refused. */
import type { ConfirmChannel, Message } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import {
  type Client,
  client,
  closeOf,
  failure,
  frame,
  header,
  Inbox,
  method,
  methodOf,
  publish,
  short,
  texts,
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
  broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'], amqp: { bodySizeMax: 8 * 1024 * 1024 } });
  port = broker.ports.amqp;
});
afterAll(() => broker.close());
beforeEach(async () => {
  one = await client(port);
});
afterEach(() => one.close());

async function queueWith(channel: { assertQueue: ConfirmChannel['assertQueue'] }): Promise<string> {
  return (await channel.assertQueue('', { exclusive: true })).queue;
}

describe('contents', () => {
  test('bodies of every length around the bounds come back byte for byte', async () => {
    const channel = await one.model.createConfirmChannel();
    const queue = await queueWith(channel);
    const inbox = new Inbox();
    await channel.consume(queue, inbox.consume, { noAck: true });
    const frameBody = 131072 - 8;
    const lengths = [
      0,
      1,
      47,
      48,
      49,
      4088,
      frameBody - 1,
      frameBody,
      frameBody + 1,
      131072,
      131073,
      300_000,
      3_000_001,
    ];
    for (const persistent of [false, true]) {
      for (const length of lengths) {
        const body = Buffer.alloc(length);
        for (let i = 0; i < length; i++) body[i] = (i * 31 + length) & 255;
        channel.sendToQueue(queue, body, { persistent });
        const got = (await inbox.next()).content;
        expect(got.length).toBe(length);
        expect(got.equals(body), `${length} bytes`).toBe(true);
      }
    }
    await channel.waitForConfirms();
  });

  test('every property and header type comes back as it was sent', async () => {
    const channel = await one.model.createConfirmChannel();
    const queue = await queueWith(channel);
    const properties = {
      contentType: 'text/plain',
      contentEncoding: 'utf-8',
      deliveryMode: 2,
      priority: 7,
      correlationId: 'c-1',
      replyTo: 'answers',
      expiration: '60000',
      messageId: 'm-1',
      timestamp: 1_700_000_000,
      type: 'reading',
      userId: 'guest',
      appId: 'test',
      headers: {
        text: 'hé',
        flag: true,
        nothing: null,
        small: 5,
        big: 2 ** 40,
        float: 1.5,
        list: [1, 'two', { three: 3 }],
        map: { deep: { deeper: 'yes' } },
        bytes: Buffer.from([0, 255]),
        __proto__x: 'ordinary',
      },
    };
    channel.sendToQueue(queue, Buffer.from('x'), properties);
    const got = (await channel.get(queue, { noAck: true })) || undefined;
    expect(got?.properties).toEqual({ ...properties, clusterId: undefined });
    expect(got?.fields).toMatchObject({ exchange: '', routingKey: queue, redelivered: false, messageCount: 0 });
  });

  test('frames of two channels interleave in any way', async () => {
    const wire = await Wire.open(port);
    wire.send(method(2, 20, 10, short('')));
    await wire.until('20.11');
    const channel = await one.channel();
    const { queue } = await channel.assertQueue('interleaved', { autoDelete: true });
    const a = Buffer.alloc(500, 'a');
    const b = Buffer.alloc(500, 'b');
    wire.send(
      publish(1, '', queue),
      publish(2, '', queue),
      header(2, 500),
      frame(3, 2, b.subarray(0, 100)),
      header(1, 500),
    );
    wire.send(frame(3, 1, a.subarray(0, 499)), frame(3, 2), frame(3, 2, b.subarray(100)), frame(3, 1, a.subarray(499)));
    wire.send(method(1, 20, 20, u8(1)));
    await wire.until('20.21');
    const inbox = new Inbox();
    await channel.consume(queue, inbox.consume, { noAck: true });
    expect(texts(await inbox.take(2))).toEqual([b.toString(), a.toString()]);
    wire.destroy();
  });

  test('a publish cut anywhere arrives whole', async () => {
    const channel = await one.channel();
    const { queue } = await channel.assertQueue('cut', { autoDelete: true });
    const inbox = new Inbox();
    await channel.consume(queue, inbox.consume, { noAck: true });
    const wire = await Wire.open(port);
    const properties = Buffer.concat([u16(0x8000), short('kind/of')]);
    const bytes = Buffer.concat([
      publish(1, '', queue),
      header(1, 9, properties),
      frame(3, 1, Buffer.from('body')),
      frame(3, 1, Buffer.from('-part')),
    ]);
    for (let cut = 1; cut < bytes.length; cut++) {
      wire.send(bytes.subarray(0, cut));
      await new Promise(setImmediate);
      wire.send(bytes.subarray(cut));
      const got = await inbox.next();
      expect([got.content.toString(), got.properties.contentType]).toEqual(['body-part', 'kind/of']);
    }
    wire.destroy();
  });
});

describe('what is refused', () => {
  const errors: [string, (queue: string) => Buffer[], string | RegExp, 'channel' | 'connection'][] = [
    [
      'a body above the bound',
      (q) => [publish(1, '', q), header(1, 8 * 1024 * 1024 + 1)],
      '406 PRECONDITION_FAILED - message size 8388609 is larger than configured max size 8388608',
      'channel',
    ],
    [
      'a body of 2^60 bytes',
      (q) => [publish(1, '', q), header(1, 2 ** 60)],
      /^406 PRECONDITION_FAILED - message size/,
      'channel',
    ],
    ['immediate', (q) => [publish(1, '', q, 2)], '540 NOT_IMPLEMENTED - immediate=true', 'connection'],
    [
      'a body frame without a method',
      () => [frame(3, 1, u8(1))],
      '505 UNEXPECTED_FRAME - expected method frame, got non method frame instead',
      'connection',
    ],
    [
      'a method where the header belongs',
      (q) => [publish(1, '', q), publish(1, '', q)],
      '505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead',
      'connection',
    ],
    [
      'a header where the body belongs',
      (q) => [publish(1, '', q), header(1, 5), header(1, 5)],
      '505 UNEXPECTED_FRAME - expected content body, got non content body frame instead',
      'connection',
    ],
    [
      'a header of another class',
      (q) => [publish(1, '', q), frame(2, 1, u16(50), u16(0), u64(0), u16(0))],
      '505 UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead',
      'connection',
    ],
    [
      'more body than announced',
      (q) => [publish(1, '', q), header(1, 2), frame(3, 1, Buffer.from('abc'))],
      /^501 FRAME_ERROR/,
      'connection',
    ],
    [
      'properties that leave their header',
      (q) => [publish(1, '', q), header(1, 0, Buffer.concat([u16(0x8000), u8(9)]))],
      /^502 SYNTAX_ERROR/,
      'connection',
    ],
    [
      'a foreign user id',
      (q) => [publish(1, '', q), header(1, 0, Buffer.concat([u16(0x0010), short('root')]))],
      "406 PRECONDITION_FAILED - user_id property set to 'root' but authenticated user was 'guest'",
      'channel',
    ],
    [
      'an expiration that is no number',
      (q) => [publish(1, '', q), header(1, 0, Buffer.concat([u16(0x0100), short('soon')]))],
      "406 PRECONDITION_FAILED - invalid expiration 'soon': no_integer",
      'channel',
    ],
    ['an unknown class', () => [method(1, 77, 10)], /^540 NOT_IMPLEMENTED/, 'connection'],
    ['an unknown frame type', () => [frame(9, 1)], /^501 FRAME_ERROR/, 'connection'],
    [
      'a channel that is not open',
      () => [method(7, 20, 20, u8(1))],
      "504 CHANNEL_ERROR - expected 'channel.open'",
      'connection',
    ],
    [
      'a channel opened twice',
      () => [method(1, 20, 10, short(''))],
      "504 CHANNEL_ERROR - second 'channel.open' seen",
      'connection',
    ],
    ['stopping the flow', () => [method(1, 20, 20, u8(0))], '540 NOT_IMPLEMENTED - active=false', 'connection'],
    [
      'a prefetch size',
      () => [method(1, 60, 10, u32(5), u16(0), u8(0))],
      '540 NOT_IMPLEMENTED - prefetch_size!=0 (5)',
      'connection',
    ],
  ];

  test.each(errors)('%s', async (_name, bytes, expected, scope) => {
    const wire = await Wire.open(port);
    wire.send(method(1, 50, 10, u16(0), short(''), u8(0b100), u32(0)));
    const declared = (await wire.until('50.11')).payload;
    const queue = declared.toString('utf8', 5, 5 + declared[4]!);
    wire.send(...bytes(queue));
    const close = await wire.next();
    expect(methodOf(close)).toBe(scope === 'channel' ? '20.40' : '10.50');
    if (typeof expected === 'string') expect(closeOf(close)).toBe(expected);
    else expect(closeOf(close)).toMatch(expected);
    if (scope === 'connection') {
      wire.send(method(0, 10, 51));
      await wire.closed();
      return;
    }
    // What was in flight is swallowed; then the channel's number can be used again.
    wire.send(publish(1, '', queue), header(1, 1), frame(3, 1, u8(1)), method(1, 20, 41), method(1, 20, 10, short('')));
    expect(methodOf(await wire.next())).toBe('20.11');
    wire.send(method(1, 60, 70, u16(0), short(queue), u8(1)));
    expect(methodOf(await wire.next())).toBe('60.72');
    wire.destroy();
  });
});

describe('mandatory', () => {
  test('what no queue takes comes back whole, before its confirm', async () => {
    const channel = await one.model.createConfirmChannel();
    const order: string[] = [];
    const returned = new Promise<Message>((resolve) => {
      channel.on('return', (message) => {
        order.push('return');
        resolve(message);
      });
    });
    const confirmed = new Promise((resolve) => {
      const options = { mandatory: true, messageId: 'lost', headers: { a: 1 } };
      channel.publish('amq.direct', 'to nobody', Buffer.from('come back'), options, (error) => {
        order.push('confirm');
        resolve(error);
      });
    });
    expect(await confirmed).toBe(null);
    const message = await returned;
    expect(order).toEqual(['return', 'confirm']);
    expect(message.fields).toMatchObject({
      replyCode: 312,
      replyText: 'NO_ROUTE',
      exchange: 'amq.direct',
      routingKey: 'to nobody',
    });
    expect(message.properties).toMatchObject({ messageId: 'lost', headers: { a: 1 } });
    expect(message.content.toString()).toBe('come back');
  });

  test('a large body comes back too', async () => {
    const channel = await one.model.createConfirmChannel();
    const returned = new Promise<Message>((resolve) => channel.on('return', resolve));
    const body = Buffer.alloc(1_000_000, 'large');
    channel.publish('amq.direct', 'to nobody', body, { mandatory: true });
    expect((await returned).content.equals(body)).toBe(true);
    await channel.waitForConfirms();
    // And the channel can speak again.
    const queue = await queueWith(channel);
    expect(await channel.get(queue)).toBe(false);
  });

  test('without the flag it is confirmed and gone', async () => {
    const channel = await one.model.createConfirmChannel();
    channel.on('return', () => expect.fail('returned'));
    channel.publish('amq.direct', 'to nobody', Buffer.from('x'));
    await channel.waitForConfirms();
  });
});

test('an error on one channel leaves the others alone', async () => {
  const good = await one.channel();
  const { queue } = await good.assertQueue('', { exclusive: true });
  const bad = await one.channel();
  expect(await failure(() => bad.checkQueue('nope'))).toContain("NOT_FOUND - no queue 'nope' in vhost '/'");
  good.sendToQueue(queue, Buffer.from('still here'));
  expect(texts([((await good.get(queue)) || undefined)!])).toEqual(['still here']);
});
