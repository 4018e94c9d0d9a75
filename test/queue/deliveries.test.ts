/** The slots of what consumers hold. */
import { expect, test } from 'vitest';
import type { QueueConsumer } from '../../src/queue/consumer.ts';
import { Deliveries } from '../../src/queue/deliveries.ts';

const consumer = (): QueueConsumer => ({}) as QueueConsumer;

test('each delivery has a slot of its own until it ends, however many there are, and knows what it holds', () => {
  const deliveries = new Deliveries();
  const holders = [consumer(), consumer()];
  const slots = new Map<number, number>();
  for (let seq = 1; seq <= 100; seq++) slots.set(seq, deliveries.add(seq, seq * 3, holders[seq % 2]!));
  expect(new Set(slots.values()).size).toBe(100);
  expect(deliveries.size).toBe(100);
  for (const [seq, slot] of slots) {
    expect([deliveries.seq(slot), deliveries.word(slot)]).toEqual([seq, seq * 3]);
    expect(deliveries.holder(slot)).toBe(holders[seq % 2]);
  }
});

test('a slot whose delivery has ended is nobody’s, and is the next to be used', () => {
  const deliveries = new Deliveries();
  const holder = consumer();
  const first = deliveries.add(1, 0, holder);
  const second = deliveries.add(2, 0, holder);
  deliveries.remove(first);
  expect(deliveries.holder(first)).toBeNull();
  expect(deliveries.holder(second)).toBe(holder);
  expect(deliveries.size).toBe(1);
  expect(deliveries.add(3, 0, holder)).toBe(first);
  expect(deliveries.holder(1000)).toBeNull();
});

test('a consumer’s deliveries are told in the order in which they were first made, not that of their slots', () => {
  const deliveries = new Deliveries();
  const mine = consumer();
  const other = consumer();
  const first = deliveries.add(1, 0, mine);
  const second = deliveries.add(2, 0, mine);
  deliveries.add(3, 0, other);
  deliveries.remove(first);
  const again = deliveries.add(4, 0, mine);
  expect(deliveries.heldBy(mine)).toEqual([second, again]);
});

test('all of them are seen, and when they are cleared each one’s holder hears of it once', () => {
  const deliveries = new Deliveries();
  const holders = Array.from({ length: 20 }, consumer);
  const slots = holders.map((holder, i) => deliveries.add(i + 1, i + 100, holder));
  deliveries.remove(slots[3]!);
  const seen: [number, number][] = [];
  deliveries.forEach((seq, word) => void seen.push([seq, word]));
  expect(seen.sort((a, b) => a[0] - b[0])).toEqual(
    holders.map((_, i) => [i + 1, i + 100]).filter(([seq]) => seq !== 4),
  );
  const gone: QueueConsumer[] = [];
  deliveries.clear((holder) => gone.push(holder));
  expect(new Set(gone)).toEqual(new Set(holders.filter((_, i) => i !== 3)));
  expect(gone).toHaveLength(19);
  expect(deliveries.size).toBe(0);
  deliveries.clear(() => expect.unreachable());
});
