/** What only one of the two peers knows: RabbitMQ's exchanges and its durable subscriptions; ActiveMQ's own. */
import { expect } from 'vitest';
import { scenario, topic } from './scenario.ts';

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
]);
