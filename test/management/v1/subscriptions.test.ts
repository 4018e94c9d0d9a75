/** Messages over `/v1/`: no more under way than the reader has room for, settled when he has them, and nothing kept for who does not read. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { fill, startV1, type V1Broker } from './harness.ts';

let broker: V1Broker;
let ends: AbortController;
beforeEach(async () => {
  ends = new AbortController();
  broker = await startV1();
});
afterEach(async () => {
  ends.abort();
  await broker.close();
});

interface Heard {
  readonly event: string;
  readonly id: number;
  readonly data: Record<string, unknown>;
}

interface Reader {
  readonly id: string;
  /** All events so far, once there are so many after the first. */
  heard(count: number): Promise<readonly Heard[]>;
  received(upTo: number): Promise<number>;
}

async function subscribe(query: string, login = 'guest:guest'): Promise<Reader> {
  const response = await fetch(`http://127.0.0.1:${broker.port('http')}/v1/vhosts/%2F/subscription?${query}`, {
    headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
    signal: ends.signal,
  });
  expect(response.status).toBe(200);
  const reader = response.body!.getReader();
  let text = '';
  const events: Heard[] = [];
  const more = async (): Promise<void> => {
    const { value, done } = await reader.read();
    if (done) throw new Error('the stream has ended');
    text += Buffer.from(value).toString();
    const parts = text.split('\n\n');
    text = parts.pop()!;
    for (const part of parts) {
      const event = /^event: (.*)$/m.exec(part)?.[1];
      if (event === undefined) continue;
      const id = Number(/^id: (.*)$/m.exec(part)?.[1] ?? 0);
      events.push({ event, id, data: JSON.parse(/^data: (.*)$/m.exec(part)![1]!) });
    }
  };
  while (events.length === 0) await more();
  const [first] = events.splice(0, 1);
  expect(first!.event).toBe('subscribed');
  const id = String(first!.data['subscription']);
  return {
    id,
    async heard(count) {
      while (events.length < count) await more();
      return events;
    },
    received: async (upTo) =>
      (await broker.ask(`/subscriptions/${id}/received`, { method: 'POST', body: { upTo } })).status,
  };
}

function queueNamed(name: string) {
  return broker.broker.vhostsByName.get('/')!.topology.queues.get(name)!;
}

