/** Queues that are deleted, purged, or go by themselves: exclusive and auto-delete ones. */
import { expect } from 'vitest';
import { drain, eventually, ready, scenario, topic } from '../scenario.ts';

const locked = (queue: string): string =>
  `RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '${queue}' in vhost '/'. ` +
  'It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.';

export const queueEnds = topic('queues that go', [
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
]);
