/** Messages looked at over `/v1/` without being taken. */
import type { ConfirmChannel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fill, startV1, type V1Broker } from './harness.ts';

let broker: V1Broker;
let channel: ConfirmChannel;
const peek = (query = '', queue = 'q', login = 'guest:guest') =>
  broker.ask(`/vhosts/%2F/queues/${queue}/messages${query}`, { login });
const bodies = (answered: { body: { messages: { body: unknown }[] } }) =>
  answered.body.messages.map(({ body }) => body);

beforeEach(async () => {
  broker = await startV1();
  channel = await broker.channel();
  await channel.assertQueue('q');
});
afterEach(() => broker.close());

describe('peek', () => {
  it('shows messages from either end and from a position, page by page', async () => {
    await fill(channel, 'q', ['a', 'b', 'c', 'd', 'e']);
    const first = await peek('?limit=2');
    expect(bodies(first)).toEqual(['a', 'b']);
    expect(first.body).toMatchObject({ scanned: 2, of: 5, missed: 0 });
    const second = await peek(`?limit=2&from=${first.body.next}`);
    expect(bodies(second)).toEqual(['c', 'd']);
    const last = await peek(`?limit=2&from=${second.body.next}`);
    expect(bodies(last)).toEqual(['e']);
    expect(last.body.next).toBeNull();
    const newest = await peek('?limit=3&from=newest');
    expect(bodies(newest)).toEqual(['e', 'd', 'c']);
    const older = await peek(`?from=${newest.body.next}`);
    expect(bodies(older)).toEqual(['b', 'a']);
    expect(older.body.next).toBeNull();
  });

  it('changes neither order, counts nor the redelivered flag', async () => {
    await fill(channel, 'q', ['a', 'b', 'c']);
    for (let i = 0; i < 3; i++) expect(bodies(await peek('?from=newest'))).toEqual(['c', 'b', 'a']);
    expect(await channel.checkQueue('q')).toMatchObject({ messageCount: 3 });
    for (const body of ['a', 'b', 'c']) {
      const got = await channel.get('q');
      if (got === false) throw new Error('there is none');
      expect([got.content.toString(), got.fields.redelivered]).toEqual([body, false]);
    }
  });

  it('tells what waits from what consumers hold, in one order', async () => {
    await fill(channel, 'q', ['a', 'b', 'c']);
    const held = await channel.get('q');
    if (held === false) throw new Error('there is none');
    const states = (await peek()).body.messages.map((one: Record<string, unknown>) => [
      one['body'],
      one['state'],
      one['redelivered'],
    ]);
    expect(states).toEqual([
      ['a', 'unsettled', true],
      ['b', 'ready', false],
      ['c', 'ready', false],
    ]);
    expect(bodies(await peek('?state=unsettled'))).toEqual(['a']);
    expect((await peek('?state=ready')).body).toMatchObject({ scanned: 2, of: 2 });
    channel.nack(held, false, true);
    await channel.checkQueue('q');
    expect((await peek()).body.messages[0]).toMatchObject({ body: 'a', state: 'ready', redelivered: true });
  });

  it('shows those of all priorities in order of arrival', async () => {
    await channel.assertQueue('levels', { maxPriority: 9 });
    for (const priority of [1, 9, 0, 5]) await fill(channel, 'levels', [`p${priority}`], { priority });
    const shown = await peek('', 'levels');
    expect(bodies(shown)).toEqual(['p1', 'p9', 'p0', 'p5']);
    expect(shown.body.messages[1].priority).toBe(9);
    expect(bodies(await peek('?from=newest&limit=2', 'levels'))).toEqual(['p5', 'p0']);
  });

  it('finds what a selector and a text ask for, and says how much it looked at', async () => {
    for (let i = 0; i < 100; i++) {
      channel.sendToQueue('q', Buffer.from(`message ${i}`), { headers: { colour: i % 10 === 0 ? 'red' : 'blue' } });
    }
    await channel.waitForConfirms();
    const red = await peek(`?limit=3&selector=${encodeURIComponent("colour = 'red'")}`);
    expect(bodies(red)).toEqual(['message 0', 'message 10', 'message 20']);
    expect(red.body).toMatchObject({ scanned: 21, of: 100 });
    const both = await peek(`?text=message%205&selector=${encodeURIComponent("colour = 'red'")}`);
    expect(bodies(both)).toEqual(['message 50']);
    expect(both.body).toMatchObject({ scanned: 100, of: 100, next: null });
    expect((await peek('?selector=a%20%3D')).body).toMatchObject({
      status: 400,
      detail: expect.stringContaining('selector'),
    });
  });

  it('says after as long as is asked how far it has come, and goes on from there', async () => {
    await fill(
      channel,
      'q',
      Array.from({ length: 3_000 }, (_, i) => (i === 2_500 ? 'needle' : 'hay')),
    );
    let scanned = 0;
    const found: string[] = [];
    let next: string | null = 'oldest';
    while (next !== null) {
      const { body } = await peek(`?text=needle&withinMs=1&from=${next}`);
      expect(body.of).toBe(3_000);
      scanned += body.scanned;
      found.push(...body.messages.map((one: { body: string }) => one.body));
      next = body.next;
    }
    expect([scanned, found]).toEqual([3_000, ['needle']]);
    expect((await peek('?withinMs=0')).status).toBe(400);
    expect((await peek('?withinMs=5001')).status).toBe(400);
  });

  it('writes bodies as text, base64 or JSON, and cuts them where characters end', async () => {
    await fill(channel, 'q', ['{"a":1}', Buffer.from([0xff, 0xfe]), 'ä'.repeat(10)]);
    const auto = await peek('?body=auto&bodyBytes=7');
    expect(auto.body.messages).toMatchObject([
      { body: '{"a":1}', bodyForm: 'text', cut: false, bodyBytes: 7 },
      { body: '//4=', bodyForm: 'base64' },
      { body: 'äää', bodyForm: 'text', cut: true, bodyBytes: 20 },
    ]);
    expect((await peek('?body=json')).body.messages[0]).toMatchObject({ body: { a: 1 }, bodyForm: 'json' });
    expect((await peek('?body=base64')).body.messages[0]).toMatchObject({ body: 'eyJhIjoxfQ==', bodyForm: 'base64' });
    expect((await peek('?body=none')).body.messages[0]).not.toHaveProperty('body');
  });

  it('shows the beginning of a large body, and finds a text at its end', async () => {
    await fill(channel, 'q', [`begin ${'x'.repeat(700_000)} needle`, 'small']);
    const found = await peek('?text=needle&bodyBytes=5');
    expect(found.body.messages).toMatchObject([{ body: 'begin', cut: true, bodyBytes: 700_013 }]);
    expect((await peek('?text=nothing')).body).toMatchObject({ messages: [], scanned: 2, next: null });
  });

  it('shows properties and headers', async () => {
    await fill(channel, 'q', ['x'], { messageId: 'm', contentType: 'text/plain', headers: { n: 5 }, persistent: true });
    expect((await peek()).body.messages[0]).toMatchObject({
      ...{ routingKey: 'q', exchange: '', persistent: true },
      properties: { messageId: 'm', contentType: 'text/plain' },
      headers: { n: 5 },
    });
  });

  it('says how often a message has died, wherever and for whatever', async () => {
    const args = { deadLetterExchange: '', deadLetterRoutingKey: 'dead' };
    await channel.assertQueue('dead', { deadLetterExchange: '', deadLetterRoutingKey: 'fatal' });
    await channel.assertQueue('fatal', args);
    await fill(channel, 'fatal', ['x']);
    for (const queue of ['fatal', 'dead', 'fatal']) {
      const got = await channel.get(queue);
      if (got !== false) channel.nack(got, false, false);
      await channel.checkQueue(queue);
    }
    expect((await peek('', 'dead')).body.messages).toMatchObject([{ deaths: 3, attempts: 0 }]);
  });

  it('asks for a login, the tag and the permission to read', async () => {
    await broker.close();
    const users = {
      root: {
        password: 'r',
        tags: ['administrator'],
        permissions: { '/': { configure: '.*', write: '.*', read: '.*' } },
      },
      plain: { password: 'p', permissions: { '/': { configure: '.*', write: '.*', read: '.*' } } },
      blind: { password: 'b', tags: ['management'], permissions: { '/': { configure: '.*', write: '.*', read: '' } } },
    };
    broker = await startV1({ users } as never);
    const put = await fetch(`http://127.0.0.1:${broker.port('http')}/api/queues/%2F/q`, {
      method: 'PUT',
      headers: { authorization: `Basic ${Buffer.from('root:r').toString('base64')}` },
      body: '{}',
    });
    expect(put.status).toBe(201);
    const none = await broker.ask('/vhosts/%2F/queues/q/messages', { login: null });
    expect(none).toMatchObject({ status: 401, body: { code: 'not-logged-in' } });
    expect(none.headers.get('content-type')).toBe('application/problem+json');
    expect(none.headers.get('www-authenticate')).toContain('Basic');
    expect((await peek('', 'q', 'plain:p')).status).toBe(403);
    expect(await peek('', 'q', 'blind:b')).toMatchObject({ status: 403, body: { code: 'access-refused' } });
    expect((await peek('', 'gone', 'root:r')).status).toBe(404);
    expect((await peek('', 'q', 'root:r')).status).toBe(200);
  });

  it("shows a queue that is exclusive to another user's client to administrators alone", async () => {
    await broker.close();
    const permissions = { '/': { configure: '.*', write: '.*', read: '.*' } };
    broker = await startV1({
      users: {
        guest: { password: 'guest', tags: ['administrator'], permissions },
        some: { password: 's', tags: ['management'], permissions },
      },
    } as never);
    channel = await broker.channel();
    await channel.assertQueue('mine', { exclusive: true });
    expect((await peek('', 'mine')).status).toBe(200);
    expect(await peek('', 'mine', 'some:s')).toMatchObject({ status: 423, body: { code: 'resource-locked' } });
    const purged = await broker.ask('/vhosts/%2F/queues/mine/messages', { method: 'DELETE', login: 'some:s' });
    expect(purged.status).toBe(423);
  });

  it.each(['?limit=0', '?limit=x', '?from=middle', '?wrong=1', '?limit=1&limit=2', '?body=xml', '?bodyBytes=-1'])(
    'refuses %s, and says what is wrong',
    async (query) => {
      const answered = await peek(query);
      expect(answered).toMatchObject({ status: 400, body: { title: 'Bad Request', code: 'invalid' } });
      expect(answered.body.errors[0].where).toMatch(/^query/);
    },
  );
});

