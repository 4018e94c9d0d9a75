/** Transactions: publishes and acknowledgements, committed or rolled back. */
import { expect } from 'vitest';
import { drain, eventually, ready, scenario, texts, topic } from '../scenario.ts';

export const transactions = topic('transactions', [
  scenario('tx: what is published is there after the commit, not before', '§1.9.2.3 commit', async (t) => {
    const ch = await t.channel();
    const watcher = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.txSelect();
    ch.publish('', q, '1');
    ch.publish('', q, '2');
    // A method of the same channel that has come back: the publishes have been seen.
    await ch.declareQueue(q, { passive: true });
    expect(await ready(watcher, q)).toBe(0);
    await ch.txCommit();
    await eventually(() => ready(watcher, q), 2);
    expect(await drain(watcher, q)).toEqual(['1', '2']);
  }),
  scenario('tx: what is rolled back was never there', '§1.9.2.5 rollback', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.txSelect();
    ch.publish('', q, 'never');
    await ch.txRollback();
    ch.publish('', q, 'kept');
    await ch.txCommit();
    await eventually(() => ready(ch, q), 1);
    expect(await drain(await t.channel(), q)).toEqual(['kept']);
  }),
  scenario('tx: an ack counts from the commit on', '§1.9.2.3', async (t) => {
    const out = await t.confirming();
    const q = t.name();
    await out.declareQueue(q);
    for (const body of ['acked', 'not acked']) out.publish('', q, body);
    await out.confirms();
    const ch = await t.channel();
    await ch.txSelect();
    const [one, two] = [await ch.get(q), await ch.get(q)];
    ch.ack(one!.deliveryTag);
    await ch.txCommit();
    ch.ack(two!.deliveryTag);
    await ch.close();
    await eventually(() => ready(out, q), 1);
    expect(await drain(out, q)).toEqual(['not acked']);
  }),
  scenario('tx: an ack that is rolled back leaves the message with the channel', '§1.9.2.5', async (t) => {
    const out = await t.confirming();
    const q = t.name();
    await out.declareQueue(q);
    out.publish('', q, 'x');
    await out.confirms();
    const ch = await t.channel();
    await ch.txSelect();
    const got = await ch.get(q);
    ch.ack(got!.deliveryTag);
    await ch.txRollback();
    expect(await ready(out, q)).toBe(0);
    ch.ack(got!.deliveryTag);
    await ch.txCommit();
    await ch.close();
    expect(await ready(out, q)).toBe(0);
  }),
  scenario('tx: a nack counts from the commit on', '§1.9.2.3', async (t) => {
    const out = await t.confirming();
    const q = t.name();
    await out.declareQueue(q);
    out.publish('', q, 'x');
    await out.confirms();
    const ch = await t.channel();
    await ch.txSelect();
    const got = await ch.get(q);
    ch.nack(got!.deliveryTag);
    await ch.declareQueue(q, { passive: true });
    expect(await ready(out, q)).toBe(0);
    await ch.txCommit();
    await eventually(() => ready(out, q), 1);
  }),
  scenario('tx: an unknown tag is an error at once', '§1.9.2.3', async (t) => {
    const ch = await t.channel();
    await ch.txSelect();
    ch.ack(9);
    await t.closes(ch, 406, 'PRECONDITION_FAILED - unknown delivery tag 9');
  }),
  scenario('tx: closing the channel rolls back', '§1.9.2.1', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.txSelect();
    ch.publish('', q, 'never');
    await ch.close();
    expect(await ready(await t.channel(), q)).toBe(0);
  }),
  scenario('tx: a mandatory message is returned at the commit', '§1.9.2.3', async (t) => {
    const ch = await t.channel();
    await ch.txSelect();
    ch.publish('', t.name('nobody'), 'back', { mandatory: true });
    await ch.txCommit();
    expect(texts(await ch.returned(1))).toEqual(['back']);
  }),
  scenario('tx: publishes to several queues are committed together', '§1.9', async (t) => {
    const ch = await t.channel();
    const queues = [t.name('a'), t.name('b'), t.name('c')];
    for (const q of queues) await ch.declareQueue(q);
    await ch.txSelect();
    for (const q of queues) ch.publish('', q, 'x', { deliveryMode: 2 });
    await ch.txCommit();
    const watcher = await t.channel();
    for (const q of queues) await eventually(() => ready(watcher, q), 1);
  }),
  scenario('commit without tx.select', '§1.9.2.3: precondition-failed', async (t) => {
    const ch = await t.channel();
    await t.refused(ch.txCommit(), 406, 'PRECONDITION_FAILED - channel is not transactional');
  }),
  scenario('rollback without tx.select', '§1.9.2.5: precondition-failed', async (t) => {
    const ch = await t.channel();
    await t.refused(ch.txRollback(), 406, 'PRECONDITION_FAILED - channel is not transactional');
  }),
  scenario('tx.select twice is fine', '§1.9.2.1', async (t) => {
    const ch = await t.channel();
    await ch.txSelect();
    await ch.txSelect();
    await ch.txCommit();
  }),
]);
