/**
 * A subscription takes away what it has added, and nothing else: STOMP's clients name queues that other protocols' clients
 * have made, bind and read.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { DOT } from '../../../../src/message/message.ts';
import { StompHarness } from '../harness.ts';
import { header, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
/** A client of another protocol. */
let other: Session;
beforeEach(async () => {
  harness = await StompHarness.start();
  other = await harness.session();
});
afterEach(() => harness.stop());

const OF_OTHERS = ['amq.direct x', 'amq.topic erp.#'];

/** A durable queue of another client's, with bindings of its own. */
function makeOrders(name = 'orders'): void {
  other.declareQueue(name, { durable: true, exclusive: false, autoDelete: false, arguments: [] });
  for (const [exchange, key] of [
    ['amq.topic', 'erp.#'],
    ['amq.direct', 'x'],
  ] as const) {
    other.bindQueue(name, exchange, key, { spelling: DOT, arguments: [] });
  }
}

const bindings = (name = 'orders'): string[] =>
  other
    .bindings(name)
    .map(({ exchange, key }) => `${exchange} ${key}`)
    .sort();

const subscribe = (client: RawClient, id: string, destination: string, more: Record<string, string>): Promise<void> =>
  client.confirmed('SUBSCRIBE', { id, destination, ...more });

describe('x-queue-name', () => {
  const orders = { durable: 'true', 'auto-delete': 'false', 'x-queue-name': 'orders' };

  test('adds a binding to a queue that is there, and takes none away', async () => {
    makeOrders();
    const first = await harness.open();
    await subscribe(first, '1', '/topic/a.*', orders);
    await first.leave();
    const second = await harness.open();
    await subscribe(second, '2', '/topic/b.*', orders);
    const all = ['amq.direct x', 'amq.topic a.*', 'amq.topic b.*', 'amq.topic erp.#'];
    expect(bindings()).toEqual(all);
    for (const [destination, body] of [
      ['/topic/erp.1', '1'],
      ['/exchange/amq.direct/x', '2'],
      ['/topic/a.1', '3'],
      ['/topic/b.1', '4'],
    ] as const) {
      await second.confirmed('SEND', { destination }, body);
    }
    for (const body of ['1', '2', '3', '4']) expect((await second.take('MESSAGE')).body.toString()).toBe(body);
    await second.confirmed('UNSUBSCRIBE', { id: '2', durable: 'true' });
    expect(bindings()).toEqual(all);
  });

  test('takes a queue as it is where nothing is said of it', async () => {
    makeOrders();
    const client = await harness.open();
    await subscribe(client, '1', '/topic/a.*', { 'x-queue-name': 'orders' });
    expect(bindings()).toEqual([...OF_OTHERS.slice(0, 1), 'amq.topic a.*', 'amq.topic erp.#']);
    await client.leave();
    expect(other.queueExists('orders')).toBe(true);
  });

  test('leaves a binding that others made as they made it', async () => {
    makeOrders();
    const before = other.bindings('orders');
    const client = await harness.open();
    await subscribe(client, '1', '/topic/erp.#', orders);
    await client.confirmed('UNSUBSCRIBE', { id: '1', durable: 'true' });
    expect(other.bindings('orders')).toEqual(before);
  });

  test('is shared, and found again with what has come meanwhile', async () => {
    const shared = { 'x-queue-name': 'n', 'auto-delete': 'false' };
    const first = await harness.open();
    await subscribe(first, '1', '/topic/t', shared);
    await first.leave();
    const publisher = await harness.open();
    for (const body of ['1', '2', '3']) await publisher.confirmed('SEND', { destination: '/topic/t' }, body);
    const again = await harness.open();
    await subscribe(again, '1', '/topic/t', { ...shared, ack: 'client' });
    for (const body of ['1', '2', '3']) expect((await again.next('MESSAGE')).body.toString()).toBe(body);
    const beside = await harness.open();
    await subscribe(beside, '1', '/topic/t', shared);
    again.cut();
    for (const body of ['1', '2', '3']) expect((await beside.next('MESSAGE')).body.toString()).toBe(body);
  });

  test('goes with its last reader where nothing else is said', async () => {
    const [one, two] = [await harness.open(), await harness.open()];
    await subscribe(one, '1', '/topic/t', { 'x-queue-name': 'n' });
    await subscribe(two, '1', '/topic/t', { 'x-queue-name': 'n' });
    await one.leave();
    expect(other.queueExists('n')).toBe(true);
    await two.leave();
    expect(other.queueExists('n')).toBe(false);
  });

  test('is refused with no-local where it is there: whose messages would be left out?', async () => {
    makeOrders();
    const client = await harness.open();
    const headers = { id: '1', destination: '/topic/a', ...orders, 'no-local': 'true' };
    expect(header(await client.refused('SUBSCRIBE', headers), 'message')).toBe('Invalid header');
    expect(bindings()).toEqual(OF_OTHERS);
  });
});

