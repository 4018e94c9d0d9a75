import { expect } from 'vitest';
import { drain, eventually, ready, scenario, texts, topic } from '../scenario.ts';

export const settling = topic('settling', [
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
]);
