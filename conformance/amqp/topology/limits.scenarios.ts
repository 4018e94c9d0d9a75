/** Limits of queues: times to live, lengths, and what overflows. */
import { expect } from 'vitest';
import type { AmqpChannel, Table } from '../clients/client.ts';
import { drain, eventually, type Run, ready, scenario, texts, topic } from '../scenario.ts';

/** A queue with these arguments, filled in order. */
async function filled(t: Run, arguments_: Table, bodies: readonly string[]): Promise<{ ch: AmqpChannel; q: string }> {
  const ch = await t.confirming();
  const q = t.name();
  await ch.declareQueue(q, { arguments: arguments_ });
  for (const body of bodies) ch.publish('', q, body);
  await ch.confirms();
  return { ch, q };
}

/** By the broker's own clock: until a message has expired. */
async function aWhile(t: Run, ch: AmqpChannel, ms: number): Promise<void> {
  const clock = t.name(`clock-${ms}`);
  await ch.declareQueue(clock, { arguments: { 'x-message-ttl': ms } });
  ch.publish('', clock, 'tick');
  await ch.confirms();
  await eventually(() => ready(ch, clock), 0);
}

const gone = (ch: AmqpChannel, q: string) => eventually(() => ready(ch, q), 0);

export const limits = topic('limits', [
  scenario('queue ttl: a message that waits too long is gone', 'ttl#message-ttl-using-x-args', async (t) => {
    const { ch, q } = await filled(t, { 'x-message-ttl': 100 }, ['1', '2']);
    await gone(ch, q);
    expect(await ch.get(q)).toBeUndefined();
  }),
  scenario('queue ttl: what is delivered in time is not taken back', 'ttl#message-ttl-using-x-args', async (t) => {
    const { ch, q } = await filled(t, { 'x-message-ttl': 500 }, ['held', 'waits']);
    const held = await ch.get(q);
    await gone(ch, q);
    ch.ack(held!.deliveryTag);
    await ch.declareQueue(q, { passive: true });
  }),
  scenario('queue ttl: what comes back too late is gone', 'ttl', async (t) => {
    const { ch, q } = await filled(t, { 'x-message-ttl': 500 }, ['held', 'waits']);
    const held = await ch.get(q);
    await gone(ch, q);
    ch.nack(held!.deliveryTag);
    // The broker has seen the nack once it has answered what came after it.
    await ch.declareQueue(q, { passive: true });
    await gone(ch, q);
    expect(await ch.get(q)).toBeUndefined();
  }),
  scenario('queue ttl 0: delivered at once or not at all', 'ttl (TTL of 0)', async (t) => {
    const { ch, q } = await filled(t, { 'x-message-ttl': 0 }, ['nobody there']);
    expect(await ch.get(q)).toBeUndefined();
    const consumer = await ch.consume(q, { noAck: true });
    ch.publish('', q, 'at once');
    expect(texts(await consumer.next(1))).toEqual(['at once']);
  }),
  scenario('message ttl: only that message goes', 'ttl#per-message-ttl-in-publishers', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'short', { expiration: '100' });
    ch.publish('', q, 'long', { expiration: '60000' });
    ch.publish('', q, 'for ever');
    await ch.confirms();
    await eventually(() => ready(ch, q), 2);
    expect(await drain(ch, q)).toEqual(['long', 'for ever']);
  }),
  scenario('message ttl 0: delivered at once or not at all', 'ttl#per-message-ttl-in-publishers', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'nobody there', { expiration: '0' });
    ch.publish('', q, 'stays');
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['stays']);
  }),
  scenario(
    'message ttl: it goes when it comes to the head, and is never delivered',
    'ttl#per-message-ttl-caveats',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name();
      await ch.declareQueue(q);
      ch.publish('', q, 'head');
      ch.publish('', q, 'expired behind it', { expiration: '50' });
      ch.publish('', q, 'tail');
      await ch.confirms();
      const wait = t.name('clock');
      await ch.declareQueue(wait, { arguments: { 'x-message-ttl': 150 } });
      ch.publish('', wait, 'tick');
      await ch.confirms();
      await gone(ch, wait);
      expect(await drain(ch, q)).toEqual(['head', 'tail']);
    },
  ),
  scenario('both ttls: the lower counts', 'ttl', async (t) => {
    const ch = await t.confirming();
    const [low, high] = [t.name('low'), t.name('high')];
    await ch.declareQueue(low, { arguments: { 'x-message-ttl': 100 } });
    await ch.declareQueue(high, { arguments: { 'x-message-ttl': 60_000 } });
    ch.publish('', low, 'x', { expiration: '60000' });
    ch.publish('', high, 'x', { expiration: '100' });
    await ch.confirms();
    await gone(ch, low);
    await gone(ch, high);
  }),
  scenario(
    'the expiration property is still there for the consumer',
    'ttl#per-message-ttl-in-publishers',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name();
      await ch.declareQueue(q);
      ch.publish('', q, 'x', { expiration: '60000' });
      await ch.confirms();
      expect((await ch.get(q))!.properties.expiration).toBe('60000');
    },
  ),
  scenario('x-expires: a queue that nobody uses goes, with what is in it', 'ttl#queue-ttl', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-expires': 100 } });
    ch.publish('', q, 'goes with it');
    await ch.confirms();
    await aWhile(t, ch, 500);
    await t.refused(ch.declareQueue(q, { passive: true }), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),
  scenario(
    'x-expires: a consumer keeps it alive, and its leaving starts the time again',
    'ttl#queue-ttl',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name();
      await ch.declareQueue(q, { arguments: { 'x-expires': 500 } });
      const consumer = await ch.consume(q);
      await aWhile(t, ch, 800);
      ch.publish('', q, 'still there');
      expect(texts(await consumer.next(1))).toEqual(['still there']);
      await ch.cancel(consumer.tag);
      await aWhile(t, ch, 900);
      await t.refused(ch.declareQueue(q, { passive: true }), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
    },
  ),
  scenario(
    'x-expires: basic.get, declaring again and looking (a passive declare) start the time again',
    'ttl#queue-ttl',
    async (t) => {
      const ch = await t.confirming();
      const [got, declared, looked] = [t.name('got'), t.name('declared'), t.name('looked')];
      const options = { arguments: { 'x-expires': 1_500 } };
      for (const q of [got, declared, looked]) await ch.declareQueue(q, options);
      for (let i = 0; i < 5; i++) {
        await aWhile(t, ch, 500);
        await ch.get(got);
        await ch.declareQueue(declared, options);
        await ready(ch, looked);
      }
      expect((await ch.declareQueue(got, { passive: true })).queue).toBe(got);
      expect((await ch.declareQueue(declared, { passive: true })).queue).toBe(declared);
    },
  ),
  scenario('max-length: the oldest go', 'maxlength', async (t) => {
    const { ch, q } = await filled(t, { 'x-max-length': 3 }, ['1', '2', '3', '4', '5']);
    expect(await drain(ch, q)).toEqual(['3', '4', '5']);
  }),
  scenario('max-length 0: nothing waits', 'maxlength', async (t) => {
    const { ch, q } = await filled(t, { 'x-max-length': 0 }, ['1']);
    expect(await drain(ch, q)).toEqual([]);
    const consumer = await ch.consume(q, { noAck: true });
    ch.publish('', q, 'at once');
    expect(texts(await consumer.next(1))).toEqual(['at once']);
  }),
  scenario('max-length counts what is ready, not what is held', 'maxlength', async (t) => {
    const { ch, q } = await filled(t, { 'x-max-length': 2 }, ['1', '2']);
    const held = [await ch.get(q), await ch.get(q)];
    for (const body of ['3', '4']) ch.publish('', q, body);
    await ch.confirms();
    expect(await ready(ch, q)).toBe(2);
    ch.ack(held[1]!.deliveryTag, true);
    expect(await drain(ch, q)).toEqual(['3', '4']);
  }),
  scenario('max-length-bytes: bodies count, the oldest go', 'maxlength', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-max-length-bytes': 100 } });
    for (const letter of ['a', 'b', 'c']) ch.publish('', q, letter.repeat(40));
    await ch.confirms();
    expect((await drain(ch, q)).map((body) => body[0])).toEqual(['b', 'c']);
  }),
  scenario('max-length-bytes: a message that is larger than all is not kept', 'maxlength', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-max-length-bytes': 100 } });
    ch.publish('', q, 'small');
    ch.publish('', q, 'x'.repeat(101));
    await ch.confirms();
    expect(await drain(ch, q)).toEqual([]);
  }),
  scenario('both lengths: whichever is reached first', 'maxlength', async (t) => {
    const { ch, q } = await filled(t, { 'x-max-length': 2, 'x-max-length-bytes': 5 }, ['aaaa', 'bb', 'cc', 'd']);
    expect(await drain(ch, q)).toEqual(['cc', 'd']);
  }),
  scenario('overflow reject-publish: the newest are refused', 'maxlength#overflow-behaviour', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-max-length': 2, 'x-overflow': 'reject-publish' } });
    // One by one: the broker may take a few more while it has not yet told everyone that the queue is full.
    const outcomes: string[] = [];
    for (const body of ['1', '2', '3', '4']) {
      ch.publish('', q, body);
      outcomes.push(...(await ch.confirms()));
    }
    expect(outcomes).toEqual(['ack', 'ack', 'nack', 'nack']);
    expect(await drain(ch, q)).toEqual(['1', '2']);
    ch.publish('', q, 'room again');
    expect(await ch.confirms()).toEqual(['ack']);
  }),
  scenario(
    'overflow reject-publish: one full queue refuses, the others have it',
    'maxlength#overflow-behaviour',
    async (t) => {
      const ch = await t.confirming();
      const [x, full, other] = [t.name('x'), t.name('full'), t.name('other')];
      await ch.declareExchange(x, 'fanout');
      await ch.declareQueue(full, { arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' } });
      await ch.declareQueue(other);
      for (const q of [full, other]) await ch.bindQueue(q, x, '');
      ch.publish(x, '', 'x');
      expect(await ch.confirms()).toEqual(['nack']);
      expect(await drain(ch, other)).toEqual(['x']);
    },
  ),
  scenario(
    'overflow reject-publish without confirms: dropped without a word',
    'maxlength#overflow-behaviour',
    async (t) => {
      const ch = await t.channel();
      const q = t.name();
      await ch.declareQueue(q, { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
      for (const body of ['1', '2', '3']) ch.publish('', q, body);
      await ch.declareQueue(q, { passive: true });
      expect(await drain(ch, q)).toEqual(['1']);
    },
  ),
  scenario('overflow reject-publish with bytes', 'maxlength#overflow-behaviour', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-max-length-bytes': 10, 'x-overflow': 'reject-publish' } });
    const outcomes: string[] = [];
    for (const body of ['12345', '1234567', '1']) {
      ch.publish('', q, body);
      outcomes.push(...(await ch.confirms()));
    }
    // What does not fit is refused, what does is taken.
    expect(outcomes).toEqual(['ack', 'nack', 'ack']);
    expect(await drain(ch, q)).toEqual(['12345', '1']);
  }),
]);
