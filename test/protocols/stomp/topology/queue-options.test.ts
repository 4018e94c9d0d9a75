/** What headers say about queues and consumers, in the words of both brokers that people come from. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { StompHarness } from '../harness.ts';
import { header, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
let clock: ManualClock;
beforeEach(async () => {
  clock = new ManualClock();
  harness = await StompHarness.start({}, { clock });
});
afterEach(() => harness.stop());

const body = async (client: RawClient): Promise<string> => (await client.next('MESSAGE')).body.toString();

describe('a full queue', () => {
  const full = { destination: '/queue/q', 'x-max-length': '1', 'x-overflow': 'reject-publish' };

  test('refuses a SEND with an ERROR that names its receipt', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', full, '1');
    const error = await client.refused('SEND', { ...full, receipt: 'second' }, '2');
    expect([header(error, 'message'), header(error, 'receipt-id')]).toEqual(['Not stored', 'second']);
    expect(error.body.toString()).toContain('full');
  });

  test('refuses in silence who asked for no receipt, and counts it', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', full, '1');
    client.send('SEND', full, '2');
    await client.confirmed('SEND', { destination: '/queue/other' }, 'goes on');
    expect(harness.stats.refusedUnasked).toBe(1);
  });

  test('refuses a COMMIT', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', full, '1');
    await client.confirmed('BEGIN', { transaction: 't' });
    client.send('SEND', { ...full, transaction: 't' }, '2');
    const error = await client.refused('COMMIT', { transaction: 't' });
    expect(header(error, 'message')).toBe('Not stored');
  });

  test('refuses a large body', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', full, '1');
    const large = 'x'.repeat(300_000);
    const error = await client.refused('SEND', { ...full, receipt: 'r', 'content-length': `${large.length}` }, large);
    expect(header(error, 'receipt-id')).toBe('r');
  });
});

describe('time', () => {
  test.each([
    ['expiration', () => '1000'],
    ['expires', () => String(clock.epochMs() + 1_000)],
  ])('%s ends a message', async (name, value) => {
    const client = await harness.open();
    await client.confirmed('SEND', { destination: '/queue/q', [name]: value() }, 'short');
    await client.confirmed('SEND', { destination: '/queue/q', expires: '0' }, 'long');
    clock.advance(1_100);
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    expect(await body(client)).toBe('long');
  });

  test('a message that died of it has none any more', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/topic/dead' });
    const headers = {
      destination: '/queue/q',
      'x-dead-letter-exchange': 'amq.topic',
      'x-dead-letter-routing-key': 'dead',
    };
    await client.confirmed('SEND', { ...headers, expiration: '1000', own: 'x' }, 'x');
    clock.advance(1_100);
    const dead = await client.next('MESSAGE');
    expect([header(dead, 'x-first-death-reason'), header(dead, 'own')]).toEqual(['expired', 'x']);
    expect(header(dead, 'expiration')).toBeUndefined();
  });

  test('x-message-ttl is for all messages of a queue', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', { destination: '/queue/q', 'x-message-ttl': '1000' }, 'short');
    clock.advance(1_100);
    await client.confirmed('SEND', { destination: '/queue/q' }, 'new');
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q', 'x-message-ttl': '1000' });
    expect(await body(client)).toBe('new');
  });
});

describe('priority', () => {
  test('of messages counts where the queue has levels', async () => {
    const client = await harness.open();
    for (const priority of ['1', '9', '5']) {
      await client.confirmed('SEND', { destination: '/queue/q', 'x-max-priority': '10', priority }, priority);
    }
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q', 'x-max-priority': '10' });
    expect([await body(client), await body(client), await body(client)]).toEqual(['9', '5', '1']);
  });

  test.each(['x-priority', 'activemq.priority'])('of consumers is %s', async (name) => {
    const low = await harness.open();
    const high = await harness.open();
    await low.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    await high.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q', [name]: '10' });
    for (let i = 0; i < 4; i++) await low.confirmed('SEND', { destination: '/queue/q' }, `${i}`);
    for (let i = 0; i < 4; i++) expect(await body(high)).toBe(`${i}`);
    expect(low.frames).toEqual([]);
  });

  test('of a consumer that is no number is refused', async () => {
    const client = await harness.open();
    const error = await client.refused('SUBSCRIBE', { id: '1', destination: '/queue/q', 'x-priority': 'high' });
    expect(header(error, 'message')).toBe('Invalid header');
  });
});

test.each(['x-single-active-consumer', 'activemq.exclusive'])('%s lets one consumer at a time read', async (name) => {
  const clients = [await harness.open(), await harness.open()] as const;
  for (const client of clients) {
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q', [name]: 'true' });
  }
  for (let i = 0; i < 4; i++) await clients[1].confirmed('SEND', { destination: '/queue/q' }, `${i}`);
  for (let i = 0; i < 4; i++) expect(await body(clients[0])).toBe(`${i}`);
  await clients[0].leave();
  await clients[1].confirmed('SEND', { destination: '/queue/q' }, 'next');
  expect(await body(clients[1])).toBe('next');
});
