/** Exchanges of type x-delayed-message: each message waits as long as its header says. Here only, see differences.ts. */
import { expect } from 'vitest';
import { drain, eventually, ready, type Scenario, scenario, topic } from '../scenario.ts';

const PAGE = 'rabbitmq-delayed-message-exchange';
const HERE = { hereOnly: 'delayed-plugin' } as const;

const delayed = (name: string, run: Scenario['run']): Scenario => scenario(name, PAGE, run, HERE);

export const delays = topic('delays', [
  delayed('a message comes when it is due, in the order of being due', async (t) => {
    const ch = await t.confirming();
    const [x, q] = [t.name('x'), t.name()];
    await ch.declareExchange(x, 'x-delayed-message', { arguments: { 'x-delayed-type': 'direct' } });
    await ch.declareQueue(q);
    await ch.bindQueue(q, x, 'k');
    const before = performance.now();
    ch.publish(x, 'k', 'last', { headers: { 'x-delay': 300 } });
    ch.publish(x, 'k', 'second', { headers: { 'x-delay': 150 } });
    ch.publish(x, 'k', 'first');
    expect(await ch.confirms()).toEqual(['ack', 'ack', 'ack']);
    const consumer = await ch.consume(q, { noAck: true });
    const bodies = (await consumer.next(3)).map((d) => d.body.toString());
    expect(performance.now() - before).toBeGreaterThan(295);
    expect(bodies).toEqual(['first', 'second', 'last']);
  }),

  delayed('the exchange and the key are the publisher’s, and x-delay is negative afterwards', async (t) => {
    const ch = await t.confirming();
    const [x, q] = [t.name('x'), t.name()];
    await ch.declareExchange(x, 'x-delayed-message', { arguments: { 'x-delayed-type': 'topic' } });
    await ch.declareQueue(q);
    await ch.bindQueue(q, x, 'a.#');
    ch.publish(x, 'a.b', 'x', { headers: { 'x-delay': 50, mine: 1 } });
    await ch.confirms();
    await eventually(() => ready(ch, q), 1);
    const got = await ch.get(q, { noAck: true });
    expect(got).toMatchObject({ exchange: x, routingKey: 'a.b', redelivered: false });
    expect(got!.properties.headers!['mine']).toBe(1);
  }),

  ...(['fanout', 'direct', 'topic', 'headers', 'x-consistent-hash'] as const).map((type) =>
    delayed(`it routes as ${type}`, async (t) => {
      const ch = await t.confirming();
      const [x, q] = [t.name('x'), t.name()];
      await ch.declareExchange(x, 'x-delayed-message', { arguments: { 'x-delayed-type': type } });
      await ch.declareQueue(q);
      await ch.bindQueue(q, x, type === 'x-consistent-hash' ? '1' : 'k', type === 'headers' ? { h: 1 } : undefined);
      ch.publish(x, 'k', 'x', { headers: { 'x-delay': 30, h: 1 } });
      await ch.confirms();
      await eventually(() => ready(ch, q), 1);
    }),
  ),

  delayed('bindings count when the message is due, not when it is sent', async (t) => {
    const ch = await t.confirming();
    const [x, q] = [t.name('x'), t.name()];
    await ch.declareExchange(x, 'x-delayed-message', { arguments: { 'x-delayed-type': 'direct' } });
    ch.publish(x, 'k', 'x', { headers: { 'x-delay': 600 } });
    await ch.confirms();
    await ch.declareQueue(q);
    await ch.bindQueue(q, x, 'k');
    await eventually(() => ready(ch, q), 1);
  }),

  delayed('no delay, or one that is not positive, means at once', async (t) => {
    const ch = await t.confirming();
    const [x, q] = [t.name('x'), t.name()];
    await ch.declareExchange(x, 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } });
    await ch.declareQueue(q);
    await ch.bindQueue(q, x, '');
    ch.publish(x, '', '1');
    ch.publish(x, '', '2', { headers: { 'x-delay': 0 } });
    ch.publish(x, '', '3', { headers: { 'x-delay': -5 } });
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['1', '2', '3']);
  }),

  delayed('the type behind it must be named', async (t) => {
    const ch = await t.channel();
    await t.refused(
      ch.declareExchange(t.name('x'), 'x-delayed-message'),
      406,
      "PRECONDITION_FAILED - Invalid argument, 'x-delayed-type' must be an existing exchange type",
    );
  }),

  delayed('the type behind it must be one', async (t) => {
    const ch = await t.channel();
    await t.refused(
      ch.declareExchange(t.name('x'), 'x-delayed-message', { arguments: { 'x-delayed-type': 'nonsense' } }),
      503,
      "COMMAND_INVALID - unknown exchange type 'nonsense'",
    );
  }),

  delayed('many at once, each exactly once', async (t) => {
    const ch = await t.confirming();
    const [x, q] = [t.name('x'), t.name()];
    await ch.declareExchange(x, 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } });
    await ch.declareQueue(q);
    await ch.bindQueue(q, x, '');
    for (let i = 0; i < 300; i++) ch.publish(x, '', String(i), { headers: { 'x-delay': 20 + (i % 7) * 30 } });
    await ch.confirms();
    await eventually(() => ready(ch, q), 300);
    const bodies = await drain(ch, q);
    expect(new Set(bodies).size).toBe(300);
    // Those that were due at the same time keep their order.
    for (let due = 0; due < 7; due++) {
      const same = bodies.map(Number).filter((i) => i % 7 === due);
      expect(same).toEqual([...same].sort((a, b) => a - b));
    }
  }),
]);
