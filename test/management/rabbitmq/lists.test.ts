/** Lists of many things: every column sorts, odd names are listed as they are, and what comes and goes meanwhile disturbs nothing. */
import amqplib, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareKeys, compareText, type SortKey } from '../../../src/operator/listing/order.ts';
import { type ApiBroker, startApi } from './harness.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at part by part
type Shown = any;

const ODD = ['"quoted"', 'back\\slash', 'tab\t', 'nul\0', 'é', '😀', 'ﬀ', ' space', '%2F', '/', 'a.b*c', '<&>'];
const MANY = 250;

let broker: ApiBroker;
let connection: ChannelModel;
let channel: ConfirmChannel;

beforeAll(async () => {
  broker = await startApi();
  connection = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${broker.port('amqp')}`);
  channel = await connection.createConfirmChannel();
  const put = (path: string, body: object) => broker.ask(path, { method: 'PUT', body });
  await put('/policies/%2F/short', { pattern: '^many1', definition: { 'max-length': 1_000 }, priority: 1 });
  await put('/policies/%2F/few', { pattern: '7$', definition: { 'max-length-bytes': 100_000 } });
  await put('/operator-policies/%2F/all', { pattern: '^many2', definition: { 'message-ttl': 600_000 } });
  for (let n = 0; n < MANY; n++) {
    const type = n % 50 === 9 ? { 'x-queue-type': 'quorum' } : {};
    const priority = n % 50 === 3 ? { 'x-single-active-consumer': true } : {};
    await channel.assertQueue(`many${n}`, { durable: true, arguments: { ...type, ...priority } });
    for (let i = 0; i < n % 4; i++) channel.publish('', `many${n}`, Buffer.from('x'), { timestamp: 1_000 + n });
  }
  for (const name of ODD) await channel.assertQueue(name, { durable: false, autoDelete: true });
  await channel.waitForConfirms();
  await channel.prefetch(1);
  for (let n = 0; n < 30; n++)
    await channel.consume(`many${n}`, () => {}, { consumerTag: `tag${n}`, exclusive: n % 7 === 1 });
  for (let n = 40; n < 60; n++) await channel.get(`many${n}`, { noAck: n % 2 === 0 });
}, 30_000);

afterAll(async () => {
  await connection?.close();
  await broker?.close();
});

async function get(path: string): Promise<Shown> {
  const { status, body } = await broker.ask(path);
  expect([path, status, body?.reason]).toEqual([path, 200, undefined]);
  return body;
}

/** Every page of a list. */
async function paged(path: string, pageSize = 100): Promise<Shown[]> {
  const items: Shown[] = [];
  for (let page = 1; ; page++) {
    const found = await get(`${path}${path.includes('?') ? '&' : '?'}page=${page}&page_size=${pageSize}`);
    items.push(...found.items);
    if (page >= found.page_count) return items;
  }
}

const names = (list: readonly Shown[]): string[] => list.map(({ name }) => name);

/** The paths of all single values in an object. */
function columns(shown: object, prefix = ''): string[] {
  return Object.entries(shown).flatMap(([name, value]) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? columns(value, `${prefix}${name}.`)
      : [`${prefix}${name}`],
  );
}

function columnOf(shown: Shown, path: string): SortKey {
  const value = path.split('.').reduce((at, part) => at?.[part], shown);
  return value === null || typeof value === 'object' ? undefined : value;
}

/** Sorts them by what each says itself (rates move from one answer to the next); equals keep the list's own order. */
function sortedBy(path: string, list: readonly Shown[], own: readonly string[]): string[] {
  const inOwn = [...list].sort((a, b) => own.indexOf(a.name) - own.indexOf(b.name));
  return names(inOwn.sort((a, b) => compareKeys(columnOf(a, path), columnOf(b, path))));
}

describe('a list of queues', () => {
  it('is sorted by every column that it shows, in pages and whole', async () => {
    const all = (await get('/queues')) as Shown[];
    const paths = [...new Set(all.flatMap((shown) => columns(shown)))];
    expect(paths).toContain('message_stats.publish_details.rate');
    expect(paths).toContain('single_active_consumer_tag');
    const own = names(all);
    expect(own).toEqual([...own].sort(compareText));
    for (const path of paths) {
      for (const found of [await paged(`/queues?sort=${path}`), await get(`/queues?sort=${path}`)]) {
        expect(names(found).sort(compareText)).toEqual(own);
        expect([path, names(found)]).toEqual([path, sortedBy(path, found, own)]);
      }
      const reversed = names((await get(`/queues?sort=${path}&sort_reverse=true&page=1&page_size=300`)).items);
      expect([path, reversed.reverse()]).toEqual([path, names(await get(`/queues?sort=${path}`))]);
    }
  }, 30_000);

  it('shows names of any characters as they are, in their order, and finds them', async () => {
    const found = names(await paged('/queues', 10));
    expect(found).toEqual([...found].sort(compareText));
    for (const name of ODD) {
      expect(found.filter((one) => one === name)).toEqual([name]);
      const part = await get(`/queues?page=1&name=${encodeURIComponent(name)}`);
      expect(names(part.items)).toContain(name);
      const only = await get(
        `/queues?page=1&use_regex=true&name=${encodeURIComponent(`^${name.replace(/[\\.*]/g, '\\$&')}$`)}`,
      );
      expect(names(only.items)).toEqual([name]);
    }
  });

  it('has in a later page what was made meanwhile, and not what was deleted', async () => {
    const first = await get('/queues?page=1&page_size=100');
    expect(first).toMatchObject({ total_count: MANY + ODD.length, page_count: 3 });
    const last = names(await paged('/queues')).at(-1)!;
    await channel.deleteQueue(last);
    const made = `${last}-made`;
    await channel.assertQueue(made, { durable: true });
    const later = [...(await get('/queues?page=2')).items, ...(await get('/queues?page=3')).items];
    expect(names(later).at(-1)).toBe(made);
    expect(names(later)).not.toContain(last);
    expect(names([...first.items, ...later])).toHaveLength(MANY + ODD.length);
    await channel.deleteQueue(made);
    await channel.assertQueue(last, { durable: true });
    expect((await get('/queues?page=3')).total_count).toBe(MANY + ODD.length);
  });

  it('has once what is there all the while, though queues come and go between the pieces of a long answer', async () => {
    const url = `http://127.0.0.1:${broker.port('http')}/api/queues`;
    const authorization = `Basic ${btoa('guest:guest')}`;
    for (const query of ['', '?sort=messages', '?sort=name&sort_reverse=true']) {
      const before = names(await get('/queues'));
      const response = await fetch(url + query, { headers: { authorization, 'accept-encoding': 'identity' } });
      const decoder = new TextDecoder();
      let text = '';
      let n = 0;
      for await (const piece of response.body!) {
        text += decoder.decode(piece, { stream: true });
        for (let i = 0; i < 5; i++, n++) {
          await channel.assertQueue(`many-made${n}`, { durable: true });
          if (n > 2) await channel.deleteQueue(`many-made${n - 3}`);
        }
      }
      const found = names(JSON.parse(text));
      expect(found).toHaveLength(new Set(found).size);
      expect(found.filter((name) => before.includes(name)).sort(compareText)).toEqual(before);
      for (let i = Math.max(0, n - 3); i < n; i++) await channel.deleteQueue(`many-made${i}`);
    }
  });
});

