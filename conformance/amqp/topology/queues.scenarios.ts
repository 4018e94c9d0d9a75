/** Queues: declaring, names, equivalence. */
import { expect } from 'vitest';
import { drain, eventually, ready, scenario, topic } from '../scenario.ts';

const locked = (queue: string): string =>
  `RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '${queue}' in vhost '/'. ` +
  'It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.';

export const queues = topic('queues', [
  scenario('declare-ok tells the name, the messages and the consumers', '§1.7.2.2', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    expect(await ch.declareQueue(q)).toEqual({ queue: q, messageCount: 0, consumerCount: 0 });
    ch.publish('', q, 'one');
    ch.publish('', q, 'two');
    await ch.confirms();
    expect(await ch.declareQueue(q)).toEqual({ queue: q, messageCount: 2, consumerCount: 0 });
    await ch.consume(q);
    expect((await ch.declareQueue(q)).consumerCount).toBe(1);
  }),
  scenario(
    'counts are of ready messages: what a consumer holds is not among them',
    'amqp-0-9-1-reference#queue.declare',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name();
      await ch.declareQueue(q);
      for (const body of ['1', '2', '3']) ch.publish('', q, body);
      await ch.confirms();
      const got = await ch.get(q);
      expect(got!.messageCount).toBe(2);
      expect(await ready(ch, q)).toBe(2);
      ch.nack(got!.deliveryTag);
      await eventually(() => ready(ch, q), 3);
    },
  ),
  scenario('declaring again with the same settings changes nothing', '§1.7.2.1.3 equivalent', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'kept');
    await ch.confirms();
    expect((await ch.declareQueue(q)).messageCount).toBe(1);
  }),
  scenario('a queue without a name gets one that begins with amq.gen-', '§1.7.2.1 default-name', async (t) => {
    const ch = await t.channel();
    const first = await ch.declareQueue('', { exclusive: true });
    const second = await ch.declareQueue('', { exclusive: true });
    expect(first.queue).toMatch(/^amq\.gen-[A-Za-z0-9_-]{22}$/);
    expect(second.queue).not.toBe(first.queue);
  }),
  scenario('an empty name means the queue declared last on the channel', '§1.7.2.3.3 queue-known', async (t) => {
    const ch = await t.confirming();
    const { queue } = await ch.declareQueue('', { exclusive: true });
    await ch.bindQueue('', 'amq.direct', queue);
    ch.publish('amq.direct', queue, 'found');
    await ch.confirms();
    expect((await ch.get('', { noAck: true }))!.body.toString()).toBe('found');
    expect(await ch.purgeQueue('')).toBe(0);
    expect(await ch.deleteQueue('')).toBe(0);
  }),
  scenario(
    'an empty binding key with an empty queue name means that queue’s name',
    'specification §1.7.2.3.5 routing-key',
    async (t) => {
      const ch = await t.confirming();
      const { queue } = await ch.declareQueue('', { exclusive: true });
      await ch.bindQueue('', 'amq.direct', '');
      ch.publish('amq.direct', queue, 'found');
      await ch.confirms();
      expect(await drain(ch, queue)).toEqual(['found']);
    },
  ),
  scenario('an empty name where no queue was declared is not found', '§1.7.2.3.3 queue-known', async (t) => {
    const ch = await t.channel();
    await t.refused(ch.bindQueue('', 'amq.direct', 'k'), 404, 'NOT_FOUND - no previously declared queue');
  }),
  scenario('passive declaration of a queue that is not there', '§1.7.2.1.4 passive', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await t.refused(ch.declareQueue(q, { passive: true }), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
    await t.closes(ch, 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
    // A soft error takes the channel and leaves the connection.
    await (await t.channel()).declareQueue(q);
  }),
  scenario('passive declaration does not compare settings', '§1.7.2.1.4 passive', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q, { durable: false, autoDelete: true });
    expect((await ch.declareQueue(q, { passive: true })).queue).toBe(q);
  }),
  ...(
    [
      ['durable', { durable: true }, { durable: false }, 'true', 'false'],
      ['durable', { durable: false }, { durable: true }, 'false', 'true'],
      ['auto_delete', {}, { autoDelete: true }, 'false', 'true'],
      ['auto_delete', { autoDelete: true }, {}, 'true', 'false'],
    ] as const
  ).map(([what, first, second, current, received]) =>
    scenario(
      `declaring again with ${what} ${received} instead of ${current}`,
      'queues#property-equivalence',
      async (t) => {
        const ch = await t.channel();
        const q = t.name();
        await ch.declareQueue(q, first);
        await t.refused(
          ch.declareQueue(q, second),
          406,
          `PRECONDITION_FAILED - inequivalent arg '${what}' for queue '${q}' in vhost '/': received '${received}' but current is '${current}'`,
        );
      },
    ),
  ),
  scenario('declaring an exclusive queue again as one that is not', 'queues#property-equivalence', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q, { exclusive: true });
    await t.refused(ch.declareQueue(q, { exclusive: false }), 405, locked(q));
  }),
  scenario('declaring a queue again as exclusive', 'queues#property-equivalence', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await t.refused(ch.declareQueue(q, { exclusive: true }), 405, locked(q));
  }),
  scenario('a name beginning with amq. is reserved', '§1.7.2.1.3 reserved', async (t) => {
    const ch = await t.channel();
    const q = t.name('amq.mine');
    await t.refused(ch.declareQueue(q), 403, `ACCESS_REFUSED - queue name '${q}' contains reserved prefix 'amq.*'`);
  }),
  scenario('passive declaration of a reserved name that is not there', '§1.7.2.1.3 reserved', async (t) => {
    const ch = await t.channel();
    const q = t.name('amq.gen');
    await t.refused(ch.declareQueue(q, { passive: true }), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),
  scenario('names hold any characters, up to 255 bytes of UTF-8', '§1.7.2.1.3 queue', async (t) => {
    const ch = await t.confirming();
    for (const q of [
      `${t.name()} with spaces/slashes.dots*#`,
      `${t.name()}-größe-队列`,
      `${t.name()}-`.padEnd(255, 'x'),
    ]) {
      expect((await ch.declareQueue(q, { autoDelete: true, durable: false })).queue).toBe(q);
      ch.publish('', q, 'x');
      await ch.confirms();
      expect(await drain(ch, q)).toEqual(['x']);
      await ch.deleteQueue(q);
    }
  }),
]);
