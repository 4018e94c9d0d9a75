/** Redrives over `/v1/`: dead letters go back to where they died, by a job that nobody waits for. */
import type { ConfirmChannel, GetMessage } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OUTCOMES_KEPT_MAX, Outcomes } from '../../../src/operator/redrives/outcomes.ts';
import { withTemporaryDirectory } from '../../support/directory.ts';
import { untilAsked } from '../../support/until.ts';
import { fill, startV1, type V1Broker } from './harness.ts';

let broker: V1Broker;
let channel: ConfirmChannel;
const at = (queue: string, rest = '') => `/vhosts/%2F/queues/${queue}${rest}`;
const post = (path: string, body?: unknown, login?: string) =>
  broker.ask(path, { method: 'POST', ...(body !== undefined && { body }), ...(login !== undefined && { login }) });
const job = async (id: string) => (await broker.ask(`/vhosts/%2F/redrives/${id}`)).body;
const bodies = async (queue: string): Promise<unknown[]> =>
  (await broker.ask(at(queue, '/messages?limit=1000'))).body.messages.map(({ body }: { body: unknown }) => body);

async function start(data?: string): Promise<void> {
  broker = await startV1(data === undefined ? {} : { data });
  channel = await broker.channel();
}

async function topology(): Promise<void> {
  await channel.assertQueue('dead');
  for (const queue of ['a', 'b']) {
    await channel.assertQueue(queue, { deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
  }
}

/** Has messages of a queue die there. */
async function die(queue: string, texts: readonly string[], options: object = {}): Promise<void> {
  const before = (await channel.checkQueue('dead')).messageCount;
  for (const text of texts) channel.sendToQueue(queue, Buffer.from(text), { persistent: true, ...options });
  await channel.waitForConfirms();
  for (const _ of texts) channel.nack((await channel.get(queue)) as GetMessage, false, false);
  let there = before;
  while (there < before + texts.length) there = (await channel.checkQueue('dead')).messageCount;
}

/** Begins one and waits until it has ended. */
async function redriven(body: object): Promise<Record<string, unknown>> {
  const { id } = (await post(at('dead', '/redrives'), body)).body;
  let seen = await job(id);
  while (seen.state === 'running' || seen.state === 'waiting') seen = await job(id);
  return seen;
}

describe('a redrive', () => {
  beforeEach(async () => {
    await start();
    await topology();
  });
  afterEach(() => broker.close());

  it('takes each message back to the queue that it died in first, with the record of its deaths', async () => {
    await die('a', ['1', '2']);
    await die('b', ['3']);
    expect(await redriven({})).toMatchObject({ state: 'done', moved: 3, scanned: 3, to: 'origin', why: '' });
    expect([await bodies('a'), await bodies('b'), await bodies('dead')]).toEqual([['1', '2'], ['3'], []]);
    const back = (await channel.get('a')) as GetMessage;
    expect(back.properties.headers!['x-death']).toMatchObject([{ queue: 'a', reason: 'rejected', count: 1 }]);
    channel.nack(back, false, false);
    await channel.get('a', { noAck: true });
    let again: GetMessage | false = false;
    while (again === false) again = await channel.get('dead');
    expect(again.properties.headers!['x-death']).toMatchObject([{ queue: 'a', reason: 'rejected', count: 2 }]);
  });

  it('takes no message to where its publisher says that it died: he may not send it there himself, perhaps', async () => {
    await channel.assertQueue('secret');
    const told = {
      'x-death': [{ queue: 'secret', reason: 'rejected', count: 1, exchange: '', 'routing-keys': ['secret'] }],
      ...{ 'x-first-death-queue': 'secret', 'x-first-death-reason': 'rejected', 'x-first-death-exchange': '' },
    };
    channel.sendToQueue('dead', Buffer.from('never died'), { headers: told });
    await die('a', ['in a'], { headers: told });
    await die('b', ['in b, told flat'], { headers: { 'x-first-death-queue': 'secret', 'x-death-count': '1' } });
    expect((await post(at('dead', '/redrives/count'), {})).body).toMatchObject({
      ...{ matching: 3, noOrigin: 1 },
      origins: [
        { queue: 'a', messages: 1 },
        { queue: 'b', messages: 1 },
      ],
    });
    expect(await redriven({})).toMatchObject({ state: 'done', moved: 2, left: { noOrigin: 1 } });
    expect([await bodies('secret'), await bodies('a'), await bodies('b')]).toEqual([[], ['in a'], ['in b, told flat']]);
    // It goes on dying, and its record with it.
    channel.nack((await channel.get('a')) as GetMessage, false, false);
    while ((await channel.checkQueue('dead')).messageCount < 2);
    expect(await redriven({})).toMatchObject({ moved: 1, left: { noOrigin: 1 } });
    const { headers } = ((await channel.get('a')) as GetMessage).properties;
    expect(headers).toMatchObject({
      'x-first-death-queue': 'secret',
      'x-death': [{ queue: 'a', count: 2 }, told['x-death'][0]],
    });
  });

  it('has messages come as if they had never died, where their attempts are reset', async () => {
    await die('a', ['1']);
    expect(await redriven({ attempts: 'reset' })).toMatchObject({ moved: 1 });
    expect(((await channel.get('a')) as GetMessage).properties.headers!['x-death']).toBeUndefined();
  });

  it('takes only those that are wanted: by selector, text, message id or place', async () => {
    await die('a', ['one', 'two', 'three'], { headers: { region: 'eu' } });
    await die('a', ['four'], { messageId: 'm4' });
    expect(await redriven({ selector: "region = 'eu'", text: 'tw' })).toMatchObject({ moved: 1, scanned: 4 });
    expect(await redriven({ messageIds: ['m4', 'none'] })).toMatchObject({ moved: 1, messageIds: 2 });
    const [{ position }] = (await broker.ask(at('dead', '/messages'))).body.messages;
    expect(await redriven({ positions: [position] })).toMatchObject({ moved: 1 });
    expect([await bodies('a'), await bodies('dead')]).toEqual([['two', 'four', 'one'], ['three']]);
  });

  it('takes them elsewhere: to a queue, to an exchange with a key, as many as are asked for', async () => {
    await die('a', ['1', '2', '3', '4']);
    await channel.assertQueue('other');
    expect(await redriven({ to: { queue: 'other' }, limit: 2 })).toMatchObject({ state: 'done', moved: 2 });
    expect(await redriven({ to: { exchange: '', routingKey: 'other' } })).toMatchObject({ moved: 2 });
    expect(await bodies('other')).toEqual(['1', '2', '3', '4']);
  });

  it('leaves what has no origin or whose origin is gone where it is, counted, and goes on', async () => {
    await die('b', ['gone']);
    await channel.deleteQueue('b');
    channel.sendToQueue('dead', Buffer.from('alive'));
    await die('a', ['back']);
    expect(await redriven({})).toMatchObject({
      state: 'done',
      moved: 1,
      left: { noOrigin: 1, unroutable: 1, accessRefused: 0 },
    });
    expect([await bodies('a'), await bodies('dead')]).toEqual([['back'], ['gone', 'alive']]);
  });

  it('tells what became of each message, the latest first, and of the last thousand alone', async () => {
    await die('a', ['1', '2']);
    await die('b', ['3']);
    await channel.deleteQueue('b');
    await fill(channel, 'dead', ['4']);
    const { id } = await redriven({});
    const outcomes = async (query = '') => (await broker.ask(`/vhosts/%2F/redrives/${id}/outcomes${query}`)).body;
    const all = await outcomes();
    expect(all).toMatchObject({
      total: 4,
      outcomes: [
        { outcome: 'left', why: 'no-origin' },
        { outcome: 'left', why: 'unroutable', to: 'b' },
        { outcome: 'moved', to: 'a' },
        { outcome: 'moved', to: 'a' },
      ],
    });
    const left = (await broker.ask(at('dead', '/messages'))).body.messages;
    expect(left.map(({ position }: { position: number }) => position).reverse()).toEqual(
      all.outcomes.slice(0, 2).map(({ position }: { position: number }) => position),
    );
    expect((await outcomes('?skip=1&limit=1')).outcomes).toEqual([all.outcomes[1]]);
    const ring = new Outcomes();
    for (let i = 0; i < 2.5 * OUTCOMES_KEPT_MAX; i++) ring.add(i, 0, undefined, 'q');
    const positions = ring.page(0, 10_000).map(({ position }) => position);
    expect(positions).toEqual(Array.from({ length: OUTCOMES_KEPT_MAX }, (_, i) => 2.5 * OUTCOMES_KEPT_MAX - 1 - i));
  });

  it('does not look at what dies again while it is at work', async () => {
    await channel.assertQueue('loop', {
      deadLetterExchange: '',
      deadLetterRoutingKey: 'dead',
      arguments: { 'x-message-ttl': 0 },
    });
    channel.sendToQueue('loop', Buffer.from('x'), { persistent: true });
    await untilAsked(async () => (await channel.checkQueue('dead')).messageCount === 1, 'it has died');
    expect(await redriven({})).toMatchObject({ state: 'done', moved: 1, scanned: 1 });
  });

  it('waits for room, and goes on when there is some', async () => {
    await channel.assertQueue('small', { maxLength: 1, arguments: { 'x-overflow': 'reject-publish' } });
    await die('a', ['1', '2']);
    const { id } = (await post(at('dead', '/redrives'), { to: { queue: 'small' } })).body;
    await untilAsked(async () => (await job(id)).state === 'waiting', 'it waits');
    expect(await job(id)).toMatchObject({ moved: 1, why: 'a queue that it leads to is full' });
    expect(((await channel.get('small', { noAck: true })) as GetMessage).content.toString()).toBe('1');
    await untilAsked(async () => (await job(id)).state === 'done', 'it has ended');
    expect(await bodies('small')).toEqual(['2']);
  });

  it('keeps to its rate, and can be stopped, gone on with, and forgotten', async () => {
    await die(
      'a',
      Array.from({ length: 40 }, (_, i) => `${i}`),
    );
    const { id } = (await post(at('dead', '/redrives'), { rate: 1 })).body;
    await untilAsked(async () => (await job(id)).moved >= 1, 'it has begun');
    const stopped = (await post(`/vhosts/%2F/redrives/${id}/stop`)).body;
    expect(stopped).toMatchObject({ state: 'stopped', why: 'stopped by an operator' });
    expect(stopped.moved).toBeLessThan(40);
    const resumed = (await post(`/vhosts/%2F/redrives/${id}/resume`)).body;
    expect(resumed).toMatchObject({ state: 'running', why: '' });
    expect((await broker.ask(`/vhosts/%2F/redrives/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await broker.ask('/vhosts/%2F/redrives')).body).toEqual({ redrives: [] });
    const left = (await bodies('dead')).length;
    expect((await bodies('a')).length + left).toBe(40);
  });

  it('says before it begins what it would move, and where to', async () => {
    await die('a', ['1', '2']);
    await die('b', ['3']);
    await channel.deleteQueue('b');
    channel.sendToQueue('dead', Buffer.from('alive'));
    await channel.waitForConfirms();
    expect((await post(at('dead', '/redrives/count'), {})).body).toMatchObject({
      matching: 4,
      noOrigin: 1,
      others: 0,
      origins: [
        { queue: 'a', messages: 2, exists: true },
        { queue: 'b', messages: 1, exists: false },
      ],
      next: null,
    });
    expect(await bodies('dead')).toHaveLength(4);
    expect((await broker.ask('/vhosts/%2F/redrives')).body.redrives).toEqual([]);
  });

  it('is refused where it makes no sense, in words', async () => {
    expect((await post(at('none', '/redrives'), {})).status).toBe(404);
    expect((await post(at('dead', '/redrives'), { to: { queue: 'none' } })).status).toBe(404);
    expect((await post(at('dead', '/redrives'), { selector: '((' })).status).toBe(400);
    expect((await post(at('dead', '/redrives'), { rate: -1 })).status).toBe(400);
    expect((await post('/vhosts/%2F/redrives/none/stop')).status).toBe(404);
  });
});

describe('a redrive of a user who may not read the queue any more', () => {
  const permit = (read: string) =>
    broker.broker.users.setPermissions('worker', '/', { configure: '.*', write: '.*', read });

  beforeEach(async () => {
    const all = { configure: '.*', write: '.*', read: '.*' };
    const guest = { password: 'guest', tags: ['administrator'] as const, permissions: { '/': all } };
    broker = await startV1({ users: { guest } } as never);
    channel = await broker.channel();
    await topology();
    await broker.broker.users.put('worker', { password: 'worker', tags: ['management'] });
    await permit('.*');
  });
  afterEach(() => broker.close());

  it('stops, says why, and is not gone on with before he may', async () => {
    await die(
      'a',
      Array.from({ length: 40 }, (_, i) => `${i}`),
    );
    const as = 'worker:worker';
    const seen = async () => (await broker.ask('/vhosts/%2F/redrives', { login: as })).body.redrives[0];
    const begun = await post(at('dead', '/redrives'), { rate: 2 }, as);
    expect(begun.status).toBe(200);
    const { id } = begun.body;
    await untilAsked(async () => (await seen()).moved >= 1, 'it has begun');
    await permit('^a$');
    await untilAsked(async () => (await seen()).state === 'stopped', 'it has stopped');
    const stopped = await seen();
    expect(stopped.why).toBe("user 'worker' may not read queue 'dead' any more");
    await post(`/vhosts/%2F/redrives/${id}/resume`, undefined, as);
    await untilAsked(async () => (await seen()).state === 'stopped', 'it has stopped again');
    expect((await seen()).moved).toBe(stopped.moved);
    await permit('.*');
    await post(`/vhosts/%2F/redrives/${id}/resume`, undefined, as);
    await untilAsked(async () => (await seen()).moved > stopped.moved, 'it goes on');
  });
});

it('goes on after a restart, with the rights of whoever began it, and moves each message once', () =>
  withTemporaryDirectory(async (data) => {
    await start(data);
    await topology();
    const texts = Array.from({ length: 300 }, (_, i) => `${i}`);
    await die('a', texts);
    const { id } = (await post(at('dead', '/redrives'), { rate: 200 })).body;
    await untilAsked(async () => (await job(id)).moved >= 20, 'it has begun');
    await broker.close();
    await start(data);
    try {
      await untilAsked(async () => (await job(id)).state === 'done', 'it has ended', 20_000);
      expect([await bodies('a'), await bodies('dead')]).toEqual([texts, []]);
      expect((await job(id)).user).toBe('guest');
    } finally {
      await broker.close();
    }
  }));
