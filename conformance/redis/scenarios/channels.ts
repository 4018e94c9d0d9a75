/** Publish and subscribe. */
import { expect } from 'vitest';
import { Push } from '../../../test/protocols/redis/raw-client.ts';
import { byHand, scenario, topic } from '../scenario.ts';

export const channels = topic('channels', [
  scenario('a subscriber gets what is published, and PUBLISH tells how many do', async (t) => {
    const [subscriber, other, client] = [await t.subscriber(), await t.subscriber(), await t.client()];
    const news = t.name('news');
    expect(await client.call('PUBLISH', news, 'early')).toBe(0);
    await subscriber.subscribe(news);
    expect(await client.call('PUBLISH', news, 'one')).toBe(1);
    await other.subscribe(news, t.name('else'));
    expect(await client.call('PUBLISH', news, 'two')).toBe(2);
    expect(await subscriber.next()).toBe(`${news} one`);
    expect(await subscriber.next()).toBe(`${news} two`);
    expect(await other.next()).toBe(`${news} two`);
  }),
  scenario('a channel is its name, byte for byte, whatever it is made of', async (t) => {
    const [subscriber, client] = [await t.subscriber(), await t.client()];
    const names = ['a.*', 'a.#', 'a/b', 'a:b:c', 'socket.io#/#', '#', '*', '$sys', 'a..b', '.', '[x]', '\\'].map(
      (name) => t.name(name),
    );
    names.push(`#.${t.name('z')}`, `${t.name('y')}.*`);
    for (const name of names) await subscriber.subscribe(name);
    for (const name of names) {
      expect(await client.call('PUBLISH', name, 'm')).toBe(1);
      expect(await subscriber.next()).toBe(`${name} m`);
    }
    expect(await client.call('PUBLISH', `${t.name('y')}.q`, 'm')).toBe(0);
    expect(await client.call('PUBLISH', `q.${t.name('z')}`, 'm')).toBe(0);
    expect(subscriber.unread).toEqual([]);
  }),
  scenario('a pattern gets the channels that it matches, and no others', async (t) => {
    const [subscriber, client] = [await t.subscriber(), await t.client()];
    const base = t.name('p');
    const patterns = [`${base}.*.end`, `${base}.h?llo`, `${base}.h[ae]x*`, `${base}:*`, `${base}.\\*`];
    for (const pattern of patterns) await subscriber.psubscribe(pattern);
    const cases: [string, number | null][] = [
      [`${base}.a.end`, 0],
      [`${base}.a.b.end`, 0],
      [`${base}..end`, 0],
      [`${base}.end`, null],
      [`${base}.hello`, 1],
      [`${base}.h.llo`, 1],
      [`${base}.hllo`, null],
      [`${base}.hax`, 2],
      [`${base}.hex.y.z`, 2],
      [`${base}.hix`, null],
      [`${base}:a.b`, 3],
      [`${base}:`, 3],
      [`${base}`, null],
      [`${base}.*`, 4],
      [`${base}.x`, null],
    ];
    for (const [channel, index] of cases) {
      expect([channel, await client.call('PUBLISH', channel, 'm')]).toEqual([channel, index === null ? 0 : 1]);
      if (index !== null) expect(await subscriber.next()).toBe(`${patterns[index]} ${channel} m`);
    }
    expect(subscriber.unread).toEqual([]);
  }),
  scenario('several subscriptions of one client are several copies', async (t) => {
    const [subscriber, client] = [await t.subscriber(), await t.client()];
    const name = t.name('c');
    await subscriber.subscribe(name);
    await subscriber.psubscribe(`${name}*`);
    await subscriber.psubscribe(`*${name}`);
    expect(await client.call('PUBLISH', name, 'm')).toBe(3);
    const got = [await subscriber.next(), await subscriber.next(), await subscriber.next()];
    expect(got.sort()).toEqual([`${name} m`, `${name}* ${name} m`, `*${name} ${name} m`].sort());
  }),
  scenario('nothing comes after UNSUBSCRIBE and PUNSUBSCRIBE', async (t) => {
    const [subscriber, client] = [await t.subscriber(), await t.client()];
    const [a, b] = [t.name('a'), t.name('b')];
    await subscriber.subscribe(a, b);
    await subscriber.psubscribe(`${a}.*`);
    await subscriber.psubscribe(`${a}.?`);
    await subscriber.unsubscribe(a);
    await subscriber.punsubscribe(`${a}.*`);
    expect(await client.call('PUBLISH', a, 'm')).toBe(0);
    expect(await client.call('PUBLISH', `${a}.x`, 'm')).toBe(1);
    expect(await client.call('PUBLISH', `${a}.xy`, 'm')).toBe(0);
    expect(await client.call('PUBLISH', b, 'm')).toBe(1);
    expect(await subscriber.next()).toBe(`${a}.? ${a}.x m`);
    expect(await subscriber.next()).toBe(`${b} m`);
  }),
  scenario('PUBSUB tells who has subscribed', async (t) => {
    const [one, two, client] = [await t.subscriber(), await t.subscriber(), await t.client()];
    const [a, b] = [t.name('a'), t.name('b')];
    await one.subscribe(a, b);
    await two.subscribe(a);
    await two.psubscribe(`${a}*`);
    expect(await client.call('PUBSUB', 'NUMSUB', a, b, t.name('c'))).toEqual([a, 2, b, 1, t.name('c'), 0]);
    expect(await client.call('PUBSUB', 'CHANNELS', `[^b]${a.slice(1)}`)).toEqual([a]);
    expect(await client.call('PUBSUB', 'CHANNELS', `x${a}*`)).toEqual([]);
    expect(await client.call('PUBSUB', 'NUMPAT')).toBeGreaterThanOrEqual(1);
    await one.close();
    await two.close();
    for (let i = 0; i < 100; i++) {
      const counts = (await client.call('PUBSUB', 'NUMSUB', a, b)) as unknown[];
      if (counts[1] === 0 && counts[3] === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error('who has gone still counts');
  }),
  scenario('a message may be any bytes, none, and long; order is kept', async (t) => {
    const [subscriber, client] = [await t.subscriber(), await t.client()];
    const name = t.name('c');
    await subscriber.subscribe(name);
    await subscriber.psubscribe(`${name}*`);
    const messages = ['', 'a\0b\r\n', 'x'.repeat(700_000), 'between', 'y'.repeat(400_000), 'last'];
    for (const message of messages) expect(await client.call('PUBLISH', name, message)).toBe(2);
    for (const message of messages) {
      expect(await subscriber.next()).toBe(`${name} ${message}`);
      expect(await subscriber.next()).toBe(`${name}* ${name} ${message}`);
    }
  }),
  byHand('subscriptions are answered one by one, with how many there are', async (t) => {
    const raw = await t.raw();
    const [a, b] = [t.name('a'), t.name('b')];
    expect(await raw.call('SUBSCRIBE', a, b, a)).toEqual(['subscribe', a, 1]);
    expect(await raw.next()).toEqual(['subscribe', b, 2]);
    expect(await raw.next()).toEqual(['subscribe', a, 2]);
    expect(await raw.call('PSUBSCRIBE', `${a}*`)).toEqual(['psubscribe', `${a}*`, 3]);
    expect(await raw.call('UNSUBSCRIBE', t.name('c'))).toEqual(['unsubscribe', t.name('c'), 3]);
    raw.send('UNSUBSCRIBE');
    const left = [await raw.next(), await raw.next()] as [string, string, number][];
    expect(left.map(([, name]) => name).sort()).toEqual([a, b]);
    expect(left.map(([kind, , count]) => [kind, count])).toEqual([
      ['unsubscribe', 2],
      ['unsubscribe', 1],
    ]);
    expect(await raw.call('PUNSUBSCRIBE')).toEqual(['punsubscribe', `${a}*`, 0]);
    expect(await raw.call('UNSUBSCRIBE')).toEqual(['unsubscribe', null, 0]);
    expect(await raw.call('PUNSUBSCRIBE')).toEqual(['punsubscribe', null, 0]);
  }),
  byHand('in RESP2 a client that is subscribed may do little else', async (t) => {
    const raw = await t.raw();
    await raw.call('SUBSCRIBE', t.name('a'));
    expect(await raw.call('PUBLISH', t.name('a'), 'm')).toEqual({
      text: "ERR Can't execute 'publish': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
    });
    expect(await raw.call('PING')).toEqual(['pong', '']);
    expect(await raw.call('PING', 'hi')).toEqual(['pong', 'hi']);
    expect(await raw.call('RESET')).toBe('RESET');
    expect(await raw.call('PING', 'hi')).toBe('hi');
    expect(await raw.call('PUBLISH', t.name('a'), 'm')).toBe(0);
  }),
  byHand('in RESP3 messages are pushes, and come before the reply to a PUBLISH of their own', async (t) => {
    const raw = await t.raw();
    const a = t.name('a');
    expect(await raw.call('HELLO', '3')).toBeInstanceOf(Map);
    expect(await raw.call('SUBSCRIBE', a)).toEqual(new Push(['subscribe', a, 1]));
    expect(await raw.call('PUBLISH', a, 'm')).toEqual(new Push(['message', a, 'm']));
    expect(await raw.next()).toBe(1);
    expect(await raw.call('PSUBSCRIBE', `${a}*`)).toEqual(new Push(['psubscribe', `${a}*`, 2]));
    expect(await raw.call('PING')).toBe('PONG');
    expect(await raw.call('LPUSH', t.name('q'), 'x')).toBe(1);
    expect(await raw.call('RPOP', t.name('q'))).toBe('x');
    expect(await raw.call('PUBSUB', 'NUMSUB', a)).toEqual([a, 1]);
  }),
]);
