/** Messages moved, copied and removed over `/v1/`, and queues paused. */
import type { ConfirmChannel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { withTemporaryDirectory } from '../../support/directory.ts';
import { fill, startV1, type V1Broker } from './harness.ts';

let broker: V1Broker;
let channel: ConfirmChannel;
const at = (queue: string, rest = '') => `/vhosts/%2F/queues/${queue}${rest}`;
const post = (path: string, body?: unknown) =>
  broker.ask(path, { method: 'POST', ...(body !== undefined && { body }) });
const bodies = async (queue: string): Promise<unknown[]> =>
  (await broker.ask(at(queue, '/messages?limit=1000'))).body.messages.map(({ body }: { body: unknown }) => body);
const even = (i: number) => ({ headers: { even: i % 2 === 0 } });

async function start(data?: string): Promise<void> {
  broker = await startV1(data === undefined ? {} : { data });
  channel = await broker.channel();
}

async function numbered(queue: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) channel.sendToQueue(queue, Buffer.from(`${i}`), { persistent: true, ...even(i) });
  await channel.waitForConfirms();
}

beforeEach(async () => {
  await start();
  await channel.assertQueue('q');
  await channel.assertQueue('other');
});
afterEach(() => broker.close());

describe('messages', () => {
  it('are moved by a selector, in their order, and the others keep theirs', async () => {
    await numbered('q', 6);
    const moved = await post(at('q', '/messages/move'), { to: { queue: 'other' }, selector: 'even = TRUE' });
    expect(moved).toMatchObject({ status: 200, body: { done: 3, stopped: null, scanned: 6, of: 6, next: null } });
    expect([await bodies('q'), await bodies('other')]).toEqual([
      ['1', '3', '5'],
      ['0', '2', '4'],
    ]);
    for (const body of ['1', '3', '5'])
      expect(((await channel.get('q', { noAck: true })) as { content: Buffer }).content.toString()).toBe(body);
    expect(await channel.checkQueue('q')).toMatchObject({ messageCount: 0 });
  });

  it('are moved, copied and removed by their positions, and none that came in their place', async () => {
    await numbered('q', 6);
    const listed = (await broker.ask(at('q', '/messages'))).body.messages;
    const [, second, , fourth, fifth] = listed.map(({ position }: { position: number }) => position);
    await post(at('q', '/messages/move'), { to: { queue: 'other' }, positions: [fourth, second] });
    expect([await bodies('q'), await bodies('other')]).toEqual([
      ['0', '2', '4', '5'],
      ['1', '3'],
    ]);
    const again = await post(at('q', '/messages/move'), { to: { queue: 'other' }, positions: [fourth, second] });
    expect(again.body).toMatchObject({ done: 0, next: null });
    const copied = await post(at('q', '/messages/copy'), { to: { queue: 'other' }, positions: [fifth] });
    expect(copied.body.done).toBe(1);
    const removed = await broker.ask(at('q', `/messages?positions=${fifth},${second}`), { method: 'DELETE' });
    expect(removed.body.done).toBe(1);
    expect([await bodies('q'), await bodies('other')]).toEqual([
      ['0', '2', '5'],
      ['1', '3', '4'],
    ]);
    const wrong = await broker.ask(at('q', '/messages?positions=one'), { method: 'DELETE' });
    expect(wrong.status).toBe(400);
  });

  it('are copied, with what they carry', async () => {
    await fill(channel, 'q', ['x'], { messageId: 'm', headers: { a: 1 } });
    expect((await post(at('q', '/messages/copy'), { to: { queue: 'other' } })).body.done).toBe(1);
    expect(await bodies('q')).toEqual(['x']);
    const copy = await channel.get('other', { noAck: true });
    expect(copy).toMatchObject({ properties: { messageId: 'm', headers: { a: 1 } }, fields: { redelivered: false } });
  });

  it('are moved to an exchange under their own keys, as many as are asked for, and on from there', async () => {
    await channel.assertExchange('x', 'topic');
    await channel.bindQueue('other', 'x', '#');
    await numbered('q', 5);
    const first = await post(at('q', '/messages/move'), { to: { exchange: 'x' }, limit: 2 });
    expect(first.body).toMatchObject({ done: 2, next: expect.stringMatching(/^position:/) });
    const rest = await post(at('q', '/messages/move'), { to: { exchange: 'x' }, from: first.body.next });
    expect(rest.body).toMatchObject({ done: 3, next: null });
    const got = await channel.get('other', { noAck: true });
    expect(got).toMatchObject({ fields: { exchange: 'x', routingKey: 'q' } });
  });

  it('stay where nothing takes them, or what would is full', async () => {
    await channel.assertExchange('nowhere', 'direct');
    await numbered('q', 3);
    const unroutable = await post(at('q', '/messages/move'), { to: { exchange: 'nowhere' } });
    expect(unroutable.body).toMatchObject({ done: 0, stopped: 'unroutable' });
    await channel.assertQueue('small', { maxLength: 2, arguments: { 'x-overflow': 'reject-publish' } });
    const full = await post(at('q', '/messages/move'), { to: { queue: 'small' } });
    expect(full.body).toMatchObject({ done: 2, stopped: 'queue-full' });
    expect(await bodies('q')).toEqual(['2']);
    expect(await bodies('small')).toEqual(['0', '1']);
    const again = await post(at('q', '/messages/move'), { to: { queue: 'other' }, from: full.body.next });
    expect(again.body.done).toBe(1);
  });

  it('moved to the end of their own queue are moved once', async () => {
    await numbered('q', 4);
    expect((await post(at('q', '/messages/move'), { to: { queue: 'q' }, selector: 'even = TRUE' })).body).toMatchObject(
      { done: 2 },
    );
    expect(await bodies('q')).toEqual(['1', '3', '0', '2']);
  });

  it('are removed by a text; what consumers hold is left alone', async () => {
    await fill(channel, 'q', ['held', 'keep', 'drop 1', 'drop 2']);
    const held = await channel.get('q');
    const removed = await broker.ask(at('q', '/messages?text=d'), { method: 'DELETE' });
    expect(removed.body).toMatchObject({ done: 2, scanned: 3 });
    expect(await bodies('q')).toEqual(['held', 'keep']);
    channel.ack(held as never);
  });

  it('leave queues with limits and levels counted right', async () => {
    await channel.assertQueue('limited', { maxLength: 3, maxPriority: 5, arguments: { 'x-max-length-bytes': 1000 } });
    for (const priority of [1, 3, 2])
      await fill(channel, 'limited', [`p${priority}`], { priority, headers: { p: priority } });
    expect(
      (await post(at('limited', '/messages/move'), { to: { queue: 'other' }, selector: 'p = 2 OR p = 1' })).body.done,
    ).toBe(2);
    await fill(channel, 'limited', ['n1', 'n2'], { priority: 0 });
    expect(await bodies('limited')).toEqual(['p3', 'n1', 'n2']);
  });

  it('are in one place after a restart, and large ones whole', { timeout: 60_000 }, () =>
    withTemporaryDirectory(async (data) => {
      await broker.close();
      await start(data);
      for (const queue of ['q', 'other']) await channel.assertQueue(queue);
      const large = 'x'.repeat(400_000);
      await fill(channel, 'q', ['a', large, 'c', 'd'], { persistent: true });
      await post(at('q', '/messages/move'), { to: { queue: 'other' }, text: 'x' });
      await broker.ask(at('q', '/messages?text=c'), { method: 'DELETE' });
      await broker.close();
      await start(data);
      expect(await bodies('q')).toEqual(['a', 'd']);
      const got = await channel.get('other', { noAck: true });
      expect((got as { content: Buffer }).content.equals(Buffer.from(large))).toBe(true);
      expect(await channel.checkQueue('other')).toMatchObject({ messageCount: 0 });
    }),
  );

  it.each([
    [{}, 400],
    [{ to: { queue: 'gone' } }, 404],
    [{ to: { exchange: 'gone' } }, 404],
    [{ to: { queue: 'other', exchange: 'x' } }, 400],
    [{ to: { queue: 'other' }, selector: '(' }, 400],
    ['nothing', 400],
  ])('are not moved for %j', async (body, status) => {
    await fill(channel, 'q', ['a']);
    expect((await post(at('q', '/messages/move'), body)).status).toBe(status);
    expect(await bodies('q')).toEqual(['a']);
  });
});