describe('the whole body of a message', () => {
  it('comes as it was sent, however long, to who may read the queue, and nothing is taken', async () => {
    const channel = await broker.channel();
    await channel.assertQueue('whole');
    const long = Buffer.alloc(5 * 1024 * 1024 + 17, 'a long body, ');
    await fill(channel, 'whole', ['short', long, '']);
    const { messages } = (await broker.ask('/vhosts/%2F/queues/whole/messages?body=none')).body;
    const got: Buffer[] = [];
    for (const { position } of messages) {
      const target = `http://127.0.0.1:${broker.port('http')}/v1/vhosts/%2F/queues/whole/messages/${position}/body`;
      const response = await fetch(target, {
        headers: { authorization: `Basic ${btoa('guest:guest')}`, 'accept-encoding': 'identity' },
      });
      expect(response.headers.get('content-type')).toBe('application/octet-stream');
      got.push(Buffer.from(await response.arrayBuffer()));
      expect(response.headers.get('content-length')).toBe(String(got.at(-1)!.length));
    }
    expect(got.map(({ length }) => length)).toEqual([5, long.length, 0]);
    expect(got[1]!.equals(long)).toBe(true);
    expect((await channel.checkQueue('whole')).messageCount).toBe(3);
    for (const nothing of ['999999', 'x', '-1']) {
      expect((await broker.ask(`/vhosts/%2F/queues/whole/messages/${nothing}/body`)).status).toBe(404);
    }
  });
});
