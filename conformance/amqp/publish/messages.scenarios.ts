/** Messages: properties and bodies as they are carried, by publish, deliver and return. */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { Properties } from '../clients/client.ts';
import { drain, ready, scenario, texts, topic } from '../scenario.ts';

const ALL_PROPERTIES: Properties = {
  contentType: 'application/octet-stream',
  contentEncoding: 'gzip',
  deliveryMode: 2,
  priority: 9,
  correlationId: 'correlation',
  replyTo: 'answers',
  expiration: '60000',
  messageId: 'id-1',
  timestamp: 1_700_000_000,
  type: 'order.created',
  userId: 'guest',
  appId: 'shop',
};

export const messages = topic('messages', [
  scenario('every property arrives as it was sent', '§2.1, §4.2.6.1 content properties', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'x', { ...ALL_PROPERTIES, headers: { a: 1 } });
    ch.publish('', q, 'y', { deliveryMode: 1 });
    await ch.confirms();
    const got = await ch.get(q);
    expect(got!.properties).toEqual({ ...ALL_PROPERTIES, headers: { a: 1 } });
    // What was not said is not there.
    expect((await ch.get(q))!.properties).toEqual({ deliveryMode: 1 });
  }),
  scenario('headers keep their kinds, nested as they are', '§4.2.5.5 field tables', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    const headers = {
      text: 'größe',
      empty: '',
      small: 7,
      negative: -7,
      wide: 70_000,
      wider: 5_000_000_000,
      half: 0.5,
      yes: true,
      no: false,
      nothing: null,
      list: [1, 'two', false, null, [3]],
      table: { inner: { deep: 'value' }, list: [{ a: 1 }] },
      'x-custom': 'kept',
    };
    await ch.declareQueue(q);
    ch.publish('', q, 'x', { headers });
    await ch.confirms();
    expect((await ch.get(q))!.properties.headers).toEqual(headers);
  }),
  scenario('a body is carried byte for byte, whatever its size', '§4.2.6 content framing', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    const bodies = [0, 1, 255, 4_088, 8_184, 8_192, 131_064, 131_065, 300_000].map((size) => randomBytes(size));
    for (const body of bodies) ch.publish('', q, body);
    await ch.confirms();
    for (const body of bodies) {
      const got = await ch.get(q, { noAck: true });
      expect(got!.body.length).toBe(body.length);
      expect(got!.body.equals(body)).toBe(true);
    }
  }),
  scenario('a body over thousands of frames', '§4.2.6.2 content body', async (t) => {
    const client = await t.client({ frameMax: 4_096 });
    const ch = await client.openChannel();
    await ch.confirmSelect();
    const q = t.name();
    await ch.declareQueue(q);
    const body = randomBytes(9_000_000);
    ch.publish('', q, body);
    await ch.confirms();
    const consumer = await ch.consume(q);
    const [got] = await consumer.next(1);
    expect(got!.body.equals(body)).toBe(true);
    ch.ack(got!.deliveryTag);
  }),
  scenario(
    'a large body on one channel does not mix with small ones on others',
    '§4.2.6, §2.3.7 interleaving',
    async (t) => {
      const client = await t.client();
      const large = await client.openChannel();
      const small = await client.openChannel();
      await large.confirmSelect();
      await small.confirmSelect();
      const [a, b] = [t.name('large'), t.name('small')];
      await large.declareQueue(a);
      await small.declareQueue(b);
      const body = randomBytes(2_000_000);
      const fromA = await large.consume(a);
      const fromB = await small.consume(b);
      large.publish('', a, body);
      for (let i = 0; i < 50; i++) small.publish('', b, `small ${i}`);
      large.publish('', a, body);
      expect(texts(await fromB.next(50))).toEqual(Array.from({ length: 50 }, (_, i) => `small ${i}`));
      for (const delivery of await fromA.next(2)) expect(delivery.body.equals(body)).toBe(true);
    },
  ),
  scenario('messages come in the order they were published', '§4.7 content ordering', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    const sent = Array.from({ length: 500 }, (_, i) => String(i));
    for (const body of sent) ch.publish('', q, body);
    const consumer = await ch.consume(q, { noAck: true });
    expect(texts(await consumer.next(500))).toEqual(sent);
  }),
  scenario('a mandatory message that is routed is not returned', '§1.8.2.7.4', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'routed', { mandatory: true });
    ch.publish('', t.name('nobody'), 'marker', { mandatory: true });
    expect(texts(await ch.returned(1))).toEqual(['marker']);
  }),
  scenario(
    'a message that nobody gets is dropped without a word where it is not mandatory',
    '§1.8.2.7.4',
    async (t) => {
      const ch = await t.confirming();
      ch.publish('amq.direct', t.name('nobody'), 'lost');
      expect(await ch.confirms()).toEqual(['ack']);
    },
  ),
  scenario('one message to many queues is a copy for each, settled by each', '§3.1.3.2', async (t) => {
    const ch = await t.confirming();
    const x = t.name('x');
    await ch.declareExchange(x, 'fanout');
    const queues = Array.from({ length: 10 }, (_, i) => t.name(`q${i}`));
    for (const q of queues) {
      await ch.declareQueue(q);
      await ch.bindQueue(q, x, '');
    }
    ch.publish(x, '', 'to all', { deliveryMode: 2 });
    await ch.confirms();
    const first = await ch.get(queues[0]!);
    ch.ack(first!.deliveryTag);
    for (const q of queues.slice(1)) expect(await drain(ch, q)).toEqual(['to all']);
    expect(await ready(ch, queues[0]!)).toBe(0);
  }),
  scenario('an invalid expiration is refused', 'ttl#per-message-ttl-in-publishers', async (t) => {
    for (const [expiration, text] of [
      ['soon', "PRECONDITION_FAILED - invalid expiration 'soon': no_integer"],
      ['-1', "PRECONDITION_FAILED - invalid expiration '-1': {value_negative,-1}"],
      ['1000x', 'PRECONDITION_FAILED - invalid expiration \'1000x\': {leftover_string,"x"}'],
    ] as const) {
      const ch = await t.channel();
      const q = t.name(`q${expiration}`);
      await ch.declareQueue(q);
      ch.publish('', q, 'x', { expiration });
      await t.closes(ch, 406, text);
    }
  }),
  scenario('user-id must be who is logged in', 'validated-user-id', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'honest', { userId: 'guest' });
    ch.publish('', q, 'not', { userId: 'somebody' });
    await t.closes(
      ch,
      406,
      "PRECONDITION_FAILED - user_id property set to 'somebody' but authenticated user was 'guest'",
    );
    expect(await drain(await t.channel(), q)).toEqual(['honest']);
  }),
]);
