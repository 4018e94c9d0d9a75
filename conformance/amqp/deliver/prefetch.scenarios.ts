/** Prefetch: of a consumer, of a channel, and what does not count. */
import { expect } from 'vitest';
import { bits, field, long, METHOD, METHODS, method, short, table, u16, u32 } from '../clients/frames.ts';
import { plain } from '../clients/raw.ts';
import { eventually, rawScenario, ready, scenario, texts, topic } from '../scenario.ts';

export const prefetch = topic('prefetch', [
  scenario('prefetch holds back what is not acknowledged', '§1.8.2.1 qos; consumer-prefetch', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (let i = 0; i < 5; i++) ch.publish('', q, String(i));
    await ch.confirms();
    const other = await t.channel();
    await other.qos(2);
    const consumer = await other.consume(q);
    const first = await consumer.next(2);
    expect(await ready(ch, q)).toBe(3);
    expect(consumer.deliveries.length).toBe(2);
    other.ack(first[0]!.deliveryTag);
    expect(texts(await consumer.next(1))).toEqual(['2']);
    await eventually(() => ready(ch, q), 2);
  }),
  scenario('prefetch without global is each new consumer’s own', 'consumer-prefetch', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (let i = 0; i < 10; i++) ch.publish('', q, String(i));
    await ch.confirms();
    const other = await t.channel();
    await other.qos(2);
    const two = await other.consume(q);
    await other.qos(3);
    const three = await other.consume(q);
    expect((await two.next(2)).length + (await three.next(3)).length).toBe(5);
    expect(await ready(ch, q)).toBe(5);
  }),
  scenario('global prefetch is shared by all consumers of the channel', 'consumer-prefetch', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (let i = 0; i < 10; i++) ch.publish('', q, String(i));
    await ch.confirms();
    const other = await t.channel();
    await other.qos(3, true);
    const one = await other.consume(q);
    const two = await other.consume(q);
    await eventually(() => ready(ch, q), 7);
    await eventually(() => one.deliveries.length + two.deliveries.length, 3);
    other.ack(3, true);
    await eventually(() => ready(ch, q), 4);
  }),
  scenario('both limits hold where both are set', 'consumer-prefetch', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (let i = 0; i < 20; i++) ch.publish('', q, String(i));
    await ch.confirms();
    const other = await t.channel();
    await other.qos(2, false);
    await other.qos(3, true);
    const one = await other.consume(q);
    const two = await other.consume(q);
    await eventually(() => ready(ch, q), 17);
    await eventually(() => one.deliveries.length + two.deliveries.length, 3);
    expect(Math.max(one.deliveries.length, two.deliveries.length)).toBe(2);
  }),
  scenario('asking for a prefetch without global gives up that of the channel', 'consumer-prefetch', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (let i = 0; i < 10; i++) ch.publish('', q, String(i));
    await ch.confirms();
    const other = await t.channel();
    await other.qos(1, true);
    const one = await other.consume(q);
    await one.next(1);
    expect(await ready(ch, q)).toBe(9);
    await other.qos(2);
    expect((await one.next(9)).length).toBe(9);
  }),
  scenario('no-ack consumers are not held back by prefetch', '§1.8.2.1.2 prefetch-count', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (let i = 0; i < 10; i++) ch.publish('', q, String(i));
    await ch.confirms();
    const other = await t.channel();
    await other.qos(1);
    const consumer = await other.consume(q, { noAck: true });
    expect((await consumer.next(10)).length).toBe(10);
    expect(await ready(ch, q)).toBe(0);
  }),
  scenario(
    'no-ack consumers wait while the prefetch of their channel is used up',
    '§1.8.2.1.2 prefetch-count',
    async (t) => {
      const ch = await t.confirming();
      const [q, free] = [t.name(), t.name('free')];
      await ch.declareQueue(q);
      await ch.declareQueue(free);
      const other = await t.channel();
      await other.qos(1, true);
      const held = await other.consume(q);
      const consumer = await other.consume(free, { noAck: true });
      ch.publish('', q, 'held');
      await held.next(1);
      for (let i = 0; i < 3; i++) ch.publish('', free, String(i));
      await ch.confirms();
      expect(await ready(ch, free)).toBe(3);
      other.ack(1);
      expect(texts(await consumer.next(3))).toEqual(['0', '1', '2']);
    },
  ),
  rawScenario('py-amqp changes the prefetch of consumers that run', '§1.8.2.1 qos', async (t) => {
    const raw = await t.raw({ greetOnly: true });
    const properties = table(field('product', 'S', long('py-amqp')));
    raw.send(method(0, 'connection.start-ok', properties, short('PLAIN'), plain('guest', 'guest'), short('en_US')));
    await raw.expect('connection.tune');
    raw.send(method(0, 'connection.tune-ok', u16(2_047), u32(131_072), u16(0)));
    raw.send(method(0, 'connection.open', short('/'), short(''), bits(false)));
    await raw.expect('connection.open-ok');
    await raw.openChannel(1);
    const q = t.name();
    const ch = await t.confirming();
    await ch.declareQueue(q);
    for (let i = 0; i < 5; i++) ch.publish('', q, String(i));
    await ch.confirms();
    const qos = (count: number): Buffer => method(1, 'basic.qos', u32(0), u16(count), bits(false));
    raw.send(qos(1), method(1, 'basic.consume', u16(0), short(q), short('c'), bits(false), table()));
    await eventually(() => ready(ch, q), 4);
    raw.send(qos(3));
    const answered = (): number =>
      raw.frames.all.filter(
        ({ type, payload }) => type === METHOD && payload.readUInt32BE(0) === METHODS['basic.qos-ok'],
      ).length;
    await eventually(answered, 2);
    await eventually(() => ready(ch, q), t.differs('prefetch-by-the-specification') ? 4 : 2);
  }),
  scenario('prefetch does not count what basic.get holds', '§1.8.2.1', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (let i = 0; i < 3; i++) ch.publish('', q, String(i));
    await ch.confirms();
    const other = await t.channel();
    await other.qos(1);
    await other.get(q);
    await other.get(q);
    const consumer = await other.consume(q);
    expect(texts(await consumer.next(1))).toEqual(['2']);
  }),
  scenario('prefetch 0 means no limit', '§1.8.2.1.2', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (let i = 0; i < 300; i++) ch.publish('', q, String(i));
    await ch.confirms();
    const other = await t.channel();
    await other.qos(1);
    await other.qos(0);
    expect((await (await other.consume(q)).next(300)).length).toBe(300);
  }),
]);
