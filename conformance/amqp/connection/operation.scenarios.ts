/** What an operator's doing looks like to clients: alarms, and a broker that stops and starts again. One at a time. */
import { expect } from 'vitest';
import { within } from '../../support/inbox.ts';
import { PATIENCE_MS } from '../clients/arrivals.ts';
import { bits, method, short, u16, u32 } from '../clients/frames.ts';
import { clientProperties, plain } from '../clients/raw.ts';
import { drain, eventually, type Run, ready, scenario, texts, topic, word } from '../scenario.ts';

const ALONE = { alone: true } as const;

/** What a client is told that opens a connection when there may be no more: the libraries do not all hand it on. */
async function openingRefused(t: Run): Promise<string> {
  const raw = await t.raw({ greetOnly: true });
  const startOk = [clientProperties([]), short('PLAIN'), plain('guest', 'guest'), short('en_US')];
  raw.send(method(0, 'connection.start-ok', ...startOk));
  await raw.expect('connection.tune');
  raw.send(method(0, 'connection.tune-ok', u16(2_047), u32(131_072), u16(0)));
  raw.send(method(0, 'connection.open', short('/'), short(''), bits(false)));
  return word(await raw.connectionClose());
}

export const operation = topic('operation', [
  scenario(
    'an alarm blocks those who publish, tells them, and leaves those who consume alone',
    'connection-blocked; alarms',
    async (t) => {
      const publisher = await t.client();
      const ch = await publisher.openChannel();
      await ch.confirmSelect();
      const q = t.name();
      await ch.declareQueue(q);
      ch.publish('', q, 'before', { deliveryMode: 2 });
      await ch.confirms();
      const consumer = await (await (await t.client()).openChannel()).consume(q, { noAck: true });
      await consumer.next(1);
      await t.broker.alarm(true);
      let during: Promise<readonly string[]>;
      try {
        ch.publish('', q, 'during', { deliveryMode: 2 });
        during = ch.confirms();
        expect(await publisher.blocked(1)).toEqual(['low on disk']);
        // Others can declare and consume meanwhile.
        const other = await t.channel();
        expect((await other.declareQueue(q, { passive: true })).consumerCount).toBe(1);
      } finally {
        await t.broker.alarm(false);
      }
      expect(await publisher.blocked(1)).toEqual([undefined]);
      expect(await during).toEqual(['ack']);
      expect(texts(await consumer.next(1))).toEqual(['during']);
    },
    ALONE,
  ),

  scenario(
    'memory past its mark blocks those who publish, tells them which, and lets them go on',
    'connection-blocked; memory#threshold',
    async (t) => {
      const publisher = await t.client();
      const ch = await publisher.openChannel();
      await ch.confirmSelect();
      const q = t.name();
      await ch.declareQueue(q);
      await t.broker.alarm(true, 'memory');
      let during: Promise<readonly string[]>;
      try {
        ch.publish('', q, 'during');
        during = ch.confirms();
        expect(await publisher.blocked(1)).toEqual(['low on memory']);
        await (await t.channel()).declareQueue(q, { passive: true });
      } finally {
        await t.broker.alarm(false, 'memory');
      }
      expect(await publisher.blocked(1)).toEqual([undefined]);
      expect(await during).toEqual(['ack']);
    },
    ALONE,
  ),

  scenario(
    'a vhost with as many connections or queues as it may have refuses one more',
    'vhosts#limits',
    async (t) => {
      const ch = await t.channel();
      const q = t.name();
      await t.broker.setVhostLimits({ 'max-connections': 0 });
      try {
        expect(await openingRefused(t)).toBe(
          "530 NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (0) is reached",
        );
        await t.broker.setVhostLimits({ 'max-queues': 0 });
        await t.refused(
          ch.declareQueue(q),
          406,
          `PRECONDITION_FAILED - cannot declare queue '${q}': queue limit in vhost '/' (0) is reached`,
        );
      } finally {
        await t.broker.setVhostLimits({});
      }
      await (await t.channel()).declareQueue(q);
    },
    ALONE,
  ),

  scenario(
    'a limit of -1 of a vhost or a user is none',
    'vhosts#limits',
    async (t) => {
      await t.broker.setVhostLimits({ 'max-connections': -1, 'max-queues': -1 });
      await t.broker.setUserLimits({ 'max-connections': -1, 'max-channels': -1 });
      try {
        const clients = [await t.client(), await t.client()];
        for (const client of clients) {
          const ch = await client.openChannel();
          await ch.declareQueue(t.name(`q${clients.indexOf(client)}`));
          await client.openChannel();
        }
      } finally {
        await t.broker.setVhostLimits({});
        await t.broker.setUserLimits({});
      }
    },
    ALONE,
  ),

  scenario(
    'a vhost with as many queues as it may have still answers for one that is there',
    'vhosts#limits',
    async (t) => {
      const ch = await t.channel();
      const q = t.name();
      await ch.declareQueue(q);
      await t.broker.setVhostLimits({ 'max-queues': 0 });
      try {
        await ch.declareQueue(q);
        await ch.declareQueue(q, { passive: true });
      } finally {
        await t.broker.setVhostLimits({});
      }
    },
    ALONE,
  ),

  scenario(
    'a user with as many connections or channels as it may have is refused one more',
    'user-limits',
    async (t) => {
      const client = await t.client();
      await t.broker.setUserLimits({ 'max-connections': 0 });
      try {
        expect(await openingRefused(t)).toBe(
          "530 NOT_ALLOWED - connection refused for user 'guest': user connection limit (0) is reached",
        );
        await t.broker.setUserLimits({ 'max-channels': 0 });
        client.openChannel().catch(() => {});
        await t.closes(
          client,
          530,
          "NOT_ALLOWED - number of channels opened for user 'guest' has reached the maximum allowed user limit of (0)",
        );
      } finally {
        await t.broker.setUserLimits({});
      }
      await (await t.client()).openChannel();
    },
    ALONE,
  ),

  scenario(
    'durable queues, exchanges, bindings and persistent messages are there after a restart; others are not',
    '§1.7.2.1.5 durable; §3.1.1; queues#durability',
    async (t) => {
      const client = await t.client();
      const ch = await client.openChannel();
      await ch.confirmSelect();
      const [durable, transient, x, gone] = [t.name('durable'), t.name('transient'), t.name('x'), t.name('gone')];
      await ch.declareQueue(durable, { arguments: { 'x-max-length': 100, 'x-max-priority': 3 } });
      await ch.declareQueue(transient, { durable: false });
      await ch.declareExchange(x, 'topic');
      await ch.declareExchange(gone, 'topic', { durable: false });
      await ch.bindQueue(durable, x, 'a.*');
      await ch.bindExchange(x, 'amq.topic', `${x}.#`);
      ch.publish(x, 'a.b', 'low', { deliveryMode: 2, priority: 1, headers: { n: 1 }, messageId: 'm' });
      ch.publish(x, 'a.b', 'high', { deliveryMode: 2, priority: 3 });
      ch.publish(x, 'a.b', 'transient', { deliveryMode: 1 });
      ch.publish('', transient, 'lost', { deliveryMode: 2 });
      await ch.confirms();
      await t.broker.restart();
      const closing = await within(client.closed, PATIENCE_MS, () => 'the connection was not closed');
      expect(closing.replyCode).toBe(320);
      const again = await (await t.client()).openChannel();
      await again.confirmSelect();
      // Equivalent, its arguments too.
      await again.declareQueue(durable, { arguments: { 'x-max-length': 100, 'x-max-priority': 3 } });
      await again.declareExchange(x, 'topic');
      await eventually(() => ready(again, durable), 2);
      const first = await again.get(durable, { noAck: true });
      expect(first!.body.toString()).toBe('high');
      const second = await again.get(durable, { noAck: true });
      expect(second).toMatchObject({ exchange: x, routingKey: 'a.b' });
      expect(second!.properties).toMatchObject({ deliveryMode: 2, priority: 1, headers: { n: 1 }, messageId: 'm' });
      again.publish(x, 'a.c', 'bound still', { deliveryMode: 2 });
      await again.confirms();
      expect(await drain(again, durable)).toEqual(['bound still']);
      for (const [what, call] of [
        [`no queue '${transient}'`, async () => again.declareQueue(transient, { passive: true })],
        [
          `no exchange '${gone}'`,
          async () => (await (await t.client()).openChannel()).declareExchange(gone, 'topic', { passive: true }),
        ],
      ] as const) {
        await t.refused(call(), 404, `NOT_FOUND - ${what} in vhost '/'`);
      }
    },
    ALONE,
  ),

  scenario(
    'what was delivered and not acknowledged is redelivered after a restart, what was acknowledged is gone',
    'confirms; queues#durability',
    async (t) => {
      const ch = await (await t.client()).openChannel();
      await ch.confirmSelect();
      const q = t.name();
      await ch.declareQueue(q);
      for (const body of ['acked', 'held', 'waiting']) ch.publish('', q, body, { deliveryMode: 2 });
      await ch.confirms();
      const acked = await ch.get(q);
      await ch.get(q);
      ch.ack(acked!.deliveryTag);
      // The ack has been taken when a later method is answered.
      await ch.declareQueue(q, { passive: true });
      await t.broker.restart();
      const again = await (await t.client()).openChannel();
      await eventually(() => ready(again, q), 2);
      const [held, waiting] = [await again.get(q), await again.get(q)];
      expect(texts([held!, waiting!])).toEqual(['held', 'waiting']);
      expect(held!.redelivered).toBe(true);
    },
    ALONE,
  ),

  scenario(
    'times run on while the broker is away',
    'ttl',
    async (t) => {
      const ch = await (await t.client()).openChannel();
      await ch.confirmSelect();
      const [q, dead] = [t.name(), t.name('dead')];
      await ch.declareQueue(dead);
      await ch.declareQueue(q, {
        arguments: { 'x-message-ttl': 1_500, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead },
      });
      ch.publish('', q, 'expires', { deliveryMode: 2 });
      await ch.confirms();
      await t.broker.restart();
      const again = await (await t.client()).openChannel();
      await eventually(() => ready(again, dead), 1);
      expect(await ready(again, q)).toBe(0);
    },
    ALONE,
  ),
]);
