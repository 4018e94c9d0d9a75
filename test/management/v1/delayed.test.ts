/** Messages that wait for their time, over HTTP: listed for who may see them, and dropped. */
import type { ConfirmChannel } from 'amqplib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { untilAsked } from '../../support/until.ts';
import { startV1, type V1Broker } from './harness.ts';

let broker: V1Broker;
let clock: ManualClock;
let channel: ConfirmChannel;

beforeEach(async () => {
  clock = new ManualClock();
  broker = await startV1({ clock });
  channel = await broker.channel();
  await channel.assertQueue('mine');
  await channel.assertQueue('theirs');
  await channel.assertExchange('later', 'x-delayed-message', { arguments: { 'x-delayed-type': 'topic' } });
  await channel.bindQueue('mine', 'later', 'a.#');
});
afterEach(() => broker.close());

async function delay(exchange: string, key: string, delayMs: number, messageId: string): Promise<void> {
  channel.publish(exchange, key, Buffer.from('body'), {
    ...{ messageId, persistent: true, headers: { 'x-delay': delayMs } },
  });
  await channel.waitForConfirms();
}

const list = (query = '', login = 'guest:guest') => broker.ask(`/vhosts/%2F/delayed${query}`, { login });
const ids = async (query = '', login?: string): Promise<string[]> =>
  (await list(query, login)).body.delayed.map(({ messageId }: { messageId: string }) => messageId);

it('say when, where to, how large they are and whose id they have, those due next first', async () => {
  await delay('later', 'a.late', 20_000, 'late');
  await delay('later', 'a.soon', 10_000, 'soon');
  const { status, body } = await list();
  expect(status).toBe(200);
  expect(body).toMatchObject({ total: 2, next: null });
  const [soon, late] = body.delayed;
  expect(soon).toMatchObject({
    ...{ exchange: 'later', routingKeys: ['a.soon'], messageId: 'soon', bodyBytes: 4 },
    ...{ durable: true, persistent: true, readable: true },
  });
  expect(Date.parse(late.dueAt) - Date.parse(soon.dueAt)).toBe(10_000);
  expect(Date.parse(soon.dueAt) - Date.parse(soon.publishedAt)).toBe(10_000);
});

it('come in pages', async () => {
  for (let i = 0; i < 5; i++) await delay('later', 'a', 10_000 + 100 * i, `m${i}`);
  const { body } = await list('?limit=2');
  expect(body.delayed.map(({ messageId }: { messageId: string }) => messageId)).toEqual(['m0', 'm1']);
  const second = (await list(`?limit=2&after=${body.next}`)).body;
  expect(second.delayed.map(({ messageId }: { messageId: string }) => messageId)).toEqual(['m2', 'm3']);
  expect(await ids(`?limit=2&after=${second.next}`)).toEqual(['m4']);
  expect((await list('?after=nonsense')).status).toBe(400);
  expect((await list('?limit=501')).status).toBe(400);
});

it('are shown to who may read where they go, and dropped by administrators', async () => {
  await channel.assertExchange('secret', 'x-delayed-message', { arguments: { 'x-delayed-type': 'direct' } });
  await delay('later', 'a', 10_000, 'seen');
  await delay('secret', 'a', 11_000, 'hidden');
  await broker.users.put('root', { password: 'pw', tags: ['administrator'] });
  await broker.users.put('watch', { password: 'pw', tags: ['monitoring'] });
  await broker.users.put('plain', { password: 'pw', tags: ['management'] });
  const all = { configure: '.*', write: '.*', read: '.*' };
  await broker.users.setPermissions('root', '/', all);
  await broker.users.setPermissions('watch', '/', { ...all, read: '^later$' });
  await broker.users.setPermissions('plain', '/', all);
  expect(await ids('', 'root:pw')).toEqual(['seen', 'hidden']);
  expect(await ids('', 'watch:pw')).toEqual(['seen']);
  expect((await list('', 'plain:pw')).status).toBe(403);
  const [{ position }] = (await list('', 'root:pw')).body.delayed;
  const path = `/vhosts/%2F/delayed/${position}`;
  expect((await broker.ask(path, { method: 'DELETE', login: 'watch:pw' })).status).toBe(403);
  expect((await broker.ask(path, { method: 'DELETE', login: 'root:pw' })).status).toBe(204);
  expect((await broker.ask(path, { method: 'DELETE', login: 'root:pw' })).status).toBe(404);
  expect((await broker.ask('/vhosts/%2F/delayed/x', { method: 'DELETE', login: 'root:pw' })).status).toBe(404);
  expect(await ids('', 'root:pw')).toEqual(['hidden']);
});

it('that are dropped are never routed, and told of among the dropped ones', async () => {
  await delay('later', 'a', 10_000, 'stays');
  await delay('later', 'a', 5_000, 'goes');
  const [{ position }] = (await list()).body.delayed;
  expect((await broker.ask(`/vhosts/%2F/delayed/${position}`, { method: 'DELETE' })).status).toBe(204);
  const { dropped } = (await broker.ask('/vhosts/%2F/dropped?reason=cancelled')).body;
  expect(dropped).toMatchObject([{ messageId: 'goes', exchange: 'later', routingKey: 'a', position, bodyBytes: 4 }]);
  const { body } = await broker.ask('/vhosts/%2F/passport?messageId=goes');
  expect(body.dropped).toMatchObject([{ reason: 'cancelled' }]);
  clock.advance(20_000);
  await untilAsked(async () => (await channel.checkQueue('mine')).messageCount === 1, 'the other one');
  expect((await list()).body).toEqual({ delayed: [], total: 0, next: null });
});
