/** Alternate exchanges. */
import { expect } from 'vitest';
import { drain, scenario, texts, topic } from '../scenario.ts';

export const alternateExchanges = topic('alternate exchanges', [
  scenario('an alternate exchange gets what is not routed', 'ae', async (t) => {
    const ch = await t.confirming();
    const [x, alternate, q, unrouted] = [t.name('x'), t.name('alternate'), t.name(), t.name('unrouted')];
    await ch.declareExchange(alternate, 'fanout');
    await ch.declareExchange(x, 'direct', { arguments: { 'alternate-exchange': alternate } });
    await ch.declareQueue(q);
    await ch.bindQueue(q, x, 'known');
    await ch.declareQueue(unrouted);
    await ch.bindQueue(unrouted, alternate, '');
    ch.publish(x, 'known', 'routed');
    ch.publish(x, 'unknown', 'not routed', { mandatory: true });
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['routed']);
    const got = await ch.get(unrouted, { noAck: true });
    expect(got).toMatchObject({ exchange: x, routingKey: 'unknown' });
    expect(got!.body.toString()).toBe('not routed');
    // It counts as routed: nothing is returned before this one is.
    ch.publish('', t.name('nobody'), 'returned', { mandatory: true });
    expect(texts(await ch.returned(1))).toEqual(['returned']);
  }),
  scenario('an alternate exchange may have one of its own', 'ae', async (t) => {
    const ch = await t.confirming();
    const [x, second, third, q] = [t.name('x'), t.name('second'), t.name('third'), t.name()];
    await ch.declareExchange(third, 'fanout');
    await ch.declareExchange(second, 'direct', { arguments: { 'alternate-exchange': third } });
    await ch.declareExchange(x, 'direct', { arguments: { 'alternate-exchange': second } });
    await ch.declareQueue(q);
    await ch.bindQueue(q, third, '');
    ch.publish(x, 'k', 'by the third');
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['by the third']);
  }),
  scenario('alternate exchanges in a circle end, and the message is returned', 'ae', async (t) => {
    const ch = await t.confirming();
    const [a, b] = [t.name('a'), t.name('b')];
    await ch.declareExchange(a, 'direct', { arguments: { 'alternate-exchange': b } });
    await ch.declareExchange(b, 'direct', { arguments: { 'alternate-exchange': a } });
    ch.publish(a, 'k', 'round', { mandatory: true });
    expect(texts(await ch.returned(1))).toEqual(['round']);
    expect(await ch.confirms()).toEqual(['ack']);
  }),
  scenario('an alternate exchange that is not there is as none', 'ae', async (t) => {
    const ch = await t.confirming();
    const [x, missing] = [t.name('x'), t.name('missing')];
    await ch.declareExchange(x, 'direct', { arguments: { 'alternate-exchange': missing } });
    ch.publish(x, 'k', 'returned', { mandatory: true });
    expect(texts(await ch.returned(1))).toEqual(['returned']);
  }),
  scenario('an alternate exchange may be declared later', 'ae', async (t) => {
    const ch = await t.confirming();
    const [x, later, q] = [t.name('x'), t.name('later'), t.name()];
    await ch.declareExchange(x, 'direct', { arguments: { 'alternate-exchange': later } });
    ch.publish(x, 'k', 'too early', { mandatory: true });
    await ch.returned(1);
    await ch.declareExchange(later, 'fanout');
    await ch.declareQueue(q);
    await ch.bindQueue(q, later, '');
    ch.publish(x, 'k', 'in time');
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['in time']);
  }),
]);
