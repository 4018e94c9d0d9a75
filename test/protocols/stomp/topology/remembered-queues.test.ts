/** A session remembers what it has asked for, never that something is there: others may have deleted it meanwhile. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { until } from '../../../support/until.ts';
import { StompHarness } from '../harness.ts';
import { header } from '../raw-client.ts';

let harness: StompHarness;
let other: Session;
beforeEach(async () => {
  harness = await StompHarness.start();
  other = await harness.session();
});
afterEach(() => harness.stop());

const LARGE = 'x'.repeat(300_000);
const destroy = (name: string): void => void other.deleteQueue(name, false, false);
const waiting = (name: string): number => other.checkQueue(name).messages;

describe('a queue that a SEND has made and somebody has deleted', () => {
  test.each([
    ['a small body', 'x'],
    ['a large body', LARGE],
  ])('is made again for the next one, with %s', async (_, body) => {
    const client = await harness.open();
    const headers = { destination: '/queue/q', 'content-length': String(body.length) };
    await client.confirmed('SEND', headers, body);
    destroy('q');
    await client.confirmed('SEND', headers, body);
    expect(waiting('q')).toBe(1);
  });

  test('is made again while a large body comes', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
    client.write(`SEND\ndestination:/queue/q\nreceipt:r\ncontent-length:${LARGE.length}\n\n${LARGE.slice(0, 200_000)}`);
    await until(() => harness.internals().input.large !== null, 'the body to begin');
    destroy('q');
    client.write(`${LARGE.slice(200_000)}\0`);
    await client.next('RECEIPT');
    expect(waiting('q')).toBe(1);
  });

  test('is made again before a transaction is committed', async () => {
    const client = await harness.open();
    await client.confirmed('BEGIN', { transaction: 't' });
    await client.confirmed('SEND', { destination: '/queue/q', transaction: 't' }, 'small');
    await client.confirmed(
      'SEND',
      { destination: '/queue/q', transaction: 't', 'content-length': String(LARGE.length) },
      LARGE,
    );
    destroy('q');
    await client.confirmed('COMMIT', { transaction: 't' });
    expect(waiting('q')).toBe(2);
    expect(harness.stats.unroutable).toBe(0);
  });

  test('is made again as it was asked for', async () => {
    const client = await harness.open();
    const headers = { destination: '/queue/q', 'x-max-length': '1' };
    await client.confirmed('SEND', headers, '1');
    destroy('q');
    for (const body of ['1', '2']) await client.confirmed('SEND', { destination: '/queue/q' }, body);
    expect(waiting('q')).toBe(1);
  });

  test('is made again for a SUBSCRIBE', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
    destroy('q');
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    await client.confirmed('SEND', { destination: '/queue/q' }, 'y');
    expect((await client.take('MESSAGE')).body.toString()).toBe('y');
  });
});

test('a queue that goes with its consumer is made again for the next SUBSCRIBE', async () => {
  const client = await harness.open();
  for (let i = 0; i < 3; i++) {
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q', 'auto-delete': 'true' });
    await client.confirmed('UNSUBSCRIBE', { id: '1' });
    expect(other.queueExists('q')).toBe(false);
  }
});

describe('a queue that only has to be found', () => {
  const missing = { destination: '/amq/queue/q' };
  beforeEach(() => {
    other.declareQueue('q', { durable: false, exclusive: false, autoDelete: false, arguments: [] });
  });

  test.each([
    ['a small body', 'x'],
    ['a large body', LARGE],
  ])('is missed where a receipt would say that the message is safe, with %s', async (_, body) => {
    const client = await harness.open();
    const headers = { ...missing, 'content-length': String(body.length) };
    await client.confirmed('SEND', headers, body);
    destroy('q');
    const error = await client.refused('SEND', { ...headers, receipt: 'r' }, body);
    expect([header(error, 'message'), header(error, 'receipt-id'), error.body.toString()]).toEqual([
      'not_found',
      'r',
      "NOT_FOUND - no queue 'q' in vhost '/'\n",
    ]);
  });

  test('is counted as missing where nobody asks', async () => {
    const client = await harness.open();
    destroy('q');
    client.send('SEND', missing, 'x');
    await client.confirmed('BEGIN', { transaction: 't' });
    expect(harness.stats.unroutable).toBe(1);
  });

  test('is missed when a transaction is committed, of which nothing is carried out then', async () => {
    const client = await harness.open();
    await client.confirmed('BEGIN', { transaction: 't' });
    await client.confirmed('SEND', { ...missing, transaction: 't' }, 'x');
    await client.confirmed('SEND', { destination: '/queue/other', transaction: 't' }, 'x');
    destroy('q');
    const error = await client.refused('COMMIT', { transaction: 't', receipt: 'r' });
    expect(header(error, 'message')).toBe('not_found');
    expect(waiting('other')).toBe(0);
  });

  test('may be gone where somebody is answered: who answers keeps his connection', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', { destination: '/reply-queue/gone' }, 'x');
    expect(harness.stats.unroutable).toBe(1);
  });

  test('is found again when it is there again', async () => {
    const client = await harness.open();
    client.send('SEND', missing, 'x');
    destroy('q');
    client.send('SEND', missing, 'nowhere');
    await client.confirmed('BEGIN', { transaction: 't' });
    other.declareQueue('q', { durable: false, exclusive: false, autoDelete: false, arguments: [] });
    await client.confirmed('SEND', missing, 'x');
    expect(waiting('q')).toBe(1);
  });
});

test.each([
  ['a small body', 'x'],
  ['a large body', LARGE],
])('an exchange that is gone is missed, with %s', async (_, body) => {
  const make = (): unknown =>
    other.declareExchange('x', 'fanout', { durable: false, autoDelete: false, internal: false, arguments: [] });
  make();
  const client = await harness.open();
  const headers = { destination: '/exchange/x', 'content-length': String(body.length) };
  await client.confirmed('SEND', headers, body);
  other.deleteExchange('x', false);
  const error = await client.refused('SEND', { ...headers, receipt: 'r' }, body);
  expect([header(error, 'message'), header(error, 'receipt-id')]).toEqual(['not_found', 'r']);
});

test('a temporary queue that an operator has deleted is made again', async () => {
  const client = await harness.open();
  await client.confirmed('SUBSCRIBE', { id: '1', destination: '/temp-queue/a' });
  await client.confirmed('UNSUBSCRIBE', { id: '1' });
  const { services } = other as unknown as {
    services: { topology: { queues: Map<string, unknown>; deleteQueue(queue: unknown): void } };
  };
  const [queue] = [...services.topology.queues.values()];
  services.topology.deleteQueue(queue);
  await client.confirmed('SUBSCRIBE', { id: '2', destination: '/temp-queue/a' });
  await client.confirmed('SEND', { destination: '/queue/asked', 'reply-to': '/temp-queue/a' }, 'x');
  await client.confirmed('SUBSCRIBE', { id: '3', destination: '/queue/asked' });
  const asked = await client.take('MESSAGE');
  await client.confirmed('SEND', { destination: header(asked, 'reply-to')! }, 'answer');
  expect((await client.take('MESSAGE')).body.toString()).toBe('answer');
});
