/** Publishers: confirms, transactions, and messages to several keys, to oneself, to whoever answers. */
import { expect } from 'vitest';
import { drain, eventually, ready, scenario, texts, topic } from '../scenario.ts';

const REPLY_TO = 'amq.rabbitmq.reply-to';

export const publishers = topic('publishers', [
  scenario('every publish is confirmed once, routed or not', 'confirms#publisher-confirms', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (let i = 0; i < 100; i++) {
      ch.publish('', i % 3 === 0 ? t.name('nobody') : q, String(i), { deliveryMode: i % 2 === 0 ? 2 : 1 });
    }
    expect(await ch.confirms()).toEqual(Array.from({ length: 100 }, () => 'ack'));
  }),

  scenario('confirm.select twice is fine', 'confirms#publisher-confirms', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.confirmSelect();
    await ch.declareQueue(q);
    ch.publish('', q, 'x');
    expect(await ch.confirms()).toEqual(['ack']);
  }),

  scenario('a confirm channel cannot become transactional', 'confirms#publisher-confirms', async (t) => {
    const ch = await t.confirming();
    await t.refused(ch.txSelect(), 406, 'PRECONDITION_FAILED - cannot switch from confirm to tx mode');
  }),

  scenario('a transactional channel cannot confirm', 'confirms#publisher-confirms', async (t) => {
    const ch = await t.channel();
    await ch.txSelect();
    await t.refused(ch.confirmSelect(), 406, 'PRECONDITION_FAILED - cannot switch from tx to confirm mode');
  }),

  scenario('tx: what is published is there after the commit, not before', '§1.9.2.3 commit', async (t) => {
    const ch = await t.channel();
    const watcher = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.txSelect();
    ch.publish('', q, '1');
    ch.publish('', q, '2');
    // A method of the same channel that has come back: the publishes have been seen.
    await ch.declareQueue(q, { passive: true });
    expect(await ready(watcher, q)).toBe(0);
    await ch.txCommit();
    await eventually(() => ready(watcher, q), 2);
    expect(await drain(watcher, q)).toEqual(['1', '2']);
  }),

  scenario('tx: what is rolled back was never there', '§1.9.2.5 rollback', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.txSelect();
    ch.publish('', q, 'never');
    await ch.txRollback();
    ch.publish('', q, 'kept');
    await ch.txCommit();
    await eventually(() => ready(ch, q), 1);
    expect(await drain(await t.channel(), q)).toEqual(['kept']);
  }),

  scenario('tx: an ack counts from the commit on', '§1.9.2.3', async (t) => {
    const out = await t.confirming();
    const q = t.name();
    await out.declareQueue(q);
    for (const body of ['acked', 'not acked']) out.publish('', q, body);
    await out.confirms();
    const ch = await t.channel();
    await ch.txSelect();
    const [one, two] = [await ch.get(q), await ch.get(q)];
    ch.ack(one!.deliveryTag);
    await ch.txCommit();
    ch.ack(two!.deliveryTag);
    await ch.close();
    await eventually(() => ready(out, q), 1);
    expect(await drain(out, q)).toEqual(['not acked']);
  }),

  scenario('tx: an ack that is rolled back leaves the message with the channel', '§1.9.2.5', async (t) => {
    const out = await t.confirming();
    const q = t.name();
    await out.declareQueue(q);
    out.publish('', q, 'x');
    await out.confirms();
    const ch = await t.channel();
    await ch.txSelect();
    const got = await ch.get(q);
    ch.ack(got!.deliveryTag);
    await ch.txRollback();
    expect(await ready(out, q)).toBe(0);
    ch.ack(got!.deliveryTag);
    await ch.txCommit();
    await ch.close();
    expect(await ready(out, q)).toBe(0);
  }),

  scenario('tx: a nack counts from the commit on', '§1.9.2.3', async (t) => {
    const out = await t.confirming();
    const q = t.name();
    await out.declareQueue(q);
    out.publish('', q, 'x');
    await out.confirms();
    const ch = await t.channel();
    await ch.txSelect();
    const got = await ch.get(q);
    ch.nack(got!.deliveryTag);
    await ch.declareQueue(q, { passive: true });
    expect(await ready(out, q)).toBe(0);
    await ch.txCommit();
    await eventually(() => ready(out, q), 1);
  }),

  scenario('tx: an unknown tag is an error at once', '§1.9.2.3', async (t) => {
    const ch = await t.channel();
    await ch.txSelect();
    ch.ack(9);
    await t.closes(ch, 406, 'PRECONDITION_FAILED - unknown delivery tag 9');
  }),

  scenario('tx: closing the channel rolls back', '§1.9.2.1', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.txSelect();
    ch.publish('', q, 'never');
    await ch.close();
    expect(await ready(await t.channel(), q)).toBe(0);
  }),

  scenario('tx: a mandatory message is returned at the commit', '§1.9.2.3', async (t) => {
    const ch = await t.channel();
    await ch.txSelect();
    ch.publish('', t.name('nobody'), 'back', { mandatory: true });
    await ch.txCommit();
    expect(texts(await ch.returned(1))).toEqual(['back']);
  }),

  scenario('tx: publishes to several queues are committed together', '§1.9', async (t) => {
    const ch = await t.channel();
    const queues = [t.name('a'), t.name('b'), t.name('c')];
    for (const q of queues) await ch.declareQueue(q);
    await ch.txSelect();
    for (const q of queues) ch.publish('', q, 'x', { deliveryMode: 2 });
    await ch.txCommit();
    const watcher = await t.channel();
    for (const q of queues) await eventually(() => ready(watcher, q), 1);
  }),

  scenario('commit without tx.select', '§1.9.2.3: precondition-failed', async (t) => {
    const ch = await t.channel();
    await t.refused(ch.txCommit(), 406, 'PRECONDITION_FAILED - channel is not transactional');
  }),

  scenario('rollback without tx.select', '§1.9.2.5: precondition-failed', async (t) => {
    const ch = await t.channel();
    await t.refused(ch.txRollback(), 406, 'PRECONDITION_FAILED - channel is not transactional');
  }),

  scenario('tx.select twice is fine', '§1.9.2.1', async (t) => {
    const ch = await t.channel();
    await ch.txSelect();
    await ch.txSelect();
    await ch.txCommit();
  }),

  scenario('CC: further routing keys, which stay in the headers', 'sender-selected', async (t) => {
    const ch = await t.confirming();
    const [a, b, c] = [t.name('a'), t.name('b'), t.name('c')];
    for (const q of [a, b, c]) await ch.declareQueue(q);
    ch.publish('', a, 'x', { headers: { CC: [b, c], other: 1 } });
    await ch.confirms();
    for (const q of [a, b, c]) {
      const got = await ch.get(q, { noAck: true });
      expect(got, q).toMatchObject({ routingKey: a, exchange: '' });
      expect(got!.properties.headers).toEqual({ CC: [b, c], other: 1 });
    }
  }),

  scenario('BCC: further routing keys, which nobody sees', 'sender-selected', async (t) => {
    const ch = await t.confirming();
    const [a, b] = [t.name('a'), t.name('b')];
    for (const q of [a, b]) await ch.declareQueue(q);
    ch.publish('', a, 'x', { headers: { BCC: [b], other: 1 } });
    await ch.confirms();
    for (const q of [a, b]) expect((await ch.get(q, { noAck: true }))!.properties.headers).toEqual({ other: 1 });
  }),

  scenario('CC and BCC: a queue reached by several keys gets one copy', 'sender-selected', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'once', { headers: { CC: [q, q], BCC: [q] } });
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['once']);
  }),

  scenario('CC: it is enough that one key is routed', 'sender-selected', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', t.name('nobody'), 'by CC', { headers: { CC: [q] }, mandatory: true });
    ch.publish('', t.name('nobody'), 'marker', { mandatory: true });
    expect(texts(await ch.returned(1))).toEqual(['marker']);
    expect(await drain(ch, q)).toEqual(['by CC']);
  }),

  scenario('CC through a topic exchange', 'sender-selected', async (t) => {
    const ch = await t.confirming();
    const [q, other] = [t.name(), t.name('other')];
    for (const [queue, pattern] of [
      [q, `${q}.*`],
      [other, `${other}.*`],
    ] as const) {
      await ch.declareQueue(queue);
      await ch.bindQueue(queue, 'amq.topic', pattern);
    }
    ch.publish('amq.topic', `${q}.a`, 'x', { headers: { CC: [`${other}.a`, `${q}.b`] } });
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['x']);
    expect(await drain(ch, other)).toEqual(['x']);
  }),

  ...(['CC', 'BCC'] as const).map((name) =>
    scenario(`${name} that is no list is refused`, 'sender-selected', async (t) => {
      const ch = await t.channel();
      ch.publish('', t.name('nobody'), 'x', { headers: { [name]: 'not a list' } });
      await t.closes(ch, 406, `PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"${name}",longstr}`);
    }),
  ),

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
