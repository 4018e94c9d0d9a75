import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import {
  type Client,
  client,
  closeOf,
  frame,
  header,
  method,
  methodOf,
  NO_TABLE,
  publish,
  short,
  u8,
  u16,
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

describe('transactions', () => {
  const select = method(1, 90, 10);
  const commit = method(1, 90, 20);
  const rollback = method(1, 90, 30);
  const one7 = (queue: string, bits = 0): Buffer =>
    Buffer.concat([publish(1, '', queue, bits), header(1, 1), frame(3, 1, u8(0x37))]);

  async function opened(): Promise<{ wire: Wire; queue: string; count(): Promise<number> }> {
    const wire = await Wire.open(port);
    const channel = await one.channel();
    const { queue } = await channel.assertQueue('', { exclusive: false, autoDelete: true });
    wire.send(select);
    await wire.until('90.11');
    return { wire, queue, count: async () => (await channel.checkQueue(queue)).messageCount };
  }

  test('whose exchange is deleted before the commit is not carried out, and the client is told', async () => {
    const { wire, queue, count } = await opened();
    const channel = await one.channel();
    await channel.assertExchange('goes', 'fanout', { durable: false });
    wire.send(one7(queue), publish(1, 'goes', 'k'), header(1, 1), frame(3, 1, u8(0x37)));
    wire.send(method(1, 50, 10, u16(0), short(queue), u8(1), NO_TABLE));
    await wire.until('50.11');
    await channel.deleteExchange('goes');
    wire.send(commit);
    expect(closeOf(await wire.next())).toBe("404 NOT_FOUND - no exchange 'goes' in vhost '/'");
    expect(await count()).toBe(0);
    wire.destroy();
  });

  test('publishes are there with the commit, and never after a rollback', async () => {
    const { wire, queue, count } = await opened();
    wire.send(one7(queue), one7(queue), method(1, 20, 20, u8(1)));
    await wire.until('20.21');
    expect(await count()).toBe(0);
    wire.send(commit);
    await wire.until('90.21');
    expect(await count()).toBe(2);
    wire.send(one7(queue), rollback, commit);
    await wire.until('90.31');
    await wire.until('90.21');
    expect(await count()).toBe(2);
    wire.destroy();
  });

  test('acknowledgements count with the commit; after a rollback they are held again', async () => {
    const { wire, queue, count } = await opened();
    wire.send(one7(queue), one7(queue), one7(queue), commit);
    await wire.until('90.21');
    const get = method(1, 60, 70, u16(0), short(queue), u8(0));
    wire.send(get, get);
    await wire.until('60.71');
    await wire.until('60.71');
    const ack = method(1, 60, 80, u64(2), u8(1));
    wire.send(ack, rollback, ack, commit);
    await wire.until('90.31');
    await wire.until('90.21');
    expect(await count()).toBe(1);
    // Both are settled: the tag is unknown now.
    wire.send(ack);
    expect(closeOf(await wire.next())).toBe('406 PRECONDITION_FAILED - unknown delivery tag 2');
    wire.destroy();
  });

  test('acknowledgements that were never committed go back with the channel', async () => {
    const { wire, queue, count } = await opened();
    wire.send(one7(queue), commit);
    await wire.until('90.21');
    wire.send(method(1, 60, 70, u16(0), short(queue), u8(0)), method(1, 60, 80, u64(1), u8(0)));
    await wire.until('60.71');
    expect(await count()).toBe(0);
    wire.send(method(1, 20, 40, u16(200), short(''), u16(0), u16(0)));
    await wire.until('20.41');
    expect(await count()).toBe(1);
    wire.destroy();
  });

  test('mandatory messages that nobody takes come back before commit-ok', async () => {
    const { wire, queue } = await opened();
    wire.send(one7('no such queue', 1), one7(queue, 1), commit);
    expect(methodOf(await wire.next())).toBe('60.50');
    expect((await wire.next()).type).toBe(2);
    expect((await wire.next()).payload).toEqual(u8(0x37));
    expect(methodOf(await wire.next())).toBe('90.21');
    wire.destroy();
  });

  test('large bodies take part', async () => {
    const { wire, queue, count } = await opened();
    const large = Buffer.alloc(200_000, 1);
    const bytes = Buffer.concat([
      publish(1, '', queue),
      header(1, large.length),
      frame(3, 1, large.subarray(0, 131_064)),
      frame(3, 1, large.subarray(131_064)),
    ]);
    wire.send(bytes, rollback, bytes, commit);
    await wire.until('90.31');
    await wire.until('90.21');
    expect(await count()).toBe(1);
    wire.destroy();
  });

  test('commit and rollback need tx.select', async () => {
    const wire = await Wire.open(port);
    wire.send(commit);
    expect(closeOf(await wire.next())).toBe('406 PRECONDITION_FAILED - channel is not transactional');
    wire.destroy();
  });
});
