import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { type Client, client, closeOf, frame, header, method, publish, u8, u16, Wire } from '../wire.ts';

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

describe('confirms', () => {
  test('every publish is confirmed once, in order, many at a time', async () => {
    const wire = await Wire.open(port);
    const channel = await one.channel();
    const { queue } = await channel.assertQueue('confirmed', { autoDelete: true });
    wire.send(method(1, 85, 10, u8(0)));
    await wire.until('85.11');
    const message = Buffer.concat([
      publish(1, '', queue),
      header(1, 1, Buffer.concat([u16(0x1000), u8(2)])),
      frame(3, 1, u8(7)),
    ]);
    const n = 1000;
    wire.send(...new Array(n).fill(message));
    let confirmed = 0;
    let frames = 0;
    while (confirmed < n) {
      const ack = await wire.until('60.80');
      const tag = Number(ack.payload.readBigUInt64BE(4));
      const multiple = ack.payload[12] === 1;
      expect(tag).toBeGreaterThan(confirmed);
      if (!multiple) expect(tag).toBe(confirmed + 1);
      confirmed = tag;
      frames++;
    }
    expect(confirmed).toBe(n);
    expect(frames).toBeLessThan(n / 4);
    expect(await channel.checkQueue(queue)).toMatchObject({ messageCount: n });
    wire.destroy();
  });

  test('a channel is in one mode only', async () => {
    const confirm = await Wire.open(port);
    confirm.send(method(1, 85, 10, u8(0)), method(1, 85, 10, u8(0)), method(1, 90, 10));
    await confirm.until('85.11');
    await confirm.until('85.11');
    expect(closeOf(await confirm.next())).toBe('406 PRECONDITION_FAILED - cannot switch from confirm to tx mode');
    confirm.destroy();
    const tx = await Wire.open(port);
    tx.send(method(1, 90, 10), method(1, 85, 10, u8(0)));
    await tx.until('90.11');
    expect(closeOf(await tx.next())).toBe('406 PRECONDITION_FAILED - cannot switch from tx to confirm mode');
    tx.destroy();
  });
});
