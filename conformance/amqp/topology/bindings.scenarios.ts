/** Bindings of queues. */
import { expect } from 'vitest';
import { drain, scenario, texts, topic } from '../scenario.ts';

export const bindings = topic('bindings', [
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
