/** Publisher confirms. */
import { expect } from 'vitest';
import { scenario, topic } from '../scenario.ts';

export const publishers = topic('publishers', [
  scenario('every publish is confirmed once, routed or not', 'confirms#publisher-confirms', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (let i = 0; i < 100; i++) {
      ch.publish('', i % 3 === 0 ? t.name('nobody') : q, String(i), { deliveryMode: i % 2 === 0 ? 2 : 1 });
    }
    expect(await ch.confirms()).toEqual(Array.from({ length: 100 }, () => 'ack'));
  }),
  scenario('confirm.select twice is fine', 'confirms#publisher-confirms', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.confirmSelect();
    await ch.declareQueue(q);
    ch.publish('', q, 'x');
    expect(await ch.confirms()).toEqual(['ack']);
  }),
  scenario('a confirm channel cannot become transactional', 'confirms#publisher-confirms', async (t) => {
    const ch = await t.confirming();
    await t.refused(ch.txSelect(), 406, 'PRECONDITION_FAILED - cannot switch from confirm to tx mode');
  }),
  scenario('a transactional channel cannot confirm', 'confirms#publisher-confirms', async (t) => {
    const ch = await t.channel();
    await ch.txSelect();
    await t.refused(ch.confirmSelect(), 406, 'PRECONDITION_FAILED - cannot switch from tx to confirm mode');
  }),
]);
