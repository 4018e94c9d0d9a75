/** Messages: what is carried, by publish, get, deliver and return; and how deliveries are settled. */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { Properties } from '../clients/client.ts';
import { drain, eventually, ready, scenario, texts, topic } from '../scenario.ts';

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

  scenario('get of an empty queue', '§1.8.2.10 get-empty', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    expect(await ch.get(q)).toBeUndefined();
  }),

  scenario('get of a queue that is not there', '§1.8.2.10', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await t.refused(ch.get(q), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),

  scenario('get-ok tells where the message came from and how many are left', '§1.8.2.10.3', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.bindQueue(q, 'amq.topic', `${q}.#`);
    ch.publish('amq.topic', `${q}.a`, 'one');
    ch.publish('amq.topic', `${q}.b`, 'two');
    await ch.confirms();
    expect(await ch.get(q)).toMatchObject({
      deliveryTag: 1,
      redelivered: false,
      exchange: 'amq.topic',
      routingKey: `${q}.a`,
      messageCount: 1,
    });
    expect(await ch.get(q)).toMatchObject({ deliveryTag: 2, routingKey: `${q}.b`, messageCount: 0 });
  }),

  scenario('get without acknowledgement takes the message at once', '§1.8.2.10.2 no-ack', async (t) => {
    const client = await t.client();
    const ch = await client.openChannel();
    await ch.confirmSelect();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'gone');
    await ch.confirms();
    await ch.get(q, { noAck: true });
    await client.close();
    expect(await ready(await t.channel(), q)).toBe(0);
  }),

  scenario('messages come in the order they were published', '§4.7 content ordering', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    const sent = Array.from({ length: 500 }, (_, i) => String(i));
    for (const body of sent) ch.publish('', q, body);
    const consumer = await ch.consume(q, { noAck: true });
    expect(texts(await consumer.next(500))).toEqual(sent);
  }),

  scenario('delivery tags count up from 1 on each channel', '§1.8.3.x delivery-tag', async (t) => {
    const one = await t.confirming();
    const two = await t.channel();
    const q = t.name();
    await one.declareQueue(q);
    for (let i = 0; i < 4; i++) one.publish('', q, 'x');
    await one.confirms();
    expect([(await one.get(q))!.deliveryTag, (await two.get(q))!.deliveryTag]).toEqual([1, 1]);
    expect([(await one.get(q))!.deliveryTag, (await two.get(q))!.deliveryTag]).toEqual([2, 2]);
  }),

  scenario(
    'an acknowledged message is gone, one that is not comes back when the channel closes',
    '§1.8.2.13 ack',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name();
      await ch.declareQueue(q);
      for (const body of ['1', '2', '3']) ch.publish('', q, body);
      await ch.confirms();
      const other = await t.channel();
      await other.get(q);
      const second = await other.get(q);
      await other.get(q);
      other.ack(second!.deliveryTag);
      await other.close();
      const back = await ch.consume(q);
      const deliveries = await back.next(2);
      expect(texts(deliveries)).toEqual(['1', '3']);
      expect(deliveries.map((d) => d.redelivered)).toEqual([true, true]);
    },
  ),

  scenario(
    'unacknowledged messages come back when the connection is cut, marked redelivered',
    'confirms#automatic-requeueing',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name();
      await ch.declareQueue(q);
      for (const body of ['1', '2']) ch.publish('', q, body);
      await ch.confirms();
      const dying = await t.client();
      const held = await (await dying.openChannel()).consume(q);
      await held.next(2);
      dying.cut();
      const deliveries = await (await ch.consume(q)).next(2);
      expect(texts(deliveries)).toEqual(['1', '2']);
      expect(deliveries.every((d) => d.redelivered)).toBe(true);
    },
  ),

  scenario('multiple acknowledges all up to the tag', '§1.8.2.13.2 multiple', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (const body of ['1', '2', '3', '4']) ch.publish('', q, body);
    await ch.confirms();
    const other = await t.channel();
    const consumer = await other.consume(q);
    const deliveries = await consumer.next(4);
    other.ack(deliveries[2]!.deliveryTag, true);
    await other.close();
    await eventually(() => ready(ch, q), 1);
    expect(await drain(ch, q)).toEqual(['4']);
  }),

  scenario('tag 0 with multiple acknowledges all', '§1.8.2.13.1 zero', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (const body of ['1', '2']) ch.publish('', q, body);
    await ch.confirms();
    const other = await t.channel();
    await (await other.consume(q)).next(2);
    other.ack(0, true);
    await other.close();
    expect(await ready(ch, q)).toBe(0);
  }),

  scenario('tag 0 with multiple is fine where nothing is outstanding', '§1.8.2.13.1 zero', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    ch.ack(0, true);
    ch.nack(0, { multiple: true });
    expect((await ch.declareQueue(q)).queue).toBe(q);
  }),

  scenario('an unknown delivery tag', '§1.8.2.13 delivery-tag; confirms#consumer-acks-double-acking', async (t) => {
    const ch = await t.channel();
    ch.ack(42);
    await t.closes(ch, 406, 'PRECONDITION_FAILED - unknown delivery tag 42');
  }),

  scenario('acknowledging twice', 'confirms#consumer-acks-double-acking', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'x');
    await ch.confirms();
    const got = await ch.get(q);
    ch.ack(got!.deliveryTag);
    ch.ack(got!.deliveryTag);
    await t.closes(ch, 406, 'PRECONDITION_FAILED - unknown delivery tag 1');
    // The first counted.
    expect(await ready(await t.channel(), q)).toBe(0);
  }),

  scenario('acknowledging what was sent without acknowledgement', 'confirms#acknowledgement-modes', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'x');
    await ch.confirms();
    const got = await ch.get(q, { noAck: true });
    ch.ack(got!.deliveryTag);
    await t.closes(ch, 406, 'PRECONDITION_FAILED - unknown delivery tag 1');
  }),

  scenario('a tag of another channel', '§1.8.2.13', async (t) => {
    const one = await t.confirming();
    const two = await t.channel();
    const q = t.name();
    await one.declareQueue(q);
    one.publish('', q, 'x');
    await one.confirms();
    await one.get(q);
    two.ack(1);
    await t.closes(two, 406, 'PRECONDITION_FAILED - unknown delivery tag 1');
  }),

  ...(['nack', 'reject'] as const).flatMap((verb) => [
    scenario(`${verb} with an unknown tag`, verb === 'nack' ? 'nack' : '§1.8.2.14', async (t) => {
      const ch = await t.channel();
      if (verb === 'nack') ch.nack(7, { requeue: false });
      else ch.reject(7, false);
      await t.closes(ch, 406, 'PRECONDITION_FAILED - unknown delivery tag 7');
    }),

    scenario(
      `${verb} with requeue: back to its place, marked redelivered`,
      verb === 'nack' ? 'nack' : '§1.8.2.14',
      async (t) => {
        const ch = await t.confirming();
        const q = t.name();
        await ch.declareQueue(q);
        for (const body of ['1', '2', '3']) ch.publish('', q, body);
        await ch.confirms();
        const first = await ch.get(q);
        if (verb === 'nack') ch.nack(first!.deliveryTag);
        else ch.reject(first!.deliveryTag, true);
        const consumer = await ch.consume(q);
        const deliveries = await consumer.next(3);
        expect(deliveries.map((d) => `${d.body} ${d.redelivered}`)).toEqual(['1 true', '2 false', '3 false']);
      },
    ),

    scenario(
      `${verb} without requeue: gone where there is no dead letter exchange`,
      verb === 'nack' ? 'nack' : '§1.8.2.14',
      async (t) => {
        const ch = await t.confirming();
        const q = t.name();
        await ch.declareQueue(q);
        for (const body of ['1', '2']) ch.publish('', q, body);
        await ch.confirms();
        const first = await ch.get(q);
        if (verb === 'nack') ch.nack(first!.deliveryTag, { requeue: false });
        else ch.reject(first!.deliveryTag, false);
        expect(await drain(ch, q)).toEqual(['2']);
      },
    ),
  ]),

  scenario('nack multiple sends all up to the tag back', 'nack', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (const body of ['1', '2', '3']) ch.publish('', q, body);
    await ch.confirms();
    const tags = [await ch.get(q), await ch.get(q), await ch.get(q)].map((got) => got!.deliveryTag);
    ch.nack(tags[1]!, { multiple: true });
    await eventually(() => ready(ch, q), 2);
    expect(await drain(ch, q)).toEqual(['1', '2']);
  }),

  scenario(
    'several requeued out of order come back in their own order',
    'confirms; nack (requeued to original position)',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name();
      await ch.declareQueue(q);
      for (const body of ['1', '2', '3', '4']) ch.publish('', q, body);
      await ch.confirms();
      const got = [await ch.get(q), await ch.get(q), await ch.get(q)];
      for (const i of [1, 0, 2]) ch.nack(got[i]!.deliveryTag);
      await eventually(() => ready(ch, q), 4);
      expect(await drain(ch, q)).toEqual(['1', '2', '3', '4']);
    },
  ),

  scenario('recover sends what is unacknowledged again', '§1.8.2.16 recover', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (const body of ['1', '2']) ch.publish('', q, body);
    await ch.confirms();
    const consumer = await ch.consume(q);
    const first = await consumer.next(2);
    ch.ack(first[0]!.deliveryTag);
    await ch.recover();
    const [again] = await consumer.next(1);
    expect(again).toMatchObject({ redelivered: true, deliveryTag: 3 });
    expect(texts([again!])).toEqual(['2']);
  }),

  scenario(
    'a mandatory message that nobody gets is returned, before its confirm',
    '§1.8.2.7.4 mandatory, §1.8.2.8 return',
    async (t) => {
      const ch = await t.confirming();
      const key = t.name('nobody');
      ch.publish('amq.direct', key, 'back', { mandatory: true, messageId: 'm', headers: { a: 1 }, deliveryMode: 2 });
      expect(await ch.confirms()).toEqual(['ack']);
      const [returned] = await ch.returned(1);
      expect(returned).toMatchObject({
        replyCode: 312,
        replyText: 'NO_ROUTE',
        exchange: 'amq.direct',
        routingKey: key,
        properties: { messageId: 'm', headers: { a: 1 }, deliveryMode: 2 },
      });
      expect(returned!.body.toString()).toBe('back');
    },
  ),

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
