/** Selectors on queues and topics, and message groups, as JMS-style applications use them over STOMP. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StompHarness } from '../harness.ts';
import { header, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start();
});
afterEach(() => harness.stop());

const subscribe = (client: RawClient, destination: string, more: Record<string, string> = {}): Promise<void> =>
  client.confirmed('SUBSCRIBE', { id: '1', destination, ...more });
const bodies = async (client: RawClient, count: number): Promise<string[]> => {
  const seen: string[] = [];
  for (let i = 0; i < count; i++) seen.push((await client.take('MESSAGE')).body.toString());
  return seen;
};

describe.each(['/queue/q', '/topic/t'])('a selector on %s', (destination) => {
  const send = (client: RawClient, headers: Record<string, string>, body: string): Promise<void> =>
    client.confirmed('SEND', { destination, ...headers }, body);

  test.each(['auto', 'client', 'client-individual'])('lets through what it selects, with ack:%s', async (ack) => {
    const client = await harness.open();
    await subscribe(client, destination, { ack, selector: "colour = 'red' AND weight > 5" });
    await send(client, { colour: 'red', weight: '10' }, 'heavy');
    await send(client, { colour: 'red', weight: '5' }, 'light');
    await send(client, { colour: 'blue', weight: '10' }, 'blue');
    await send(client, { colour: 'red', weight: '5.5' }, 'just');
    expect(await bodies(client, 2)).toEqual(['heavy', 'just']);
    expect(client.frames.filter(({ command }) => command === 'MESSAGE')).toEqual([]);
  });

  test('knows the names of JMS and the properties behind them', async () => {
    const client = await harness.open();
    const selector =
      "JMSType LIKE 'car%' AND JMSPriority BETWEEN 5 AND 9 AND JMSDeliveryMode = 'PERSISTENT' AND x IS NULL";
    await subscribe(client, destination, { selector });
    await send(client, { type: 'cart', priority: '6', persistent: 'true' }, 'yes');
    await send(client, { type: 'cart', priority: '6' }, 'transient');
    await send(client, { type: 'bike', priority: '6', persistent: 'true' }, 'bike');
    await send(client, { type: 'car', priority: '9', persistent: 'true', x: '' }, 'x');
    await send(client, { type: 'car', priority: '9', persistent: 'true' }, 'too');
    expect(await bodies(client, 2)).toEqual(['yes', 'too']);
  });

  test('is refused with its place when it is none, and nothing is declared', async () => {
    const client = await harness.open();
    client.send('SUBSCRIBE', { id: '1', destination, selector: "colour = 'red", durable: 'true' });
    const error = await client.error();
    expect(header(error, 'message')).toBe('Invalid selector');
    expect(error.body.toString()).toBe('Invalid selector: a string is not closed, at character 10.\n');
    const core = await harness.session();
    expect(core.queueExists('q')).toBe(false);
  });

  test('that is blank is none', async () => {
    const client = await harness.open();
    await subscribe(client, destination, { selector: '  ' });
    await send(client, {}, 'x');
    expect(await bodies(client, 1)).toEqual(['x']);
  });
});

test('what one consumer of a queue does not select waits for another', async () => {
  const red = await harness.open();
  await subscribe(red, '/queue/q', { selector: "colour = 'red'" });
  for (const colour of ['blue', 'red', 'blue'])
    await red.confirmed('SEND', { destination: '/queue/q', colour }, colour);
  expect(await bodies(red, 1)).toEqual(['red']);
  const core = await harness.session();
  expect(core.checkQueue('q').messages).toBe(2);
  const blue = await harness.open();
  await subscribe(blue, '/queue/q', { selector: "colour = 'blue'" });
  expect(await bodies(blue, 2)).toEqual(['blue', 'blue']);
});

test('what a reader of a queue with a name, bound to a topic, does not select waits for another', async () => {
  const [red, blue] = [await harness.open(), await harness.open()];
  const named = { 'x-queue-name': 'shared', ack: 'client-individual' };
  // The one makes the queue, and may hold no more than one; the other finds it with its binding.
  await subscribe(red, '/topic/t', { ...named, selector: "colour = 'red'", 'prefetch-count': '1' });
  await subscribe(blue, '/topic/t', { ...named, selector: "colour = 'blue'" });
  for (const body of ['1', '2', '3']) await red.confirmed('SEND', { destination: '/topic/t', colour: 'red' }, body);
  await red.confirmed('SEND', { destination: '/topic/t', colour: 'blue' }, '4');
  expect(await bodies(blue, 1)).toEqual(['4']);
  for (const body of ['1', '2', '3']) {
    const message = await red.next('MESSAGE');
    expect(message.body.toString()).toBe(body);
    await red.confirmed('ACK', { id: header(message, 'ack')! });
  }
  expect(harness.stats.notSelected).toBe(0);
});

test('what a subscriber of a topic does not select is over, counted, and uses up no prefetch', async () => {
  const client = await harness.open('1.2', { 'client-id': 'c' });
  const durable = { 'activemq.subscriptionName': 's', ack: 'client-individual', 'prefetch-count': '2' };
  await subscribe(client, '/topic/t', { ...durable, selector: 'keep' });
  for (let i = 0; i < 50; i++) {
    await client.confirmed('SEND', { destination: '/topic/t', keep: `${i % 25 === 0}`, persistent: 'true' }, `${i}`);
  }
  const got = [await client.take('MESSAGE'), await client.take('MESSAGE')];
  expect(got.map(({ body }) => body.toString())).toEqual(['0', '25']);
  for (const message of got) await client.confirmed('ACK', { id: header(message, 'ack')! });
  const core = await harness.session();
  await expect.poll(() => core.checkQueue('c.s').messages).toBe(0);
  expect(harness.stats.notSelected).toBe(48);
});

test('a long run of what is not selected does not hold up the turn, and is gone through all the same', async () => {
  const client = await harness.open('1.2', { 'client-id': 'c' });
  const durable = { 'activemq.subscriptionName': 's' };
  await subscribe(client, '/topic/t', durable);
  await client.confirmed('UNSUBSCRIBE', { id: '1' });
  for (let i = 0; i < 5_000; i++) client.send('SEND', { destination: '/topic/t', keep: 'false' }, 'x');
  await client.confirmed('SEND', { destination: '/topic/t', keep: 'true' }, 'last');
  await subscribe(client, '/topic/t', { ...durable, selector: 'keep' });
  expect(await bodies(client, 1)).toEqual(['last']);
  expect(harness.stats.notSelected).toBe(5_000);
});

describe('JMSXGroupID', () => {
  test("keeps a group's messages together, and in order", async () => {
    const clients = [await harness.open(), await harness.open()] as const;
    for (const client of clients) await subscribe(client, '/queue/q', { ack: 'client-individual' });
    const sender = await harness.open();
    for (let i = 0; i < 12; i++) {
      await sender.confirmed('SEND', { destination: '/queue/q', JMSXGroupID: `g${i % 3}` }, `g${i % 3}-${i}`);
    }
    await expect.poll(() => clients[0].frames.length + clients[1].frames.length).toBe(12);
    const seen = clients.map(({ frames }) => frames.map((frame) => frame.body.toString()));
    for (const group of ['g0', 'g1', 'g2']) {
      const of = seen.map((them) => them.filter((body) => body.startsWith(group)));
      expect(of.filter((them) => them.length > 0)).toEqual([
        [0, 3, 6, 9].map((i) => `${group}-${i + Number(group[1])}`),
      ]);
    }
    expect(seen.every((them) => them.length > 0)).toBe(true);
  });

  test('moves a group on when its consumer leaves', async () => {
    const first = await harness.open();
    await subscribe(first, '/queue/q', { ack: 'client-individual' });
    const group = { destination: '/queue/q', JMSXGroupID: 'g' };
    await first.confirmed('SEND', group, '1');
    expect(await bodies(first, 1)).toEqual(['1']);
    const second = await harness.open();
    await subscribe(second, '/queue/q', { ack: 'client-individual' });
    await second.confirmed('SEND', group, '2');
    expect(await bodies(first, 1)).toEqual(['2']);
    await first.leave();
    expect(await bodies(second, 2)).toEqual(['1', '2']);
    await second.confirmed('SEND', group, '3');
    expect(await bodies(second, 1)).toEqual(['3']);
  });
});
