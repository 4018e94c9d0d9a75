import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { StompHarness } from '../harness.ts';
import { header, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
let core: Session;
beforeEach(async () => {
  harness = await StompHarness.start({ subscriptionsMax: 4 });
  core = await harness.session();
});
afterEach(() => harness.stop());

const subscribe = (client: RawClient, destination: string, more: Record<string, string> = {}): Promise<void> =>
  client.confirmed('SUBSCRIBE', { id: '1', destination, ...more });

describe('SUBSCRIBE is refused', () => {
  test.each<[string, Record<string, string>, string]>([
    ['without a destination', { id: '1' }, 'Missing destination'],
    ['without an id', { destination: '/queue/q' }, 'Missing Header'],
    ['with an ack mode that is none', { id: '1', destination: '/queue/q', ack: 'sometimes' }, 'Invalid header'],
    ['with a prefetch that is none', { id: '1', destination: '/queue/q', 'prefetch-count': 'many' }, 'Invalid header'],
    ['with a selector that is none', { id: '1', destination: '/topic/q', selector: 'a = ' }, 'Invalid selector'],
    ['from a queue with no-local', { id: '1', destination: '/queue/q', 'no-local': 'true' }, 'Invalid header'],
    ['as a browser of a topic', { id: '1', destination: '/topic/q', browser: 'true' }, 'Invalid header'],
    ['as a browser of several', { id: '1', destination: '/queue/q,/queue/r', browser: 'true' }, 'Invalid header'],
    ["to another connection's queue", { id: '1', destination: '/remote-temp-queue/q' }, 'Invalid destination'],
    ['durably to several', { id: '1', destination: '/topic/q,/topic/r', durable: 'true' }, 'Invalid header'],
    [
      'to more than it may have',
      { id: '1', destination: '/queue/a,/queue/b,/queue/c,/queue/d,/queue/e' },
      'Too many subscriptions',
    ],
    ["with an id that is the broker's", { id: '/temp-queue/x', destination: '/queue/q' }, 'Invalid id'],
    ['with a flag that is none', { id: '1', destination: '/topic/q', durable: 'yes' }, 'Invalid header'],
    [
      'durably without a client-id',
      { id: '1', destination: '/topic/q', 'activemq.subscriptionName': 's' },
      'Missing header',
    ],
  ])('%s', async (_, headers, message) => {
    const client = await harness.open('1.1');
    expect(header(await client.refused('SUBSCRIBE', headers), 'message')).toBe(message);
  });

  test('with an id that is in use', async () => {
    const client = await harness.open();
    await subscribe(client, '/queue/q');
    const error = await client.refused('SUBSCRIBE', { id: '1', destination: '/queue/r' });
    expect(header(error, 'message')).toBe('Duplicated subscription identifier');
  });

  test('when there are too many', async () => {
    const client = await harness.open();
    for (const id of ['1', '2', '3', '4']) await client.confirmed('SUBSCRIBE', { id, destination: '/queue/q' });
    const error = await client.refused('SUBSCRIBE', { id: '5', destination: '/queue/q' });
    expect(header(error, 'message')).toBe('Too many subscriptions');
  });
});

describe('in 1.0', () => {
  test('a subscription without an id is known by its destination', async () => {
    const client = await harness.open('1.0');
    await client.confirmed('SUBSCRIBE', { destination: '/queue/q', ack: 'client' });
    await client.confirmed('SUBSCRIBE', { destination: '/queue/r' });
    client.send('SEND', { destination: '/queue/q' }, 'x');
    expect(header(await client.next('MESSAGE'), 'subscription')).toBeUndefined();
    await client.confirmed('UNSUBSCRIBE', { destination: '/queue/q' });
    client.send('SEND', { destination: '/queue/q' }, 'x');
    client.send('SEND', { destination: '/queue/r' }, 'y');
    expect((await client.next('MESSAGE')).body.toString()).toBe('y');
    expect(core.checkQueue('q').messages).toBe(2);
  });
});

describe('UNSUBSCRIBE', () => {
  test('ends one subscription of several', async () => {
    const client = await harness.open();
    for (const id of ['1', '2']) await client.confirmed('SUBSCRIBE', { id, destination: '/topic/k' });
    await client.confirmed('UNSUBSCRIBE', { id: '1' });
    client.send('SEND', { destination: '/topic/k' }, 'x');
    expect(header(await client.next('MESSAGE'), 'subscription')).toBe('2');
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
  });

  test.each([
    [{ id: 'x' }, 'No subscription found'],
    [{}, 'Missing destination or id'],
  ])('%j is refused', async (headers, message) => {
    const client = await harness.open();
    expect(header(await client.refused('UNSUBSCRIBE', headers as Record<string, string>), 'message')).toBe(message);
  });

  test('with a stray durable header does not delete a queue that others made', async () => {
    const client = await harness.open();
    await subscribe(client, '/queue/q');
    await client.confirmed('UNSUBSCRIBE', { id: '1', durable: 'true' });
    expect(core.queueExists('q')).toBe(true);
  });
});

test('a subscription whose queue is deleted ends with an ERROR that names it', async () => {
  const client = await harness.open();
  await client.confirmed('SUBSCRIBE', { id: 'a\\cb', destination: '/queue/q' });
  core.deleteQueue('q', false, false);
  const error = await client.error();
  expect([header(error, 'message'), header(error, 'subscription')]).toEqual(['Server cancelled subscription', 'a\\cb']);
  expect(error.body.toString()).toContain("queue 'q' was deleted");
});

test('a client that does not read holds up nobody, and gets everything when it reads again', async () => {
  const slow = await harness.open();
  const quick = await harness.open();
  await subscribe(slow, '/topic/k');
  await subscribe(quick, '/topic/k');
  slow.socket.pause();
  const body = 'x'.repeat(10_000);
  const count = 1_000;
  for (let i = 0; i < count; i++) quick.send('SEND', { destination: '/topic/k', n: `${i}` }, body);
  for (let i = 0; i < count; i++) expect(header(await quick.next('MESSAGE'), 'n')).toBe(`${i}`);
  slow.socket.resume();
  for (let i = 0; i < count; i++) expect(header(await slow.next('MESSAGE'), 'n')).toBe(`${i}`);
});
