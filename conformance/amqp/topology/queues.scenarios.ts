/** Queues: declaring, finding, deleting, purging, owning; and what is refused, with RabbitMQ's words. */
import { expect } from 'vitest';
import { drain, eventually, ready, scenario, texts, topic } from '../scenario.ts';

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

  scenario('delete tells how many messages went, and the queue is gone', '§1.7.2.9', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (const body of ['1', '2', '3']) ch.publish('', q, body);
    await ch.confirms();
    expect(await ch.deleteQueue(q)).toBe(3);
    await t.refused(ch.declareQueue(q, { passive: true }), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),

  scenario(
    'deleting a queue that is not there is fine',
    'amqp-0-9-1-errata / breaking: idempotent delete',
    async (t) => {
      const ch = await t.channel();
      expect(await ch.deleteQueue(t.name())).toBe(0);
    },
  ),

  scenario('delete if-empty of a queue that is not', '§1.7.2.9.5 if-empty', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'still here');
    await ch.confirms();
    await t.refused(
      ch.deleteQueue(q, { ifEmpty: true }),
      406,
      `PRECONDITION_FAILED - queue '${q}' in vhost '/' not empty`,
    );
    expect(await drain(await t.channel(), q)).toEqual(['still here']);
  }),

  scenario('delete if-unused of a queue with a consumer', '§1.7.2.9.4 if-unused', async (t) => {
    const ch = await t.channel();
    const other = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await other.consume(q);
    await t.refused(
      ch.deleteQueue(q, { ifUnused: true }),
      406,
      `PRECONDITION_FAILED - queue '${q}' in vhost '/' in use`,
    );
    expect((await other.declareQueue(q, { passive: true })).consumerCount).toBe(1);
  }),

  scenario('delete if-unused and if-empty of one that is neither used nor full', '§1.7.2.9', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    expect(await ch.deleteQueue(q, { ifUnused: true, ifEmpty: true })).toBe(0);
  }),

  scenario('deleting a queue takes its bindings', '§1.7.2.9', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.bindQueue(q, 'amq.direct', q);
    await ch.deleteQueue(q);
    await ch.declareQueue(q);
    ch.publish('amq.direct', q, 'nobody is bound', { mandatory: true });
    expect((await ch.returned(1))[0]!.replyText).toBe('NO_ROUTE');
    expect(await ready(ch, q)).toBe(0);
  }),

  scenario('purge tells how many it took, and takes no delivered ones', '§1.7.2.7', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (const body of ['held', '2', '3']) ch.publish('', q, body);
    await ch.confirms();
    const held = await ch.get(q);
    expect(await ch.purgeQueue(q)).toBe(2);
    expect(await ready(ch, q)).toBe(0);
    ch.nack(held!.deliveryTag);
    await eventually(() => ready(ch, q), 1);
    expect(await drain(ch, q)).toEqual(['held']);
  }),

  scenario('purging a queue that is not there', '§1.7.2.7.3 queue', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await t.refused(ch.purgeQueue(q), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),

  scenario('an exclusive queue is locked to others, whatever they ask of it', '§1.7.2.1.6 exclusive', async (t) => {
    const owner = await t.channel();
    const q = t.name();
    await owner.declareQueue(q, { exclusive: true });
    const stranger = await t.client();
    const asks = [
      async () => (await stranger.openChannel()).declareQueue(q, { passive: true }),
      async () => (await stranger.openChannel()).declareQueue(q, { exclusive: true }),
      async () => (await stranger.openChannel()).declareQueue(q),
      async () => (await stranger.openChannel()).consume(q),
      async () => (await stranger.openChannel()).get(q),
      async () => (await stranger.openChannel()).purgeQueue(q),
      async () => (await stranger.openChannel()).deleteQueue(q),
      async () => (await stranger.openChannel()).bindQueue(q, 'amq.direct', 'k'),
    ];
    for (const ask of asks) await t.refused(ask(), 405, locked(q));
  }),

  scenario('anyone may publish to an exclusive queue', 'queues#exclusive-queues', async (t) => {
    const owner = await t.channel();
    const q = t.name();
    await owner.declareQueue(q, { exclusive: true });
    const stranger = await (await t.client()).openChannel();
    await stranger.confirmSelect();
    stranger.publish('', q, 'from outside');
    expect(await stranger.confirms()).toEqual(['ack']);
    expect(await drain(owner, q)).toEqual(['from outside']);
  }),

  scenario('an exclusive queue goes with its connection, in order or not', '§1.7.2.1.6 exclusive', async (t) => {
    const watcher = await t.channel();
    for (const leave of ['close', 'cut'] as const) {
      const owner = await t.client();
      const q = t.name(leave);
      await (await owner.openChannel()).declareQueue(q, { exclusive: true, durable: true });
      if (leave === 'close') await owner.close();
      else owner.cut();
      // It can be declared anew as soon as the old one is gone.
      const declareAnew = async (): Promise<boolean> => {
        const channel = await t.channel();
        return channel.declareQueue(q, { durable: false, autoDelete: true }).then(
          () => true,
          () => false,
        );
      };
      await eventually(declareAnew, true);
    }
    await watcher.close();
  }),

  scenario('an auto-delete queue goes with its last consumer', '§1.7.2.1.7 auto-delete', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q, { autoDelete: true });
    const one = await ch.consume(q);
    const two = await ch.consume(q);
    await ch.cancel(one.tag);
    expect((await ch.declareQueue(q, { passive: true })).consumerCount).toBe(1);
    await ch.cancel(two.tag);
    await t.refused(ch.declareQueue(q, { passive: true }), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),

  scenario('an auto-delete queue goes when the last consumer’s channel closes', '§1.7.2.1.7 auto-delete', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q, { autoDelete: true });
    const other = await t.channel();
    await other.consume(q);
    await other.close();
    await t.refused(ch.declareQueue(q, { passive: true }), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),

  scenario('an auto-delete queue that never had a consumer stays', '§1.7.2.1.7 auto-delete', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q, { autoDelete: true });
    await ch.get(q);
    expect((await ch.declareQueue(q, { passive: true })).queue).toBe(q);
  }),

  scenario('bind and unbind; binding twice counts once', '§1.7.2.3', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.bindQueue(q, 'amq.direct', q);
    await ch.bindQueue(q, 'amq.direct', q);
    ch.publish('amq.direct', q, 'once');
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['once']);
    await ch.unbindQueue(q, 'amq.direct', q);
    ch.publish('amq.direct', q, 'lost', { mandatory: true });
    expect(texts(await ch.returned(1))).toEqual(['lost']);
  }),

  scenario('a message that two bindings match arrives once', '§3.1.3.1', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.bindQueue(q, 'amq.topic', `${q}.*`);
    await ch.bindQueue(q, 'amq.topic', `${q}.#`);
    ch.publish('amq.topic', `${q}.a`, 'once');
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['once']);
  }),

  scenario('unbinding what is not bound is fine', 'amqp-0-9-1 breaking: idempotent unbind', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.unbindQueue(q, 'amq.direct', 'never');
    expect((await ch.declareQueue(q, { passive: true })).queue).toBe(q);
  }),

  scenario('binding to an exchange that is not there', '§1.7.2.3.4 exchange-known', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    const x = t.name('x');
    await ch.declareQueue(q);
    await t.refused(ch.bindQueue(q, x, 'k'), 404, `NOT_FOUND - no exchange '${x}' in vhost '/'`);
  }),

  scenario('binding a queue that is not there', '§1.7.2.3.3 queue-known', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await t.refused(ch.bindQueue(q, 'amq.direct', 'k'), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),

  scenario('unbinding from an exchange that is not there is fine', '§1.7.2.5', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.unbindQueue(q, t.name('x'), 'k');
  }),

  scenario('nobody may bind to the default exchange', 'tutorials/amqp-concepts#exchange-default', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await t.refused(ch.bindQueue(q, '', 'k'), 403, 'ACCESS_REFUSED - operation not permitted on the default exchange');
  }),

  scenario('nobody may unbind from the default exchange', 'tutorials/amqp-concepts#exchange-default', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await t.refused(ch.unbindQueue(q, '', q), 403, 'ACCESS_REFUSED - operation not permitted on the default exchange');
  }),

  scenario('bindings that differ in their arguments are two', '§1.7.2.3.7 arguments', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.bindQueue(q, 'amq.direct', q, { a: 'one' });
    await ch.bindQueue(q, 'amq.direct', q, { a: 'two' });
    await ch.unbindQueue(q, 'amq.direct', q, { a: 'one' });
    ch.publish('amq.direct', q, 'still bound');
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['still bound']);
    await ch.unbindQueue(q, 'amq.direct', q, { a: 'two' });
    ch.publish('amq.direct', q, 'no more', { mandatory: true });
    expect(texts(await ch.returned(1))).toEqual(['no more']);
  }),
]);
