/** Composite destinations: several in one header. */
import { expect } from 'vitest';
import { scenario, topic } from '../scenario.ts';

export const composite = topic('composite destinations', [
  scenario('a SEND reaches every destination that is listed', 'activemq:composite destinations', async (t) => {
    const [a, b, c] = [t.queue('a'), t.queue('b'), t.topic('c')];
    const client = await t.client();
    const [ofA, ofB, ofC] = [await client.subscribe(a), await client.subscribe(b), await client.subscribe(c)];
    await client.send(`${a},${b},${c}`, 'all');
    for (const [subscription, destination] of [
      [ofA, a],
      [ofB, b],
      [ofC, c],
    ] as const) {
      const message = await subscription.next();
      expect([message.body.toString(), message.headers['destination']]).toEqual(['all', destination]);
      expect(message.headers['original-destination']).toBeDefined();
    }
  }),

  scenario('names that follow are of the kind of the first', 'activemq:composite destinations', async (t) => {
    const [a, b] = [t.name('a'), t.name('b')];
    const client = await t.client();
    const [ofA, ofB] = [await client.subscribe(`/queue/${a}`), await client.subscribe(`/queue/${b}`)];
    await client.send(`/queue/${a},${b}`, 'both');
    expect([await ofA.texts(1), await ofB.texts(1)]).toEqual([['both'], ['both']]);
  }),

  scenario('in a transaction all get theirs with the commit', 'activemq:composite destinations', async (t) => {
    const [a, b] = [t.queue('a'), t.queue('b')];
    const client = await t.client();
    const [ofA, ofB] = [await client.subscribe(a), await client.subscribe(b)];
    const given = await client.begin();
    await client.send(`${a},${b}`, 'undone', { transaction: given.id });
    await given.abort();
    const kept = await client.begin();
    await client.send(`${a},${b}`, 'done', { transaction: kept.id });
    await kept.commit();
    expect([await ofA.texts(1), await ofB.texts(1)]).toEqual([['done'], ['done']]);
  }),

  scenario('a subscription reads all queues that are listed', 'activemq:composite destinations', async (t) => {
    const [a, b] = [t.queue('a'), t.queue('b')];
    const client = await t.client();
    const both = await client.subscribe(`${a},${b}`);
    await client.send(a, 'of a');
    await client.send(b, 'of b');
    expect((await both.texts(2)).sort()).toEqual(['of a', 'of b']);
  }),

  scenario(
    'a subscription to several queues gets what is in them already',
    'activemq:composite destinations',
    async (t) => {
      const [a, b] = [t.queue('a'), t.queue('b')];
      const client = await t.client();
      await client.send(a, 'of a');
      await client.send(b, 'of b');
      const both = await client.subscribe(`${a},${b}`);
      expect((await both.texts(2)).sort()).toEqual(['of a', 'of b']);
    },
    ['lists-wait'],
  ),

  scenario('a subscription reads a list of queues and topics', 'activemq:composite destinations', async (t) => {
    const [a, b] = [t.queue('a'), t.topic('b')];
    const client = await t.client();
    const both = await client.subscribe(`${a},${b}`);
    await client.send(a, 'of the queue');
    await client.send(b, 'of the topic');
    if (t.differs('mixed-lists-halved')) expect(await both.texts(1)).toEqual(['of the queue']);
    else expect((await both.texts(2)).sort()).toEqual(['of the queue', 'of the topic']);
  }),

  scenario('a cumulative ACK settles what came of any of them', 'activemq:composite destinations', async (t) => {
    const [a, b] = [t.queue('a'), t.queue('b')];
    const reader = await t.client();
    const both = await reader.subscribe(`${a},${b}`, { ack: 'client' });
    const client = await t.client();
    await client.send(a, '1');
    await client.send(b, '2');
    const [, last] = await both.take(2);
    await reader.ack(last!);
    await reader.disconnect();
    const [ofA, ofB] = [await client.subscribe(a), await client.subscribe(b)];
    await client.send(`${a},${b}`, 'next');
    expect([await ofA.texts(1), await ofB.texts(1)]).toEqual([['next'], ['next']]);
  }),

  scenario('after UNSUBSCRIBE nothing comes of any of them', 'activemq:composite destinations', async (t) => {
    const [a, b] = [t.queue('a'), t.queue('b')];
    const client = await t.client();
    const both = await client.subscribe(`${a},${b}`);
    await both.unsubscribe();
    await client.send(`${a},${b}`, 'x');
    const [ofA, ofB] = [await client.subscribe(a), await client.subscribe(b)];
    expect([await ofA.texts(1), await ofB.texts(1), both.messages.length]).toEqual([['x'], ['x'], 0]);
  }),
]);
