/** Message groups: `JMSXGroupID` keeps messages with one consumer, until it goes or a message says `JMSXGroupSeq:-1`. */
import { expect } from 'vitest';
import type { StompClient } from '../clients/client.ts';
import { scenario, topic } from '../scenario.ts';

/** The client sends messages of a group, one by one, each with these headers besides. */
async function sendGroup(client: StompClient, queue: string, group: string, ...bodies: (string | [string, object])[]) {
  for (const one of bodies) {
    const [body, more] = typeof one === 'string' ? [one, {}] : one;
    await client.send(queue, body, { JMSXGroupID: group, ...more });
  }
}

export const groups = topic('message groups', [
  scenario('a group stays with the consumer that got its first message', 'activemq:message groups', async (t) => {
    const queue = t.queue();
    const [client, other] = [await t.client(), await t.client()];
    const [first, second] = [await client.subscribe(queue), await other.subscribe(queue)];
    await sendGroup(client, queue, 'a', 'a1', 'a2', 'a3');
    await sendGroup(client, queue, 'b', 'b1', 'b2', 'b3');
    // Which of them gets which group is the broker's choice.
    const taken = await Promise.all([first.texts(3), second.texts(3)]);
    expect(taken.sort()).toEqual([
      ['a1', 'a2', 'a3'],
      ['b1', 'b2', 'b3'],
    ]);
  }),

  scenario(
    'JMSXGroupSeq:-1 goes to its owner, and the next message begins the group anew',
    'activemq:message groups',
    async (t) => {
      const queue = t.queue();
      const [client, other] = [await t.client(), await t.client()];
      const first = await client.subscribe(queue);
      await sendGroup(client, queue, 'a', 'a1');
      expect(await first.texts(1)).toEqual(['a1']);
      const second = await other.subscribe(queue);
      await sendGroup(client, queue, 'a', ['a2', { JMSXGroupSeq: '-1' }]);
      expect(await first.texts(1)).toEqual(['a2']);
      await sendGroup(client, queue, 'other', 'o1');
      await sendGroup(client, queue, 'a', 'b1', 'b2');
      // One of the two groups is the second consumer's now: which one is the broker's choice, but all of it.
      const [mine, others] = await Promise.all([first.texts(1), second.texts(1)]);
      const taken = new Map([
        ['first', mine[0]!],
        ['second', others[0]!],
      ]);
      expect([...taken.values()].sort()).toEqual(['b1', 'o1']);
      const owner = mine[0] === 'b1' ? first : second;
      expect(await owner.texts(1)).toEqual(['b2']);
    },
  ),

  scenario('the owner gone, its group goes on with another', 'activemq:message groups', async (t) => {
    const queue = t.queue();
    const [client, owner] = [await t.client(), await t.client()];
    const held = await owner.subscribe(queue, { ack: 'client-individual' });
    await sendGroup(client, queue, 'a', 'a1', 'a2');
    expect(await held.texts(2)).toEqual(['a1', 'a2']);
    const next = await client.subscribe(queue);
    owner.cut();
    expect(await next.texts(2)).toEqual(['a1', 'a2']);
    await sendGroup(client, queue, 'a', 'a3');
    expect(await next.texts(1)).toEqual(['a3']);
  }),

  scenario(
    'a message does not say that it is the first of its group for its consumer',
    'activemq:message groups',
    async (t) => {
      const queue = t.queue();
      const client = await t.client();
      const reader = await client.subscribe(queue);
      await sendGroup(client, queue, 'a', 'a1', 'a2');
      for (const { headers } of await reader.take(2)) expect(headers).not.toHaveProperty('JMSXGroupFirstForConsumer');
    },
  ),
]);