describe('lists of connections and channels', () => {
  it.each(['/connections', '/channels'])('%s are sorted by every column that they show', async (list) => {
    const others: ChannelModel[] = [];
    for (let n = 0; n < 4; n++) {
      others.push(await amqplib.connect(`amqp://guest:guest@127.0.0.1:${broker.port('amqp')}`));
      for (let m = 0; m < n; m++) await (m % 2 === 0 ? others[n]!.createChannel() : others[n]!.createConfirmChannel());
    }
    const all = (await get(list)) as Shown[];
    expect(all.length).toBeGreaterThan(4);
    for (const path of new Set(all.flatMap((shown) => columns(shown)))) {
      const { items } = await get(`${list}?page=1&sort=${path}`);
      expect(names(items).sort(compareText)).toEqual(names(all).sort(compareText));
      expect([path, names(items)]).toEqual([path, sortedBy(path, items, names(all))]);
    }
    for (const other of others) await other.close();
  });
});

describe('a list of bindings', () => {
  const order = (shown: Shown): string =>
    [shown.source, shown.destination_type, shown.destination, shown.routing_key, shown.properties_key].join('\u0000');

  it('goes from exchange to exchange, however many each has, and from each to every end once', async () => {
    for (let x = 0; x < 12; x++) {
      await channel.assertExchange(`x${x}`, 'topic', { durable: false });
      await channel.bindExchange('x0', `x${x}`, `to.exchange.${x}`);
      for (let n = 0; n < 30; n++) await channel.bindQueue(`many${n}`, `x${x}`, `key.${n % 3}`);
      await channel.bindQueue('many0', `x${x}`, 'key.0', { argument: x });
    }
    // One with more than are looked at together with others.
    for (let n = 0; n < 1_200; n++) channel.bindQueue('many1', 'x5', `more.${n}`).catch(() => {});
    await channel.bindQueue('many1', 'x5', 'last');
    const all = (await get('/bindings')) as Shown[];
    const explicit = 12 * 32 + 1_201;
    expect(all).toHaveLength(MANY + ODD.length + explicit);
    const sorted = [...all].sort((a, b) => compareText(order(a), order(b)));
    expect(all.map(order)).toEqual(sorted.map(order));
    expect(new Set(all.map(order)).size).toBe(all.length);
    expect(await get('/exchanges/%2F/x5/bindings/source')).toEqual(all.filter(({ source }) => source === 'x5'));
    expect(await get('/exchanges/%2F/amq.default/bindings/source')).toEqual(all.filter(({ source }) => source === ''));
    const bySize = (await get('/bindings?sort=routing_key')) as Shown[];
    expect(bySize.map(({ routing_key }) => routing_key)).toEqual(
      all.map(({ routing_key }) => routing_key).sort(compareText),
    );
    await channel.deleteExchange('x5');
    expect(await get('/bindings')).toEqual(all.filter(({ source }) => source !== 'x5'));
  }, 20_000);
});
