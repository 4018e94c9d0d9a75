/** The slots of what consumers hold. */
import { expect, test } from 'vitest';
import type { QueueConsumer } from '../../../src/queue/dispatch/consumer.ts';
import { DeliverySlots } from '../../../src/queue/unsettled/delivery-slots.ts';

const consumer = (held = 0): QueueConsumer => ({ held }) as QueueConsumer;

test('each delivery has a slot of its own until it ends, however many there are, and knows what it holds', () => {
  const deliveries = new DeliverySlots();
  const holders = [consumer(), consumer()];
  const slots = new Map<number, number>();
  for (let seq = 1; seq <= 100; seq++) slots.set(seq, deliveries.add(seq, seq * 3, holders[seq % 2]!));
  expect(new Set(slots.values()).size).toBe(100);
  expect(deliveries.size).toBe(100);
  for (const [seq, slot] of slots) {
    expect([deliveries.seq(slot), deliveries.flags(slot)]).toEqual([seq, seq * 3]);
    expect(deliveries.holder(slot)).toBe(holders[seq % 2]);
  }
});

test('a slot whose delivery has ended is nobody’s, and is the next to be used', () => {
  const deliveries = new DeliverySlots();
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
  const deliveries = new DeliverySlots();
  const mine = consumer(2);
  const other = consumer(1);
  const first = deliveries.add(1, 0, mine);
  const second = deliveries.add(2, 0, mine);
  deliveries.add(3, 0, other);
  deliveries.remove(first);
  const again = deliveries.add(4, 0, mine);
  expect(deliveries.heldBy(mine)).toEqual([second, again]);
});

test('so are very many, whatever order their slots were given back in', () => {
  for (const gap of [1, 50]) {
    const deliveries = new DeliverySlots();
    const [mine, other] = [consumer(), consumer()];
    const before = Array.from({ length: 300 }, (_, i) => deliveries.add(i, 0, other));
    for (const i of before.keys()) deliveries.remove(before[(i * 7) % 300]!);
    const slots: number[] = [];
    for (let i = 0; i < 200; i++) {
      slots.push(deliveries.add(1_000 + i, 0, mine));
      for (let n = 1; n < gap; n++) deliveries.remove(deliveries.add(0, 0, other));
    }
    mine.held = slots.length;
    expect(deliveries.heldBy(mine)).toEqual(slots);
  }
});

test('all of them are seen, and those in use are found until none is left', () => {
  const deliveries = new DeliverySlots();
  const holders = Array.from({ length: 20 }, () => consumer(1));
  const slots = holders.map((holder, i) => deliveries.add(i + 1, i + 100, holder));
  deliveries.remove(slots[3]!);
  const seen: [number, number][] = [];
  deliveries.forEach((seq, flags) => void seen.push([seq, flags]));
  expect(seen.sort((a, b) => a[0] - b[0])).toEqual(
    holders.map((_, i) => [i + 1, i + 100]).filter(([seq]) => seq !== 4),
  );
  const found = new Set<number>();
  while (deliveries.size > 0) {
    const slot = deliveries.nextInUse();
    expect(deliveries.holder(slot)).not.toBeNull();
    found.add(deliveries.seq(slot));
    deliveries.remove(slot);
  }
  expect(found.size).toBe(19);
});

test('their list grows at its end: written to far past it, it would be a hash table for a while, which takes seconds', () => {
  const deliveries = new DeliverySlots();
  const inside = deliveries as unknown as { holders: unknown[] };
  let past = 0;
  inside.holders = new Proxy(inside.holders, {
    set(list, name, value) {
      if (typeof name === 'string' && Number(name) > list.length) past++;
      return Reflect.set(list, name, value);
    },
  });
  for (let seq = 1; seq <= 5_000; seq++) deliveries.add(seq, 0, consumer());
  expect([past, deliveries.size]).toEqual([0, 5_000]);
});