describe("a durable subscription by name whose queue's name is another's", () => {
  const open = (): Promise<RawClient> => harness.open('1.2', { 'client-id': 'erp' });
  const durable = { 'activemq.subscriptionName': 'orders' };
  beforeEach(() => makeOrders('erp.orders'));

  test('gives up its own binding with its topic, and no other', async () => {
    const client = await open();
    await subscribe(client, '1', '/topic/a', durable);
    await client.leave();
    const again = await open();
    await subscribe(again, '1', '/topic/b', durable);
    expect(bindings('erp.orders')).toEqual(['amq.direct x', 'amq.topic b', 'amq.topic erp.#']);
  });

  test('leaves the queue behind, and the bindings of others', async () => {
    const client = await open();
    await subscribe(client, '1', '/topic/a', durable);
    await client.confirmed('UNSUBSCRIBE', { id: '1', ...durable });
    expect(bindings('erp.orders')).toEqual(OF_OTHERS);
  });

  test('leaves it when it is given up from afar, too', async () => {
    const client = await open();
    await client.confirmed('UNSUBSCRIBE', { id: '1', ...durable });
    expect(bindings('erp.orders')).toEqual(OF_OTHERS);
  });

  test('leaves to others what it does not select', async () => {
    const client = await open();
    await subscribe(client, '1', '/topic/a', { ...durable, selector: "colour = 'red'" });
    await client.confirmed('SEND', { destination: '/topic/erp.1', colour: 'blue' }, 'blue');
    await client.confirmed('SEND', { destination: '/topic/erp.1', colour: 'red' }, 'red');
    expect((await client.next('MESSAGE')).body.toString()).toBe('red');
    expect(other.checkQueue('erp.orders').messages).toBe(1);
  });

  test('is refused with no-local', async () => {
    const client = await open();
    const headers = { id: '1', destination: '/topic/a', ...durable, 'no-local': 'true' };
    expect(header(await client.refused('SUBSCRIBE', headers), 'message')).toBe('Invalid header');
    expect(bindings('erp.orders')).toEqual(OF_OTHERS);
  });
});

