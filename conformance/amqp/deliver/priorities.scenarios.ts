/** Priorities of messages. */
import { expect } from 'vitest';
import { drain, eventually, ready, scenario, texts, topic } from '../scenario.ts';

export const priorities = topic('priorities', [
  scenario('priority: the higher first, in order within a level', 'priority', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-max-priority': 5 } });
    for (const [body, priority] of [
      ['a1', 1],
      ['b3', 3],
      ['c1', 1],
      ['d5', 5],
      ['e3', 3],
      ['f0', 0],
    ] as const) {
      ch.publish('', q, body, { priority });
    }
    ch.publish('', q, 'g-');
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['d5', 'b3', 'e3', 'a1', 'c1', 'f0', 'g-']);
  }),
  scenario('priority: more than the maximum is the maximum', 'priority', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-max-priority': 3 } });
    ch.publish('', q, 'three', { priority: 3 });
    ch.publish('', q, 'nine', { priority: 9 });
    await ch.confirms();
    const got = [await ch.get(q), await ch.get(q)];
    expect(texts(got.map((g) => g!))).toEqual(['three', 'nine']);
    // The property is the publisher's own.
    expect(got[1]!.properties.priority).toBe(9);
  }),
  scenario('priority: what comes back keeps its place in its level', 'priority', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-max-priority': 5 } });
    for (const [body, priority] of [
      ['low', 1],
      ['high', 4],
    ] as const) {
      ch.publish('', q, body, { priority });
    }
    await ch.confirms();
    const high = await ch.get(q);
    ch.publish('', q, 'high too', { priority: 4 });
    await ch.confirms();
    ch.nack(high!.deliveryTag);
    await eventually(() => ready(ch, q), 3);
    expect(await drain(ch, q)).toEqual(['high', 'high too', 'low']);
  }),
  scenario('priority: a queue without levels keeps the order', 'priority', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, '1', { priority: 1 });
    ch.publish('', q, '2', { priority: 9 });
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['1', '2']);
  }),
  scenario(
    'priority with a length limit: the head goes first, which is the highest',
    'priority#interaction-with-other-features',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name();
      await ch.declareQueue(q, { arguments: { 'x-max-priority': 5, 'x-max-length': 2 } });
      ch.publish('', q, 'high', { priority: 5 });
      ch.publish('', q, 'low', { priority: 1 });
      ch.publish('', q, 'middle', { priority: 3 });
      await ch.confirms();
      expect(await drain(ch, q)).toEqual(['middle', 'low']);
    },
  ),
  scenario('priority: 255 levels', 'priority', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-max-priority': 255 } });
    for (const priority of [0, 128, 255, 1, 254]) ch.publish('', q, String(priority), { priority });
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['255', '254', '128', '1', '0']);
  }),
]);
