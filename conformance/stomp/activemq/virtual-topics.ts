/** Virtual topics: each consumer's queue gets a copy of what is published to the topic. */
import { expect } from 'vitest';
import { scenario, topic } from '../scenario.ts';

export const virtualTopics = topic('virtual topics', [
  scenario('each consumer name gets one copy, shared by who reads it', 'activemq:virtual topics', async (t) => {
    const name = `VirtualTopic.${t.name('v')}`;
    const [a1, a2, b] = [await t.client(), await t.client(), await t.client()];
    const ofA1 = await a1.subscribe(`/queue/Consumer.A.${name}`);
    const ofA2 = await a2.subscribe(`/queue/Consumer.A.${name}`);
    const ofB = await b.subscribe(`/queue/Consumer.B.${name}`);
    const publisher = await t.client();
    for (const body of ['1', '2', '3', '4']) await publisher.send(`/topic/${name}`, body);
    expect(await ofB.texts(4)).toEqual(['1', '2', '3', '4']);
    const shared = [...(await ofA1.texts(2)), ...(await ofA2.texts(2))];
    expect(shared.sort()).toEqual(['1', '2', '3', '4']);
  }),

  scenario('a plain subscriber to the topic gets it as well', 'activemq:virtual topics', async (t) => {
    const name = `VirtualTopic.${t.name('v')}`;
    const client = await t.client();
    const [queue, plain] = [
      await client.subscribe(`/queue/Consumer.A.${name}`),
      await client.subscribe(`/topic/${name}`),
    ];
    await client.send(`/topic/${name}`, 'x');
    expect([await queue.texts(1), await plain.texts(1)]).toEqual([['x'], ['x']]);
  }),

  scenario('a consumer of a wildcard gets what is below', 'activemq:virtual topics', async (t) => {
    const name = `VirtualTopic.${t.name('v')}`;
    const client = await t.client();
    const all = await client.subscribe(`/queue/Consumer.A.${name}.>`);
    const one = await client.subscribe(`/queue/Consumer.B.${name}.*`);
    await client.send(`/topic/${name}.x`, 'x');
    await client.send(`/topic/${name}.x.y`, 'y');
    await client.send(`/topic/${name}.z`, 'z');
    expect(await all.texts(3)).toEqual(['x', 'y', 'z']);
    expect(await one.texts(2)).toEqual(['x', 'z']);
  }),

  scenario('the queue keeps what comes while nobody reads it', 'activemq:virtual topics', async (t) => {
    const name = `VirtualTopic.${t.name('v')}`;
    const first = await t.client();
    await first.subscribe(`/queue/Consumer.A.${name}`);
    await first.disconnect();
    const client = await t.client();
    await client.send(`/topic/${name}`, 'kept', { persistent: 'true' });
    const again = await client.subscribe(`/queue/Consumer.A.${name}`);
    expect(await again.texts(1)).toEqual(['kept']);
  }),

  scenario(
    'its queues are named in one list',
    'activemq:virtual topics',
    async (t) => {
      const [v, w] = [`VirtualTopic.${t.name('v')}`, `VirtualTopic.${t.name('w')}`];
      const client = await t.client();
      const both = await client.subscribe(`/queue/Consumer.A.${v},/queue/Consumer.A.${w}`);
      await client.send(`/topic/${v}`, 'v');
      await client.send(`/topic/${w}`, 'w');
      expect((await both.texts(2)).sort()).toEqual(['v', 'w']);
    },
    ['lists-wait'],
  ),
]);
