/** Bindings from exchange to exchange, and internal exchanges. */
import { expect } from 'vitest';
import { drain, scenario, texts, topic } from '../scenario.ts';

const DEFAULT_EXCHANGE = 'ACCESS_REFUSED - operation not permitted on the default exchange';

export const exchangeBindings = topic('exchange to exchange', [
  scenario('exchange to exchange: messages go through both', 'e2e', async (t) => {
    const ch = await t.confirming();
    const source = t.name('source');
    const destination = t.name('destination');
    const q = t.name();
    await ch.declareExchange(source, 'topic');
    await ch.declareExchange(destination, 'direct');
    await ch.declareQueue(q);
    await ch.bindExchange(destination, source, 'stock.#');
    await ch.bindQueue(q, destination, 'stock.usd');
    ch.publish(source, 'stock.usd', 'matches both');
    ch.publish(source, 'stock.eur', 'matches the first only');
    ch.publish(source, 'news', 'matches neither');
    await ch.confirms();
    const got = await ch.get(q, { noAck: true });
    expect(got).toMatchObject({ exchange: source, routingKey: 'stock.usd', messageCount: 0 });
    await ch.unbindExchange(destination, source, 'stock.#');
    ch.publish(source, 'stock.usd', 'no more', { mandatory: true });
    expect(texts(await ch.returned(1))).toEqual(['no more']);
  }),
  scenario('exchange to exchange: a circle delivers once', 'e2e', async (t) => {
    const ch = await t.confirming();
    const [a, b, q] = [t.name('a'), t.name('b'), t.name()];
    await ch.declareExchange(a, 'fanout');
    await ch.declareExchange(b, 'fanout');
    await ch.bindExchange(b, a, '');
    await ch.bindExchange(a, b, '');
    await ch.declareQueue(q);
    await ch.bindQueue(q, a, '');
    await ch.bindQueue(q, b, '');
    ch.publish(a, '', 'once');
    ch.publish(b, '', 'once more');
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['once', 'once more']);
  }),
  scenario('exchange to exchange: an exchange may be bound to itself', 'e2e', async (t) => {
    const ch = await t.confirming();
    const [x, q] = [t.name('x'), t.name()];
    await ch.declareExchange(x, 'fanout');
    await ch.bindExchange(x, x, '');
    await ch.declareQueue(q);
    await ch.bindQueue(q, x, '');
    ch.publish(x, '', 'once');
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['once']);
  }),
  scenario('exchange to exchange: neither may be missing', 'e2e', async (t) => {
    const x = t.name('x');
    const text = `NOT_FOUND - no exchange '${x}' in vhost '/'`;
    await t.refused((await t.channel()).bindExchange(x, 'amq.direct', 'k'), 404, text);
    await t.refused((await t.channel()).bindExchange('amq.direct', x, 'k'), 404, text);
  }),
  scenario('exchange to exchange: the default exchange may be neither', 'e2e', async (t) => {
    await t.refused((await t.channel()).bindExchange('', 'amq.direct', 'k'), 403, DEFAULT_EXCHANGE);
    await t.refused((await t.channel()).bindExchange('amq.direct', '', 'k'), 403, DEFAULT_EXCHANGE);
  }),
  scenario('exchange to exchange: deleting the destination unbinds it', 'e2e', async (t) => {
    const ch = await t.confirming();
    const [source, destination] = [t.name('source'), t.name('destination')];
    await ch.declareExchange(source, 'fanout');
    await ch.declareExchange(destination, 'fanout');
    await ch.bindExchange(destination, source, '');
    await ch.deleteExchange(destination);
    await ch.deleteExchange(source, { ifUnused: true });
  }),
  scenario('an internal exchange takes no publishes', '§1.6.2.1.8 internal', async (t) => {
    const ch = await t.channel();
    const x = t.name('x');
    await ch.declareExchange(x, 'fanout', { internal: true });
    ch.publish(x, 'k', 'refused');
    await t.closes(ch, 403, `ACCESS_REFUSED - cannot publish to internal exchange '${x}' in vhost '/'`);
  }),
  scenario('an internal exchange routes what comes from another exchange', '§1.6.2.1.8 internal', async (t) => {
    const ch = await t.confirming();
    const [x, inner, q] = [t.name('x'), t.name('inner'), t.name()];
    await ch.declareExchange(x, 'fanout');
    await ch.declareExchange(inner, 'fanout', { internal: true });
    await ch.bindExchange(inner, x, '');
    await ch.declareQueue(q);
    await ch.bindQueue(q, inner, '');
    ch.publish(x, '', 'through');
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['through']);
  }),
]);
