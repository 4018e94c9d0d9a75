/** What happens in the broker, told over `/v1/events`; and a reader who does not read. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerEvents } from '../../../src/broker/events.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { EVENTS_KEPT_MAX, EventStream } from '../../../src/operator/event-stream.ts';
import { startV1, type V1Broker } from './harness.ts';

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

/** What comes, event by event, until all of `count` are there. */
async function listen(
  query = '',
  login = 'guest:guest',
): Promise<(count: number) => Promise<{ event: string; data: Record<string, unknown> }[]>> {
  const response = await fetch(`http://127.0.0.1:${broker.port('http')}/v1/events${query}`, {
    headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
    signal: ends.signal,
  });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const reader = response.body!.getReader();
  let text = '';
  const events: { event: string; data: Record<string, unknown> }[] = [];
  const more = async (): Promise<void> => {
    const { value } = await reader.read();
    text += Buffer.from(value ?? []).toString();
    const parts = text.split('\n\n');
    text = parts.pop()!;
    for (const part of parts) {
      const event = /^event: (.*)$/m.exec(part)?.[1];
      if (event !== undefined) events.push({ event, data: JSON.parse(/^data: (.*)$/m.exec(part)![1]!) });
    }
  };
  await more();
  return async (count) => {
    while (events.length < count) await more();
    return events;
  };
}

describe('events', () => {
  it('tell of connections, queues and policies', async () => {
    const heard = await listen();
    const channel = await broker.channel();
    await channel.assertQueue('q');
    await broker.setPolicy('/', { name: 'p', pattern: '^q', definition: { 'max-length': 5 } });
    await broker.clearPolicy('/', 'p');
    await channel.deleteQueue('q');
    expect(await heard(5)).toMatchObject([
      {
        event: 'connection-opened',
        data: {
          vhost: '/',
          user: 'guest',
          protocol: 'amqp',
          client: expect.stringContaining('127.0.0.1:'),
          at: expect.any(String),
        },
      },
      { event: 'queue-made', data: { vhost: '/', queue: 'q' } },
      { event: 'policy-set', data: { policy: 'p', of: 'policy' } },
      { event: 'policy-deleted', data: { policy: 'p' } },
      { event: 'queue-deleted', data: { queue: 'q' } },
    ]);
  });

  it('of some kinds alone, and of users and vhosts', async () => {
    expect((await broker.ask('/events?kind=nothing')).status).toBe(400);
    await broker.users.put('root', { password: 'root', tags: ['administrator'] }); // with whom guest ends
    const heard = await listen('?kind=rights-changed,vhost-made,vhost-deleted', 'root:root');
    await broker.operator.vhosts.put('v', { description: '', tags: [] } as never);
    await broker.users.put('u', { password: 'u' });
    await broker.operator.vhosts.delete('v');
    const kinds = (await heard(3)).map(({ event }) => event);
    expect(kinds[0]).toBe('vhost-made');
    expect(kinds).toContain('rights-changed');
    await heard(kinds.includes('vhost-deleted') ? 3 : 4);
  });

  it('end with the tag that they ask for, and with the user', async () => {
    const given = { password: 'p', tags: ['monitoring'] };
    for (const user of ['ann', 'bob', 'eve']) await broker.users.put(user, given);
    const open = async (user: string): Promise<ReadableStreamDefaultReader<Uint8Array>> => {
      const { body } = await fetch(`http://127.0.0.1:${broker.port('http')}/v1/events?kind=rights-changed`, {
        headers: { authorization: `Basic ${Buffer.from(`${user}:p`).toString('base64')}` },
        signal: ends.signal,
      });
      const reader = body!.getReader();
      await reader.read(); // it has begun
      return reader;
    };
    const [ann, bob, eve] = [await open('ann'), await open('bob'), await open('eve')];
    await broker.users.put('ann', { password: 'p', tags: ['management'] });
    await broker.users.delete('bob');
    expect(await ann.read()).toMatchObject({ done: true });
    for (let next = await bob.read(); !next.done; next = await bob.read()); // what came while he might
    expect(Buffer.from((await eve.read()).value!).toString()).toContain('event: rights-changed');
  });

  it('are told to so many readers, of whom those that have gone make room', async () => {
    for (let i = 0; i < 32; i++) await listen();
    expect((await broker.ask('/events')).status).toBe(503);
    ends.abort();
    await expect
      .poll(async () => {
        const again = new AbortController();
        const { status } = await fetch(`http://127.0.0.1:${broker.port('http')}/v1/events`, {
          headers: { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` },
          signal: again.signal,
        });
        again.abort();
        return status;
      })
      .toBe(200);
  });
});

describe('a reader who does not read', () => {
  it('loses the oldest and hears how many, while nobody waits for him', async () => {
    const source = new BrokerEvents();
    const stream = new EventStream(source, new ManualClock(), undefined, () => {});
    const sent = 5 * EVENTS_KEPT_MAX + 7;
    for (let i = 1; i <= sent; i++) source.tell({ kind: 'queue-made', vhost: '/', queue: `q${i}` });
    const events = await stream.next(1_000);
    expect(events).toHaveLength(EVENTS_KEPT_MAX);
    expect(stream.dropped).toBe(sent - EVENTS_KEPT_MAX);
    expect(events.at(-1)).toMatchObject({ number: sent, event: { queue: `q${sent}` } });
    stream.end();
    expect(source.watched).toBe(false);
  });

  it('hears nothing after a while of nothing, so that his connection is not taken for dead', async () => {
    const clock = new ManualClock();
    const stream = new EventStream(new BrokerEvents(), clock, undefined, () => {});
    const waiting = stream.next(1_000);
    clock.advance(1_100);
    expect(await waiting).toEqual([]);
    stream.end();
  });
});