describe('a durable subscription of its own', () => {
  const open = (): Promise<RawClient> => harness.open('1.2', { 'client-id': 'c' });
  const named = { 'activemq.subscriptionName': 's' };

  test('keeps what others have bound to its queue when it changes its topic', async () => {
    const client = await open();
    await subscribe(client, '1', '/topic/a', named);
    other.bindQueue('c.s', 'amq.topic', 'erp.#', { spelling: DOT, arguments: [] });
    await client.leave();
    await subscribe(await open(), '1', '/topic/b', named);
    expect(bindings('c.s')).toEqual(['amq.topic b', 'amq.topic erp.#']);
  });

  test('leaves its queue to others who have bound to it', async () => {
    const client = await open();
    await subscribe(client, '1', '/topic/a', named);
    other.bindQueue('c.s', 'amq.topic', 'erp.#', { spelling: DOT, arguments: [] });
    await client.confirmed('UNSUBSCRIBE', { id: '1', ...named });
    expect(bindings('c.s')).toEqual(['amq.topic erp.#']);
  });

  test('leaves a binding to others who have bound the same since', async () => {
    const client = await open();
    await subscribe(client, '1', '/topic/a', named);
    other.bindQueue('c.s', 'amq.topic', 'a', { spelling: DOT, arguments: [] });
    await client.confirmed('UNSUBSCRIBE', { id: '1', ...named });
    expect(bindings('c.s')).toEqual(['amq.topic a']);
  });

  test.each(['durable', 'persistent'])('that %s:true asks for is there for who comes back', async (header) => {
    const one = await harness.open();
    await subscribe(one, 's', '/topic/a', { [header]: 'true' });
    await one.leave();
    const two = await harness.open();
    await two.confirmed('SEND', { destination: '/topic/a' }, 'meanwhile');
    await subscribe(two, 's', '/topic/a', { [header]: 'true' });
    expect((await two.next('MESSAGE')).body.toString()).toBe('meanwhile');
  });

  test('that two connections share goes with the last of them', async () => {
    const headers = { durable: 'true' };
    const [one, two] = [await harness.open(), await harness.open()];
    await subscribe(one, 's', '/topic/a', headers);
    await subscribe(two, 's', '/topic/a', headers);
    await one.confirmed('UNSUBSCRIBE', { id: 's', ...headers });
    await one.confirmed('SEND', { destination: '/topic/a' }, 'to the other');
    expect((await two.next('MESSAGE')).body.toString()).toBe('to the other');
    const [queue] = [...queues()] as [string];
    expect(queue).toMatch(/^stomp-subscription-/);
    await two.confirmed('UNSUBSCRIBE', { id: 's', ...headers });
    expect(other.queueExists(queue)).toBe(false);
  });

  test('that another connection reads cannot be given up from afar', async () => {
    const reader = await open();
    await subscribe(reader, '1', '/topic/a', named);
    const client = await open();
    const error = await client.refused('UNSUBSCRIBE', { id: '1', ...named });
    expect([header(error, 'message'), error.body.toString()]).toEqual([
      'precondition_failed',
      "PRECONDITION_FAILED - queue 'c.s' in vhost '/' in use\n",
    ]);
    await reader.confirmed('SEND', { destination: '/topic/a' }, 'x');
    expect((await reader.next('MESSAGE')).body.toString()).toBe('x');
    await reader.leave();
    await (await open()).confirmed('UNSUBSCRIBE', { id: '1', ...named });
    expect(other.queueExists('c.s')).toBe(false);
  });

  test('is not another of which a NUL moves between its names', async () => {
    const client = await harness.open();
    other.declareExchange('x\0a', 'fanout', { durable: true, autoDelete: false, internal: false, arguments: [] });
    other.declareExchange('x', 'fanout', { durable: true, autoDelete: false, internal: false, arguments: [] });
    await subscribe(client, 's', '/exchange/x/a%00b', { durable: 'true' });
    const again = await harness.open();
    await subscribe(again, 's', '/exchange/x%00a/b', { durable: 'true' });
    expect([...queues()]).toHaveLength(2);
  });

  test('whose exchange is gone still takes its queue away', async () => {
    other.declareExchange('x', 'fanout', { durable: true, autoDelete: false, internal: false, arguments: [] });
    const client = await harness.open();
    await subscribe(client, 's', '/exchange/x', { durable: 'true' });
    const [queue] = [...queues()];
    other.deleteExchange('x', false);
    await client.confirmed('UNSUBSCRIBE', { id: 's', durable: 'true' });
    expect(other.queueExists(queue!)).toBe(false);
  });
});

describe('a SUBSCRIBE that is refused in the end', () => {
  const exclusive = { tag: 'c', settled: false, exclusive: true, prefetch: 0, arguments: [] };
  const sink = { deliver: () => {}, cancelled: () => {} };
  const wide = { congested: false };

  test('leaves no binding to a queue that was there', async () => {
    makeOrders();
    other.consume('orders', exclusive, sink, wide);
    const client = await harness.open();
    const error = await client.refused('SUBSCRIBE', {
      id: '1',
      destination: '/topic/a.*',
      durable: 'true',
      'auto-delete': 'false',
      'x-queue-name': 'orders',
    });
    expect(header(error, 'message')).toBe('access_refused');
    expect(bindings()).toEqual(OF_OTHERS);
  });

  test('gives up no topic that the durable subscription had', async () => {
    const named = { durable: 'true', 'client-id': 'c', 'activemq.subscriptionName': 's' };
    const client = await harness.open();
    await subscribe(client, '1', '/topic/old', named);
    await client.leave();
    other.consume('c.s', exclusive, sink, wide);
    await (await harness.open()).refused('SUBSCRIBE', { id: '1', destination: '/topic/new', ...named });
    expect(bindings('c.s')).toEqual(['amq.topic old']);
  });
});

/** All queues by their names. */
function queues(): IterableIterator<string> {
  const { services } = other as unknown as { services: { topology: { queues: Map<string, unknown> } } };
  return services.topology.queues.keys();
}