describe('of a queue', () => {
  it('come up to the window, are settled when they are reported, and make room then', async () => {
    const channel = await broker.channel();
    await channel.assertQueue('q');
    await fill(channel, 'q', ['a', 'b', 'c', 'd', 'e']);
    const reader = await subscribe('queue=q&window=2');
    expect(await reader.heard(2)).toMatchObject([
      { event: 'message', id: 1, data: { routingKey: 'q', body: 'a', bodyForm: 'text', cut: false } },
      { event: 'message', id: 2, data: { body: 'b' } },
    ]);
    expect([queueNamed('q').messages, queueNamed('q').unsettledCount]).toEqual([3, 2]);
    expect(await reader.received(1)).toBe(204);
    expect(await reader.heard(3)).toMatchObject([{}, {}, { id: 3, data: { body: 'c' } }]);
    expect([queueNamed('q').messages, queueNamed('q').unsettledCount]).toEqual([2, 2]);
    ends.abort();
    await until(() => queueNamed('q').messages === 4, 'what was under way is back');
  });

  it('are done once they are sent where they are not acknowledged, and yet come no faster than they are reported', async () => {
    const channel = await broker.channel();
    await channel.assertQueue('q');
    await fill(channel, 'q', ['a', 'b', 'c']);
    const reader = await subscribe('queue=q&window=2&ack=false');
    await reader.heard(2);
    expect([queueNamed('q').messages, queueNamed('q').unsettledCount]).toEqual([1, 0]);
    await reader.received(2);
    expect(await reader.heard(3)).toMatchObject([{}, {}, { data: { body: 'c' } }]);
  });

  it('stay in it while nobody reads the connection', async () => {
    const channel = await broker.channel();
    await channel.assertQueue('q');
    const bodies = Array.from({ length: 400 }, () => Buffer.alloc(100_000, 'x'));
    await fill(channel, 'q', bodies, { persistent: true });
    const unread = await fetch(
      `http://127.0.0.1:${broker.port('http')}/v1/vhosts/%2F/subscription?queue=q&bodyBytes=1048576`,
      {
        headers: { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` },
        signal: ends.signal,
      },
    );
    expect(unread.status).toBe(200);
    const queue = queueNamed('q');
    await until(() => queue.count < 400, 'some have been sent');
    await channel.assertQueue('other');
    for (let i = 0; i < 50; i++) await fill(channel, 'other', ['x']);
    // Kernel buffers and one piece of the stream: nothing like all of it.
    expect(queue.count).toBeGreaterThan(250);
  });

  it('are no more than were asked for, and the others are not touched', async () => {
    const channel = await broker.channel();
    await channel.assertQueue('q');
    await fill(channel, 'q', ['a', 'b', 'c']);
    const reader = await subscribe('queue=q&window=10&count=2');
    await reader.heard(2);
    await reader.received(2);
    expect([queueNamed('q').messages, queueNamed('q').unsettledCount]).toEqual([1, 0]);
  });
});

describe('of an exchange', () => {
  it('that come faster than they are read are dropped from the oldest on, and their number is told', async () => {
    const channel = await broker.channel();
    const reader = await subscribe('exchange=amq.topic&key=a.%23&window=1');
    for (let i = 0; i < 10_100; i++) channel.publish('amq.topic', 'a.b', Buffer.from(String(i)));
    await channel.waitForConfirms();
    await reader.received((await reader.heard(1))[0]!.id);
    const heard = await reader.heard(3);
    const dropped = heard.filter(({ event }) => event === 'dropped');
    expect(dropped.reduce((sum, { data }) => sum + Number(data['count']), 0)).toBeGreaterThanOrEqual(98);
    const bodies = heard.filter(({ event }) => event === 'message').map(({ data }) => Number(data['body']));
    expect(bodies[0]).toBe(0);
    expect(bodies[1]).toBeGreaterThanOrEqual(98);
  });

  it('are the newest where few are kept, and those that went are told', async () => {
    const channel = await broker.channel();
    const reader = await subscribe('exchange=amq.topic&key=a&window=1&ack=false&keep=3');
    for (let i = 0; i < 10; i++) channel.publish('amq.topic', 'a', Buffer.from(`${i}`));
    await channel.waitForConfirms();
    expect((await reader.heard(1))[0]).toMatchObject({ event: 'message', data: { body: '0' } });
    await reader.received(1);
    const dropped = (events: readonly Heard[]): number =>
      events.reduce((sum, { event, data }) => sum + (event === 'dropped' ? Number(data['count']) : 0), 0);
    let heard = await reader.heard(3);
    while (dropped(heard) < 6) heard = await reader.heard(heard.length + 1);
    expect(dropped(heard)).toBe(6);
    expect(heard.filter(({ event }) => event === 'message').map(({ data }) => data['body'])).toEqual(['0', '7']);
  });

  it('ask for the permission to read it, and end when it is taken away', async () => {
    await broker.users.put('root', { password: 'root', tags: ['administrator'] });
    await broker.users.put('eve', { password: 'eve', tags: ['management'] });
    await broker.users.setPermissions('eve', '/', { configure: '', write: '', read: '^mine$' });
    const refused = await broker.ask('/vhosts/%2F/subscription?exchange=amq.topic', { login: 'eve:eve' });
    expect(refused.status).toBe(403);
    await broker.users.setPermissions('eve', '/', { configure: '', write: '', read: '^amq' });
    const reader = await subscribe('exchange=amq.topic&key=%23', 'eve:eve');
    await broker.users.setPermissions('eve', '/', { configure: '', write: '', read: '' });
    expect(await reader.heard(1)).toMatchObject([{ event: 'ended', data: { reason: 'access-refused' } }]);
  });
});

describe('a subscription', () => {
  it('is known to who opened it alone', async () => {
    await broker.users.put('guest', { password: 'guest', tags: ['administrator'] });
    await broker.users.put('eve', { password: 'eve', tags: ['administrator'] });
    await broker.users.setPermissions('guest', '/', { configure: '.*', write: '.*', read: '.*' });
    const { id } = await subscribe('exchange=amq.topic&window=5');
    const asked = { method: 'POST', body: { upTo: 1 } } as const;
    expect((await broker.ask(`/subscriptions/${id}/received`, { ...asked, login: 'eve:eve' })).status).toBe(404);
    expect((await broker.ask(`/subscriptions/${id}x/received`, asked)).status).toBe(404);
    expect((await broker.ask(`/subscriptions/${id}/received`, asked)).status).toBe(204);
  });

  it('names a queue or an exchange, and there are so many at a time', async () => {
    for (const query of ['', '?queue=q&exchange=x', '?queue=q&window=-1', '?queue=q&count=0']) {
      expect((await broker.ask(`/vhosts/%2F/subscription${query}`)).status).toBe(400);
    }
    expect((await broker.ask('/vhosts/%2F/subscription?queue=nowhere')).status).toBe(404);
    expect((await broker.ask('/vhosts/%2F/subscription?exchange=nowhere')).status).toBe(404);
    for (let i = 0; i < 64; i++) await subscribe('exchange=amq.topic');
    expect((await broker.ask('/vhosts/%2F/subscription?exchange=amq.topic')).status).toBe(503);
  });
});
