import { expect } from 'vitest';
import { ready, scenario, topic } from '../scenario.ts';

export const getting = topic('getting', [
  scenario('get of an empty queue', '§1.8.2.10 get-empty', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    expect(await ch.get(q)).toBeUndefined();
  }),
  scenario('get of a queue that is not there', '§1.8.2.10', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await t.refused(ch.get(q), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),
  scenario('get-ok tells where the message came from and how many are left', '§1.8.2.10.3', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.bindQueue(q, 'amq.topic', `${q}.#`);
    ch.publish('amq.topic', `${q}.a`, 'one');
    ch.publish('amq.topic', `${q}.b`, 'two');
    await ch.confirms();
    expect(await ch.get(q)).toMatchObject({
      deliveryTag: 1,
      redelivered: false,
      exchange: 'amq.topic',
      routingKey: `${q}.a`,
      messageCount: 1,
    });
    expect(await ch.get(q)).toMatchObject({ deliveryTag: 2, routingKey: `${q}.b`, messageCount: 0 });
  }),
  scenario('get without acknowledgement takes the message at once', '§1.8.2.10.2 no-ack', async (t) => {
    const client = await t.client();
    const ch = await client.openChannel();
    await ch.confirmSelect();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'gone');
    await ch.confirms();
    await ch.get(q, { noAck: true });
    await client.close();
    expect(await ready(await t.channel(), q)).toBe(0);
  }),
]);
