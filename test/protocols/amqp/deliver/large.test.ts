/** Large bodies: in and out in pieces, beside everything else. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestBroker, type TestBroker, withTemporaryDirectory } from '../../../support/broker.ts';
import {
  client,
  frame,
  header,
  Inbox,
  method,
  methodOf,
  publish,
  START_OK,
  short,
  texts,
  u8,
  u16,
  u32,
  Wire,
} from '../wire.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'] });
});
afterAll(() => broker.close());

function bodyOf(bytes: number): Buffer {
  const body = Buffer.allocUnsafe(bytes);
  for (let i = 0; i + 4 <= bytes; i += 4) body.writeUInt32LE(i, i);
  return body;
}

describe('a 64 MiB body', () => {
  test('arrives and leaves whole while other channels keep flowing', async () => {
    await withTemporaryDirectory(async (data) => {
      const durable = await startTestBroker({ listen: ['amqp://127.0.0.1:0'], data });
      const one = await client(durable.ports.amqp);
      try {
        const channel = await one.model.createConfirmChannel();
        await channel.assertQueue('large');
        await channel.assertQueue('small');
        const small = new Inbox();
        const beside = await one.channel();
        await beside.consume('small', small.consume, { noAck: true });
        const body = bodyOf(64 * 1024 * 1024);
        const confirmed = new Promise((resolve) =>
          channel.sendToQueue('large', body, { persistent: true }, (error) => resolve(error)),
        );
        expect(await confirmed).toBe(null);
        const large = new Inbox();
        const reader = await one.channel();
        await reader.consume('large', large.consume);
        let got: Buffer | undefined;
        void large.next().then((message) => {
          got = message.content;
          reader.ack(message);
        });
        let beats = 0;
        while (got === undefined) {
          beside.sendToQueue('small', Buffer.from(String(beats)));
          expect(texts([await small.next()])).toEqual([String(beats)]);
          beats++;
        }
        // Small messages on the same connection went there and back while the large one was on its way.
        expect(beats).toBeGreaterThan(5);
        expect(got.equals(body)).toBe(true);
      } finally {
        await one.close();
        await durable.close();
      }
    });
  });
});

describe('between the frames of a large body', () => {
  test('every frame but the last is as large as was agreed, however the body came in', async () => {
    const one = await client(broker.ports.amqp);
    const setup = await one.model.createConfirmChannel();
    await setup.assertQueue('framed', { autoDelete: true });
    await setup.close();
    const body = bodyOf(3_000_000);
    const tuneOk = method(0, 10, 31, u16(0x7ff), u32(8_192), u16(0));
    const wire = await Wire.open(broker.ports.amqp, START_OK, tuneOk);
    wire.send(publish(1, '', 'framed'), header(1, body.length));
    for (let at = 0; at < body.length; at += 5_003) wire.send(frame(3, 1, body.subarray(at, at + 5_003)));
    wire.send(method(1, 60, 70, u16(0), short('framed'), u8(1)));
    await wire.until('60.71');
    await wire.next();
    const sizes: number[] = [];
    for (let left = body.length; left > 0; left -= sizes.at(-1)!) sizes.push((await wire.next()).payload.length);
    expect(new Set(sizes.slice(0, -1))).toEqual(new Set([8_184]));
    wire.destroy();
    await one.close();
  });

  test('other channels speak, its own waits: answers, confirms, deliveries', async () => {
    const port = broker.ports.amqp;
    const one = await client(port);
    const setup = await one.model.createConfirmChannel();
    await setup.assertQueue('own', { autoDelete: true });
    const body = bodyOf(4 * 1024 * 1024);
    setup.sendToQueue('own', body);
    for (let i = 0; i < 3; i++) setup.sendToQueue('own', Buffer.from(`after ${i}`));
    await setup.waitForConfirms();

    const wire = await Wire.open(port);
    wire.send(method(2, 20, 10, short('')));
    await wire.until('20.11');
    // All of this is answered while the body cannot have left yet: the client does not read.
    wire.socket.pause();
    wire.send(
      method(1, 85, 10, u8(0)),
      method(1, 60, 20, u16(0), short('own'), short('c'), u8(2), u32(0)),
      method(2, 20, 20, u8(1)),
    );
    // Until the delivery is under way on the broker's side.
    for (;;) {
      const { messageCount } = await setup.checkQueue('own');
      if (messageCount < 4) break;
    }
    wire.send(
      publish(1, 'amq.direct', 'nobody', 1),
      header(1, 2),
      frame(3, 1, Buffer.from('x1')),
      method(1, 60, 10, u32(0), u16(1), u8(0)),
      method(2, 60, 10, u32(0), u16(1), u8(0)),
    );
    wire.socket.resume();
    const seen: string[] = [];
    let received = 0;
    let inBody = false;
    const chunks: Buffer[] = [];
    let deliveries = 0;
    while (deliveries < 4 || !seen.includes('2: 60.11') || !seen.includes('1: 60.80')) {
      const f = await wire.next();
      if (f.channel === 1) {
        if (inBody) {
          expect(f.type).toBe(3);
          received += f.payload.length;
          chunks.push(f.payload);
          if (received === body.length) inBody = false;
          continue;
        }
        if (f.type === 2 && f.payload.readBigUInt64BE(4) === BigInt(body.length)) inBody = true;
        if (methodOf(f) === '60.60') deliveries++;
      }
      seen.push(`${f.channel}: ${methodOf(f)}`);
    }
    expect(Buffer.concat(chunks).equals(body)).toBe(true);
    const own = seen.filter((s) => s.startsWith('1:'));
    expect(own.slice(0, 4)).toEqual(['1: 85.11', '1: 60.21', '1: 60.60', '1: frame 2']);
    expect(own).toContain('1: 60.11');
    // The return stands before its confirm.
    expect(own.indexOf('1: 60.50')).toBeGreaterThan(0);
    expect(own.indexOf('1: 60.50')).toBeLessThan(own.indexOf('1: 60.80'));
    wire.destroy();
    await one.close();
  });

  test('the channel may be closed: the body ends first, then its number is free', async () => {
    const one = await client(broker.ports.amqp);
    const setup = await one.model.createConfirmChannel();
    await setup.assertQueue('closing', { autoDelete: true });
    const body = bodyOf(3 * 1024 * 1024);
    setup.sendToQueue('closing', body);
    await setup.waitForConfirms();
    const wire = await Wire.open(broker.ports.amqp);
    wire.send(
      method(1, 60, 70, u16(0), short('closing'), u8(0)),
      method(1, 20, 40, u16(200), short(''), u16(0), u16(0)),
    );
    await wire.until('60.71');
    let bytes = 0;
    expect((await wire.next()).type).toBe(2);
    while (bytes < body.length) {
      const f = await wire.next();
      expect(f.type).toBe(3);
      bytes += f.payload.length;
    }
    expect(methodOf(await wire.next())).toBe('20.41');
    wire.send(method(1, 20, 10, short('')));
    expect(methodOf(await wire.next())).toBe('20.11');
    // What was handed out and never acknowledged is there again.
    expect(await setup.checkQueue('closing')).toMatchObject({ messageCount: 1 });
    wire.destroy();
    await one.close();
  });

  test('a client that goes away in the middle leaves the message whole', async () => {
    const one = await client(broker.ports.amqp);
    const setup = await one.model.createConfirmChannel();
    await setup.assertQueue('leaving');
    const body = bodyOf(8 * 1024 * 1024);
    setup.sendToQueue('leaving', body);
    await setup.waitForConfirms();
    for (let i = 0; i < 3; i++) {
      const wire = await Wire.open(broker.ports.amqp);
      wire.send(method(1, 60, 70, u16(0), short('leaving'), u8(0)));
      await wire.until('60.71');
      wire.destroy();
      for (;;) if ((await setup.checkQueue('leaving')).messageCount === 1) break;
    }
    const got = (await setup.get('leaving', { noAck: true })) || undefined;
    expect(got?.fields.redelivered).toBe(true);
    expect(got?.content.equals(body)).toBe(true);
    await setup.deleteQueue('leaving');
    await one.close();
  });
});
