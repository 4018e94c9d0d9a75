/** Direct reply-to: requests and answers without a queue. */
import { expect } from 'vitest';
import { scenario, texts, topic } from '../scenario.ts';

const REPLY_TO = 'amq.rabbitmq.reply-to';

export const directReplies = topic('direct replies', [
  scenario('direct reply-to: a request and its answer without a queue', 'direct-reply-to', async (t) => {
    const requests = t.name('requests');
    const server = await t.channel();
    await server.declareQueue(requests);
    const incoming = await server.consume(requests, { noAck: true });
    const client = await t.channel();
    const answers = await client.consume(REPLY_TO, { noAck: true });
    client.publish('', requests, 'question', { replyTo: REPLY_TO, correlationId: 'c-1' });
    const [request] = await incoming.next(1);
    expect(request!.properties.replyTo).toMatch(/^amq\.rabbitmq\.reply-to\..+/);
    server.publish('', request!.properties.replyTo!, 'answer', { correlationId: 'c-1' });
    const [answer] = await answers.next(1);
    expect(answer!.body.toString()).toBe('answer');
    expect(answer).toMatchObject({ exchange: '', deliveryTag: 1, redelivered: false });
    expect(answer!.properties.correlationId).toBe('c-1');
    expect(answer!.routingKey).toBe(request!.properties.replyTo!);
  }),
  scenario('direct reply-to: several answers to one request', 'direct-reply-to', async (t) => {
    const requests = t.name('requests');
    const server = await t.channel();
    await server.declareQueue(requests);
    const incoming = await server.consume(requests, { noAck: true });
    const client = await t.channel();
    const answers = await client.consume(REPLY_TO, { noAck: true });
    client.publish('', requests, 'question', { replyTo: REPLY_TO });
    const [request] = await incoming.next(1);
    for (const body of ['1', '2', '3']) server.publish('', request!.properties.replyTo!, body);
    expect(texts(await answers.next(3))).toEqual(['1', '2', '3']);
  }),
  scenario('direct reply-to: the consumer must not acknowledge', 'direct-reply-to', async (t) => {
    const ch = await t.channel();
    await t.refused(
      ch.consume(REPLY_TO, { noAck: false }),
      406,
      'PRECONDITION_FAILED - reply consumer cannot acknowledge',
    );
  }),
  scenario('direct reply-to: one consumer a channel', 'direct-reply-to', async (t) => {
    const ch = await t.channel();
    await ch.consume(REPLY_TO, { noAck: true });
    await t.refused(ch.consume(REPLY_TO, { noAck: true }), 406, 'PRECONDITION_FAILED - reply consumer already set');
  }),
  scenario('direct reply-to: publishing needs the consumer first', 'direct-reply-to', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'question', { replyTo: REPLY_TO });
    await t.closes(ch, 406, 'PRECONDITION_FAILED - fast reply consumer does not exist');
  }),
  scenario(
    'direct reply-to: an answer to a channel that is gone is returned where it is mandatory',
    'direct-reply-to',
    async (t) => {
      const requests = t.name('requests');
      const server = await t.channel();
      await server.declareQueue(requests);
      const incoming = await server.consume(requests, { noAck: true });
      const client = await t.channel();
      await client.consume(REPLY_TO, { noAck: true });
      client.publish('', requests, 'question', { replyTo: REPLY_TO });
      const [request] = await incoming.next(1);
      await client.close();
      server.publish('', request!.properties.replyTo!, 'too late', { mandatory: true });
      expect(texts(await server.returned(1))).toEqual(['too late']);
    },
  ),
  scenario('direct reply-to: a passive declaration tells whether the asker is there', 'direct-reply-to', async (t) => {
    const requests = t.name('requests');
    const server = await t.channel();
    await server.declareQueue(requests);
    const incoming = await server.consume(requests, { noAck: true });
    const client = await t.channel();
    await client.consume(REPLY_TO, { noAck: true });
    client.publish('', requests, 'question', { replyTo: REPLY_TO });
    const [request] = await incoming.next(1);
    const address = request!.properties.replyTo!;
    expect((await server.declareQueue(address, { passive: true })).queue).toBe(address);
    await client.close();
    await t.refused(
      server.declareQueue(address, { passive: true }),
      404,
      `NOT_FOUND - no queue '${address}' in vhost '/'`,
    );
  }),
]);
