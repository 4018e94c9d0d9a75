/** Sender-selected distribution: `CC` and `BCC`. */
import { expect } from 'vitest';
import { drain, scenario, texts, topic } from '../scenario.ts';

export const senderSelected = topic('sender-selected distribution', [
  scenario('CC: further routing keys, which stay in the headers', 'sender-selected', async (t) => {
    const ch = await t.confirming();
    const [a, b, c] = [t.name('a'), t.name('b'), t.name('c')];
    for (const q of [a, b, c]) await ch.declareQueue(q);
    ch.publish('', a, 'x', { headers: { CC: [b, c], other: 1 } });
    await ch.confirms();
    for (const q of [a, b, c]) {
      const got = await ch.get(q, { noAck: true });
      expect(got, q).toMatchObject({ routingKey: a, exchange: '' });
      expect(got!.properties.headers).toEqual({ CC: [b, c], other: 1 });
    }
  }),
  scenario('BCC: further routing keys, which nobody sees', 'sender-selected', async (t) => {
    const ch = await t.confirming();
    const [a, b] = [t.name('a'), t.name('b')];
    for (const q of [a, b]) await ch.declareQueue(q);
    ch.publish('', a, 'x', { headers: { BCC: [b], other: 1 } });
    await ch.confirms();
    for (const q of [a, b]) expect((await ch.get(q, { noAck: true }))!.properties.headers).toEqual({ other: 1 });
  }),
  scenario('CC and BCC: a queue reached by several keys gets one copy', 'sender-selected', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'once', { headers: { CC: [q, q], BCC: [q] } });
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['once']);
  }),
  scenario('CC: it is enough that one key is routed', 'sender-selected', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', t.name('nobody'), 'by CC', { headers: { CC: [q] }, mandatory: true });
    ch.publish('', t.name('nobody'), 'marker', { mandatory: true });
    expect(texts(await ch.returned(1))).toEqual(['marker']);
    expect(await drain(ch, q)).toEqual(['by CC']);
  }),
  scenario('CC through a topic exchange', 'sender-selected', async (t) => {
    const ch = await t.confirming();
    const [q, other] = [t.name(), t.name('other')];
    for (const [queue, pattern] of [
      [q, `${q}.*`],
      [other, `${other}.*`],
    ] as const) {
      await ch.declareQueue(queue);
      await ch.bindQueue(queue, 'amq.topic', pattern);
    }
    ch.publish('amq.topic', `${q}.a`, 'x', { headers: { CC: [`${other}.a`, `${q}.b`] } });
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['x']);
    expect(await drain(ch, other)).toEqual(['x']);
  }),
  ...(['CC', 'BCC'] as const).map((name) =>
    scenario(`${name} that is no list is refused`, 'sender-selected', async (t) => {
      const ch = await t.channel();
      ch.publish('', t.name('nobody'), 'x', { headers: { [name]: 'not a list' } });
      await t.closes(ch, 406, `PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"${name}",longstr}`);
    }),
  ),
]);
