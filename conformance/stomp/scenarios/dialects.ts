/** What only one of the two peers knows: RabbitMQ's exchanges and its durable subscriptions; ActiveMQ's own. */
import { expect } from 'vitest';
import { until } from '../../support/inbox.ts';
import { scenario, topic } from '../scenario.ts';

export const dialects = topic('dialects', [
  scenario(
    'a named durable subscription keeps what comes while its client is away',
    'activemq:durable topic subscribers',
    async (t) => {
      const name = t.topic();
      const open = () => t.client({ 'client-id': t.name('client') });
      const durable = { 'activemq.subscriptionName': t.name('sub') };
      const first = await open();
      await first.subscribe(name, durable);
      await first.disconnect();
      const publisher = await t.client();
      await publisher.send(name, 'kept', { persistent: 'true' });
      const second = await open();
      const subscription = await second.subscribe(name, durable);
      expect(await subscription.texts(1)).toEqual(['kept']);
    },
    ['no-activemq-headers'],
  ),

  scenario(
    'a durable subscription keeps what comes while its client is away',
    'rabbitmq:durable topic subscriptions',
    async (t) => {
      const name = t.topic();
      const durable = { id: t.name('sub'), durable: 'true', 'auto-delete': 'false' };
      const first = await t.client();
      await first.subscribe(name, durable);
      await first.disconnect();
      const publisher = await t.client();
      await publisher.send(name, 'kept', { persistent: 'true' });
      const second = await t.client();
      const subscription = await second.subscribe(name, durable);
      expect(await subscription.texts(1)).toEqual(['kept']);
      await subscription.unsubscribe({ durable: 'true' });
    },
    ['no-exchanges'],
  ),

  scenario(
    'a request is answered through a reply-to that is a temporary queue',
    'rabbitmq:temp queue destinations',
    async (t) => {
      const requests = t.queue();
      const server = await t.client();
      const asked = await server.subscribe(requests);
      const client = await t.client();
      // The subscription to it is made with the first message that names it, and has its name.
      await client.send(requests, 'ping', { 'reply-to': '/temp-queue/answers' });
      const request = await asked.next();
      expect(request.headers['reply-to']).toMatch(/^\/reply-queue\//);
    },
    ['no-exchanges'],
  ),

  scenario(
    'a temporary queue is subscribed to and answered to',
    'activemq:temp destinations',
    async (t) => {
      const requests = t.queue();
      const server = await t.client();
      const asked = await server.subscribe(requests);
      const client = await t.client();
      const answers = await client.subscribe('/temp-queue/answers');
      await client.send(requests, 'ping', { 'reply-to': '/temp-queue/answers' });
      const request = await asked.next();
      await server.send(request.headers['reply-to']!, 'pong');
      expect(await answers.texts(1)).toEqual(['pong']);
    },
    ['no-temp-subscriptions'],
  ),

  scenario(
    'an exchange is a destination',
    'rabbitmq:exchange destinations',
    async (t) => {
      const client = await t.client();
      const key = t.name('k');
      const subscription = await client.subscribe(`/exchange/amq.direct/${key}`);
      await client.send(`/exchange/amq.direct/${key}`, 'x');
      const message = await subscription.next();
      expect(message.headers['destination']).toBe(`/exchange/amq.direct/${key}`);
    },
    ['no-exchanges'],
  ),

  scenario(
    'an exchange that does not exist is refused',
    'rabbitmq:exchange destinations',
    async (t) => {
      const client = await t.client();
      await t.refused(client.send(`/exchange/${t.name('x')}/k`, 'x'));
    },
    ['no-exchanges'],
  ),

  scenario(
    '/amq/queue means a queue that exists',
    'rabbitmq:amq queue destinations',
    async (t) => {
      const queue = t.queue();
      const client = await t.client();
      await client.send(queue, 'x');
      const subscription = await client.subscribe(queue.replace('/queue/', '/amq/queue/'));
      expect(await subscription.texts(1)).toEqual(['x']);
      await t.refused(client.subscribe(`/amq/queue/${t.name('missing')}`));
    },
    ['no-exchanges'],
  ),

  scenario(
    'a delayed message waits',
    'activemq:delay and schedule message delivery',
    async (t) => {
      const queue = t.queue();
      const client = await t.client();
      const subscription = await client.subscribe(queue);
      await client.send(queue, 'late', { AMQ_SCHEDULED_DELAY: '400', persistent: 'true' });
      await client.send(queue, 'early');
      expect(await subscription.texts(2)).toEqual(['early', 'late']);
    },
    ['no-activemq-headers'],
  ),

  scenario(
    'no-local leaves out what the same connection sends to a topic',
    'activemq:subscribe headers',
    async (t) => {
      const name = t.topic();
      const client = await t.client();
      const subscription = await client.subscribe(name, { 'activemq.noLocal': 'true' });
      await client.send(name, 'own');
      const other = await t.client();
      await other.send(name, 'marker');
      expect(await subscription.texts(1)).toEqual(['marker']);
    },
    ['no-activemq-headers'],
  ),

  scenario(
    'text and bytes are told apart by content-length',
    'activemq:working with JMS text and bytes',
    async (t) => {
      const queue = t.queue();
      const client = await t.client();
      const subscription = await client.subscribe(queue);
      await client.send(queue, 'text');
      await client.send(queue, Buffer.from([0, 1]));
      const [text, bytes] = await subscription.take(2);
      expect([text!.headers['content-length'], bytes!.headers['content-length']]).toEqual([undefined, '2']);
    },
    ['always-content-length'],
  ),

  scenario(
    'expires is when a message is over, in ms since the epoch',
    'activemq:expires',
    async (t) => {
      const queue = t.queue();
      const client = await t.client();
      await client.send(queue, 'over', { expires: String(Date.now() - 1_000) });
      await client.send(queue, 'fresh', { expires: String(Date.now() + 60_000) });
      expect(await (await client.subscribe(queue)).texts(1)).toEqual(['fresh']);
    },
    ['no-activemq-headers'],
  ),

  ...(['queue', 'topic'] as const).map((kind) =>
    scenario(
      `a selector picks from a ${kind}`,
      'activemq:selectors',
      async (t) => {
        const destination = t[kind]();
        const client = await t.client();
        const selector = "colour IN ('red', 'blue') AND weight > 5 AND NOT (note LIKE 'old%')";
        const subscription = await client.subscribe(destination, { selector });
        const send = (body: string, headers: Record<string, string>): Promise<void> =>
          client.send(destination, body, headers);
        await send('yes', { colour: 'red', weight: '6', note: 'new' });
        await send('light', { colour: 'red', weight: '5', note: 'new' });
        await send('green', { colour: 'green', weight: '6', note: 'new' });
        await send('old', { colour: 'blue', weight: '6', note: 'older' });
        await send('no note', { colour: 'blue', weight: '6' });
        await send('too', { colour: 'blue', weight: '60', note: '' });
        expect(await subscription.texts(2)).toEqual(['yes', 'too']);
      },
      ['no-selectors'],
    ),
  ),

  scenario(
    'a selector that is none is refused',
    'activemq:selectors',
    async (t) => {
      const client = await t.client();
      await t.refused(client.subscribe(t.queue(), { selector: 'colour = ' }));
    },
    ['no-selectors'],
  ),

  scenario(
    "a group's messages go to one consumer, in order",
    'activemq:message groups',
    async (t) => {
      const queue = t.queue();
      const clients = [await t.client(), await t.client()];
      const subscriptions = await Promise.all(clients.map((client) => client.subscribe(queue)));
      for (let i = 0; i < 12; i++) {
        await clients[0]!.send(queue, `g${i % 2}-${i}`, { JMSXGroupID: t.name(`g${i % 2}`) });
      }
      const all = (): string[][] => subscriptions.map(({ messages }) => messages.map(({ body }) => body.toString()));
      await until(() => all().flat().length === 12, 'twelve messages');
      for (const group of ['g0', 'g1']) {
        const of = all().map((bodies) => bodies.filter((body) => body.startsWith(group)));
        expect(of.map((bodies) => bodies.length).sort()).toEqual([0, 6]);
        const numbers = of.flat().map((body) => Number(body.slice(3)));
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      }
    },
    ['no-selectors'],
  ),
]);
