/** Consumers: tags, turns, cancelling, exclusive ones, priorities, a single active one. */
import { expect } from 'vitest';
import { bits, method, short, table, u16 } from '../clients/frames.ts';
import { drain, rawScenario, ready, scenario, texts, topic } from '../scenario.ts';

const BUSY = (queue: string): string => `ACCESS_REFUSED - queue '${queue}' in vhost '/' in exclusive use`;

export const consumers = topic('consumers', [
  scenario('a delivery names its consumer, exchange and key', '§1.8.2.9 deliver', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.bindQueue(q, 'amq.direct', q);
    const consumer = await ch.consume(q, { tag: 'mine' });
    expect(consumer.tag).toBe('mine');
    ch.publish('amq.direct', q, 'x');
    expect((await consumer.next(1))[0]).toMatchObject({
      deliveryTag: 1,
      redelivered: false,
      exchange: 'amq.direct',
      routingKey: q,
    });
  }),
  scenario('a consumer without a tag gets one that begins with amq.ctag-', '§1.8.2.3.3 consumer-tag', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    const [one, two] = [await ch.consume(q), await ch.consume(q)];
    expect(one.tag).toMatch(/^amq\.ctag-[A-Za-z0-9_-]{22}$/);
    expect(two.tag).not.toBe(one.tag);
  }),
  scenario('a tag may be used once on a channel: again costs the connection', '§1.8.2.3.3: not-allowed', async (t) => {
    const client = await t.client();
    const ch = await client.openChannel();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.consume(q, { tag: 'twice' });
    await t.refused(ch.consume(q, { tag: 'twice' }), 530, "NOT_ALLOWED - attempt to reuse consumer tag 'twice'");
    await t.closes(client, 530, "NOT_ALLOWED - attempt to reuse consumer tag 'twice'");
  }),
  scenario('two channels may use the same tag', '§1.8.2.3.3 local to a channel', async (t) => {
    const [one, two] = [await t.channel(), await t.channel()];
    const q = t.name();
    await one.declareQueue(q);
    await one.consume(q, { tag: 'same' });
    await two.consume(q, { tag: 'same' });
    expect((await one.declareQueue(q, { passive: true })).consumerCount).toBe(2);
  }),
  scenario('consuming from a queue that is not there', '§1.8.2.3.2', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await t.refused(ch.consume(q), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),
  scenario('messages are dealt out in turn', 'consumers; tutorials/two (round robin)', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    const all = [await ch.consume(q), await ch.consume(q), await ch.consume(q)];
    for (let i = 0; i < 9; i++) ch.publish('', q, String(i));
    await ch.confirms();
    for (const consumer of all) expect((await consumer.next(3)).length).toBe(3);
  }),
  scenario('after cancel-ok nothing more comes; what was held stays held', '§1.8.2.5 cancel', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    const consumer = await ch.consume(q);
    ch.publish('', q, 'held');
    const [held] = await consumer.next(1);
    await ch.cancel(consumer.tag);
    ch.publish('', q, 'waits');
    await ch.confirms();
    expect(await ready(ch, q)).toBe(1);
    expect(consumer.deliveries.length).toBe(1);
    // It still belongs to the channel, and can be settled.
    ch.ack(held!.deliveryTag);
    expect(await drain(ch, q)).toEqual(['waits']);
  }),
  scenario('cancelling a consumer that is not there is fine', '§1.8.2.5', async (t) => {
    const ch = await t.channel();
    await ch.cancel('nobody');
    await ch.declareQueue(t.name());
  }),
  scenario('a consumer is cancelled by the broker when its queue is deleted', 'consumer-cancel', async (t) => {
    const ch = await t.channel();
    const other = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    const consumer = await ch.consume(q);
    await other.deleteQueue(q);
    await consumer.cancelled;
    // The channel lives.
    await ch.declareQueue(t.name('next'));
  }),
  scenario('what a cancelled consumer holds may still be acknowledged', 'consumer-cancel', async (t) => {
    const ch = await t.confirming();
    const other = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    const consumer = await ch.consume(q);
    ch.publish('', q, 'x');
    const [held] = await consumer.next(1);
    await other.deleteQueue(q);
    await consumer.cancelled;
    ch.ack(held!.deliveryTag);
    await ch.declareQueue(t.name('next'));
  }),
  scenario('an exclusive consumer keeps others out', '§1.8.2.3.6 exclusive', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    const first = await ch.consume(q, { exclusive: true });
    await t.refused((await t.channel()).consume(q), 403, BUSY(q));
    await t.refused((await t.channel()).consume(q, { exclusive: true }), 403, BUSY(q));
    await ch.cancel(first.tag);
    await (await t.channel()).consume(q);
  }),
  scenario(
    'nobody becomes the exclusive consumer of a queue that has one already',
    '§1.8.2.3.6 exclusive',
    async (t) => {
      const ch = await t.channel();
      const q = t.name();
      await ch.declareQueue(q);
      await ch.consume(q);
      await t.refused((await t.channel()).consume(q, { exclusive: true }), 403, BUSY(q));
    },
  ),
  scenario('a consumer with a higher priority is served first', 'consumer-priority', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    const low = await (await t.channel()).consume(q);
    const high = await (await t.channel()).consume(q, { arguments: { 'x-priority': 10 } });
    const negative = await (await t.channel()).consume(q, { arguments: { 'x-priority': -5 } });
    for (let i = 0; i < 6; i++) ch.publish('', q, String(i));
    await ch.confirms();
    expect((await high.next(6)).length).toBe(6);
    expect(low.deliveries.length + negative.deliveries.length).toBe(0);
  }),
  scenario('a lower priority is served while the higher one’s prefetch is used up', 'consumer-priority', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    const [first, second] = [await t.channel(), await t.channel()];
    await first.qos(2);
    const high = await first.consume(q, { arguments: { 'x-priority': 10 } });
    const low = await second.consume(q, { arguments: { 'x-priority': 1 } });
    for (let i = 0; i < 5; i++) ch.publish('', q, String(i));
    expect(texts(await high.next(2))).toEqual(['0', '1']);
    expect(texts(await low.next(3))).toEqual(['2', '3', '4']);
  }),
  scenario('a priority that is no number is refused', 'consumer-priority', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await t.refused(
      ch.consume(q, { arguments: { 'x-priority': 'high' } }),
      406,
      `PRECONDITION_FAILED - invalid arg 'x-priority' for queue '${q}' in vhost '/': "expected integer, got longstr"`,
    );
  }),
  scenario(
    'single active consumer: one gets all, the next takes over',
    'consumers#single-active-consumer',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name();
      await ch.declareQueue(q, { arguments: { 'x-single-active-consumer': true } });
      const one = await (await t.channel()).consume(q);
      const channel = await t.channel();
      const two = await channel.consume(q);
      for (const body of ['1', '2']) ch.publish('', q, body);
      const held = await one.next(2);
      expect(texts(held)).toEqual(['1', '2']);
      expect(two.deliveries.length).toBe(0);
      expect((await ch.declareQueue(q, { passive: true })).consumerCount).toBe(2);
    },
  ),
  scenario(
    'single active consumer: a cancelled one is followed by the next',
    'consumers#single-active-consumer',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name();
      await ch.declareQueue(q, { arguments: { 'x-single-active-consumer': true } });
      const first = await t.channel();
      const one = await first.consume(q);
      const two = await (await t.channel()).consume(q);
      ch.publish('', q, '1');
      const [held] = await one.next(1);
      await first.cancel(one.tag);
      ch.publish('', q, '2');
      expect(texts(await two.next(1))).toEqual(['2']);
      first.ack(held!.deliveryTag);
    },
  ),
  scenario(
    'single active consumer: a closed channel’s messages go to the next in order',
    'consumers#single-active-consumer',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name();
      await ch.declareQueue(q, { arguments: { 'x-single-active-consumer': true } });
      const first = await t.channel();
      const one = await first.consume(q);
      const two = await (await t.channel()).consume(q);
      for (const body of ['1', '2', '3']) ch.publish('', q, body);
      await one.next(3);
      await first.close();
      expect(texts(await two.next(3))).toEqual(['1', '2', '3']);
    },
  ),
  scenario('single active consumer: exclusive consumers are refused', 'consumers#single-active-consumer', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-single-active-consumer': true } });
    await t.refused(ch.consume(q, { exclusive: true }), 403, BUSY(q));
  }),
  scenario('a consumer in a channel that closes is gone', '§1.5.2.5', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    const other = await t.channel();
    await other.consume(q);
    await other.close();
    expect((await ch.declareQueue(q, { passive: true })).consumerCount).toBe(0);
  }),
  rawScenario('a consumer that does not read holds up nobody but itself', 'flow; §1.8.2.9', async (t) => {
    const [slow, quick] = [t.name('slow'), t.name('quick')];
    const ch = await t.confirming();
    await ch.declareQueue(slow);
    await ch.declareQueue(quick);
    const raw = await t.rawChannel();
    raw.send(method(1, 'basic.consume', u16(0), short(slow), short('c'), bits(false, true), table()));
    await raw.expect('basic.consume-ok', 1);
    raw.socket.pause();
    const body = Buffer.alloc(100_000, 0x61);
    // Far more than sockets hold.
    for (let i = 0; i < 200; i++) ch.publish('', slow, body);
    await ch.confirms();
    const consumer = await ch.consume(quick);
    for (let i = 0; i < 20; i++) {
      ch.publish('', quick, String(i));
      expect(texts(await consumer.next(1))).toEqual([String(i)]);
    }
    raw.socket.resume();
    for (let i = 1; i <= 200; i++) {
      const deliver = await raw.expect('basic.deliver', 1);
      expect([deliver.short(), deliver.u64()]).toEqual(['c', BigInt(i)]);
      expect((await raw.content()).body.length).toBe(body.length);
    }
  }),
  scenario('many channels, many consumers, each message once', '§2.3.7', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    const all = [];
    for (let i = 0; i < 20; i++) {
      const channel = await t.channel();
      await channel.qos(5);
      all.push({ channel, consumer: await channel.consume(q) });
    }
    for (let i = 0; i < 100; i++) ch.publish('', q, String(i));
    await ch.confirms();
    const got = new Set<string>();
    for (const { consumer } of all) for (const body of texts(await consumer.next(5))) got.add(body);
    expect(got.size).toBe(100);
  }),
]);
