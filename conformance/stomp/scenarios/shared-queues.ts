/** Queues that several subscriptions read, or name one after the other, and what becomes of them. */
import { expect } from 'vitest';
import { until } from '../../support/inbox.ts';
import { errorOf } from '../clients/frames.ts';
import { frames, scenario, topic } from '../scenario.ts';

export const sharedQueues = topic('shared queues', [
  scenario(
    'a queue that has a name is shared, and bound once more by each who names it',
    'rabbitmq:user generated queue names',
    async (t) => {
      const name = t.name('orders');
      const named = { 'x-queue-name': name, durable: 'true', 'auto-delete': 'false' };
      const topics = [t.topic('a'), t.topic('b')] as const;
      const first = await t.client();
      await first.subscribe(topics[0], { id: '1', ...named });
      await first.disconnect();
      const second = await t.client();
      const subscription = await second.subscribe(topics[1], { id: '2', ...named });
      await second.send(topics[0], 'to a');
      await second.send(topics[1], 'to b');
      await second.send(`/queue/${name}`, 'to the queue');
      expect((await subscription.texts(3)).sort()).toEqual(['to a', 'to b', 'to the queue']);
      await subscription.unsubscribe({ durable: 'true' });
      const third = await t.client();
      const reader = await third.subscribe(`/amq/queue/${name}`);
      await third.send(topics[0], 'still bound');
      expect(await reader.texts(1)).toEqual(['still bound']);
    },
    ['no-exchanges'],
  ),

  scenario(
    'what comes for a named queue waits for whoever names it again',
    'rabbitmq:user generated queue names',
    async (t) => {
      const named = { 'x-queue-name': t.name('n'), 'auto-delete': 'false' };
      const name = t.topic();
      const first = await t.client();
      await first.subscribe(name, named);
      await first.disconnect();
      const publisher = await t.client();
      for (const body of ['1', '2', '3']) await publisher.send(name, body);
      const [one, two] = [await t.client(), await t.client()];
      const subscriptions = [await one.subscribe(name, named), await two.subscribe(name, named)];
      const bodies = (): string[] => subscriptions.flatMap(({ messages }) => messages.map(({ body }) => String(body)));
      await until(() => bodies().length === 3, 'three messages');
      expect(bodies().sort()).toEqual(['1', '2', '3']);
    },
    ['no-exchanges'],
  ),

  scenario(
    'a durable subscription that two connections share stays while one of them has it',
    'rabbitmq:durable topic subscriptions',
    async (t) => {
      const durable = { id: t.name('s'), durable: 'true', 'auto-delete': 'false' };
      const name = t.topic();
      const [one, two] = [await t.client(), await t.client()];
      const first = await one.subscribe(name, durable);
      const second = await two.subscribe(name, durable);
      await first.unsubscribe({ durable: 'true' });
      if (t.differs('deletes-shared-subscriptions')) {
        await two.refusal;
        return;
      }
      await one.send(name, 'x');
      expect(await second.texts(1)).toEqual(['x']);
    },
    ['no-exchanges'],
  ),

  frames(
    'a queue that went with its consumer is there again for the next SUBSCRIBE',
    'rabbitmq:auto-delete',
    async (t) => {
      const client = await t.raw();
      const destination = t.queue();
      const wish = { id: '1', destination, 'auto-delete': 'true' };
      await client.confirmed('SUBSCRIBE', wish);
      await client.confirmed('UNSUBSCRIBE', { id: '1' });
      client.send('SUBSCRIBE', wish);
      if (t.differs('declares-once')) {
        await errorOf(client);
        return;
      }
      await client.confirmed('SEND', { destination, 'auto-delete': 'true' }, 'x');
      expect((await client.take('MESSAGE')).body.toString()).toBe('x');
    },
    ['no-exchanges'],
  ),
]);
