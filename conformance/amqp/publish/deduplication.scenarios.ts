/** Queues and exchanges that take a message once, in the words of RabbitMQ's deduplication plugin. Here only, see differences.ts. */
import { expect } from 'vitest';
import { drain, eventually, ready, type Scenario, scenario, topic } from '../scenario.ts';

const PAGE = 'rabbitmq-message-deduplication';
const HERE = { hereOnly: 'deduplication-plugin' } as const;

const once = (name: string, run: Scenario['run']): Scenario => scenario(name, PAGE, run, HERE);
const id = (value: string | number | boolean) => ({ headers: { 'x-deduplication-header': value } });

export const deduplication = topic('deduplication', [
  once('an exchange of the type lets a message through once, to all its queues, and confirms the repeat', async (t) => {
    const ch = await t.confirming();
    const [x, q, r] = [t.name('x'), t.name(), t.name('r')];
    await ch.declareExchange(x, 'x-message-deduplication', {
      arguments: { 'x-cache-size': 10, 'x-cache-ttl': 60_000 },
    });
    for (const queue of [q, r]) {
      await ch.declareQueue(queue);
      await ch.bindQueue(queue, x, 'ignored');
    }
    for (const body of ['first', 'repeat']) ch.publish(x, 'k', body, { ...id('a'), mandatory: true });
    ch.publish(x, 'k', 'other', id('b'));
    ch.publish(x, 'k', 'none');
    ch.publish(x, 'k', 'none');
    expect(await ch.confirms()).toEqual(['ack', 'ack', 'ack', 'ack', 'ack']);
    for (const queue of [q, r]) expect(await drain(ch, queue)).toEqual(['first', 'other', 'none', 'none']);
  }),

  once('a queue knows a message while it is there', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-message-deduplication': true } });
    ch.publish('', q, 'first', id('a'));
    ch.publish('', q, 'repeat', id('a'));
    expect(await ch.confirms()).toEqual(['ack', 'ack']);
    expect(await drain(ch, q)).toEqual(['first']);
    ch.publish('', q, 'again', id('a'));
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['again']);
  }),

  once('an id is what it is worth, whatever the type of a number', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-message-deduplication': true } });
    for (const value of [7, 7, true, 'a']) ch.publish('', q, String(value), id(value));
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['7', 'true', 'a']);
  }),

  once('x-cache-ttl of a message comes before that of the exchange', async (t) => {
    const ch = await t.confirming();
    const [x, q] = [t.name('x'), t.name()];
    await ch.declareExchange(x, 'x-message-deduplication', {
      arguments: { 'x-cache-size': 10, 'x-cache-ttl': 60_000 },
    });
    await ch.declareQueue(q);
    await ch.bindQueue(q, x, '');
    const short = { headers: { 'x-deduplication-header': 'a', 'x-cache-ttl': 50 } };
    ch.publish(x, '', 'first', short);
    await ch.confirms();
    await eventually(async () => {
      ch.publish(x, '', 'again', short);
      await ch.confirms();
      return (await ready(ch, q)) >= 2;
    }, true);
    expect(await drain(ch, q)).toEqual(['first', 'again']);
  }),

  once('arguments that cannot be are refused', async (t) => {
    const missing = "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0";
    const size = `${missing}, of at most 10000000`;
    const time = "Invalid argument, 'x-cache-ttl' must be an integer greater than 0, of at most 315360000000";
    const persistence = "Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'";
    for (const [args, text] of [
      [{}, missing],
      [{ 'x-cache-size': 0 }, size],
      [{ 'x-cache-size': 'many' }, size],
      [{ 'x-cache-size': 1, 'x-cache-ttl': -1 }, time],
      [{ 'x-cache-size': 1, 'x-cache-persistence': 'tape' }, persistence],
    ] as const) {
      const ch = await t.channel();
      const declared = ch.declareExchange(t.name('x'), 'x-message-deduplication', { arguments: args });
      await t.refused(declared, 406, `PRECONDITION_FAILED - ${text}`);
    }
  }),
]);