describe('a paused queue', () => {
  it('hands nothing out until it is resumed, while publishing goes on', async () => {
    const came: string[] = [];
    await channel.consume('q', (message) => void came.push(message!.content.toString()), { noAck: true });
    expect((await post(at('q', '/pause'))).body).toEqual({ paused: true, changed: true });
    expect((await post(at('q', '/pause'))).body).toEqual({ paused: true, changed: false });
    await fill(channel, 'q', ['a', 'b']);
    expect(await channel.get('q')).toBe(false);
    expect((await broker.ask(at('q'))).body).toMatchObject({ paused: true, ready: 2, consumers: 1 });
    expect((await broker.ask('/vhosts/%2F/queues?paused=true')).body).toMatchObject({
      matching: 1,
      total: 2,
      queues: [{ name: 'q' }],
    });
    expect(came).toEqual([]);
    expect((await post(at('q', '/resume'))).body).toEqual({ paused: false, changed: true });
    await channel.checkQueue('q');
    await channel.checkQueue('q');
    expect(came).toEqual(['a', 'b']);
  });

  it('takes what is published as fast as one with nobody there, though consumers ask', {
    timeout: 30_000,
  }, async () => {
    await channel.consume('q', () => {}, { noAck: true });
    await post(at('q', '/pause'));
    for (let i = 0; i < 60_000; i++) channel.sendToQueue('q', Buffer.from('x'));
    await channel.waitForConfirms();
    expect((await broker.ask(at('q'))).body).toMatchObject({ ready: 60_000 });
  });

  it.each([{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://elsewhere.example' }, { origin: 'null' }])(
    'is not paused by a page of another site: %j',
    async (headers) => {
      expect((await broker.ask(at('q', '/pause'), { method: 'POST', headers: headers as never })).status).toBe(403);
      expect((await broker.ask(at('q'))).body.paused).toBe(false);
    },
  );

  it('is paused after a restart, and a new one of its name is not', { timeout: 60_000 }, () =>
    withTemporaryDirectory(async (data) => {
      await broker.close();
      await start(data);
      for (const queue of ['q', 'gone']) {
        await channel.assertQueue(queue);
        await post(at(queue, '/pause'));
      }
      await fill(channel, 'q', ['a'], { persistent: true });
      await channel.deleteQueue('gone');
      await channel.assertQueue('gone');
      await broker.close();
      await start(data);
      expect((await broker.ask(at('q'))).body).toMatchObject({ paused: true, ready: 1 });
      expect((await broker.ask(at('gone'))).body).toMatchObject({ paused: false });
      expect(await channel.get('q')).toBe(false);
      await post(at('q', '/resume'));
      expect(await channel.get('q', { noAck: true })).toMatchObject({ content: Buffer.from('a') });
    }),
  );
});

it.each([
  ['moved', '/messages/move', { to: { queue: 'other' }, limit: 1 }],
  ['removed', '/messages?limit=1', undefined],
])('a message whose head was %s expires at its own time, and nobody has to look', async (_what, path, body) => {
  await broker.close();
  const clock = new ManualClock();
  broker = await startV1({ clock });
  channel = await broker.channel();
  await channel.assertQueue('other');
  await channel.assertQueue('dead');
  await channel.assertQueue('q', { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' } });
  channel.sendToQueue('q', Buffer.from('head'));
  channel.sendToQueue('q', Buffer.from('short'), { expiration: '300' });
  await channel.waitForConfirms();
  const method = body === undefined ? 'DELETE' : 'POST';
  expect((await broker.ask(at('q', path), { method, ...(body && { body }) })).body.done).toBe(1);
  clock.advance(400);
  expect((await channel.checkQueue('dead')).messageCount).toBe(1);
});
