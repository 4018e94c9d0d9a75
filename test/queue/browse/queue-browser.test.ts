/** A queue read without being taken from: every order, every part, against a plain list. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QueueBrowser } from '../../../src/queue/browse/queue-browser.ts';
import { withLevel } from '../../../src/queue/entry-flags.ts';
import { PositionArena } from '../../../src/queue/positions/position-arena.ts';
import { PriorityLevels } from '../../../src/queue/ready/priority-levels.ts';
import { SingleLevel } from '../../../src/queue/ready/single-level.ts';
import { DeliverySlots } from '../../../src/queue/unsettled/delivery-slots.ts';

type Browsed = ConstructorParameters<typeof QueueBrowser>[0];

function readAll(queue: Browsed, from: number, backwards: boolean): string[] {
  const browser = new QueueBrowser(queue, { from, backwards, states: ['ready', 'unsettled'] });
  const read: string[] = [];
  for (;;) {
    const batch = browser.batch();
    if (batch === undefined) continue;
    if (batch.length === 0) return read;
    for (const { seq, state } of batch) read.push(`${seq} ${state}`);
  }
}

describe('a browser', () => {
  it('reads all parts in one order, forwards and backwards, from anywhere', () => {
    const messages = fc.array(fc.constantFrom('new', 'returned', 'held', 'taken', 'gone'), { maxLength: 400 });
    fc.assert(
      fc.property(messages, fc.boolean(), fc.nat(420), (fates, levels, from) => {
        const arena = new PositionArena();
        const ready = levels ? new PriorityLevels(arena) : new SingleLevel(arena);
        const unsettled = new DeliverySlots();
        const expected: [number, string][] = [];
        ready.allowRemoval();
        fates.forEach((fate, i) => {
          const seq = i + 1;
          const flags = levels ? withLevel(0, seq % 3, 9) : 0;
          if (fate === 'new' || fate === 'taken') ready.push(seq, flags);
          if (fate === 'held') unsettled.add(seq, flags, {} as never);
          if (fate === 'new' || fate === 'returned') expected.push([seq, 'ready']);
          if (fate === 'held') expected.push([seq, 'unsettled']);
        });
        fates.forEach((fate, i) => {
          const flags = levels ? withLevel(0, (i + 1) % 3, 9) : 0;
          if (fate === 'returned') ready.giveBack(i + 1, flags);
          if (fate === 'taken') ready.removeAt(i + 1, flags);
        });
        const queue = { ready, contents: { unsettled } };
        const text = (list: [number, string][]) => list.map(([seq, state]) => `${seq} ${state}`);
        expect(readAll(queue, from, false)).toEqual(text(expected.filter(([seq]) => seq >= from)));
        expect(readAll(queue, from, true)).toEqual(text(expected.filter(([seq]) => seq <= from).reverse()));
      }),
      { numRuns: 60 },
    );
  });

  it('reads a long backlog, packed in the middle, from both ends', () => {
    const ready = new SingleLevel(new PositionArena());
    for (let seq = 1; seq <= 20_000; seq++) ready.push(seq * 3, 0);
    const queue = { ready, contents: { unsettled: null } };
    const forwards = readAll(queue, 0, false);
    expect(forwards).toHaveLength(20_000);
    expect(forwards[9_999]).toBe('30000 ready');
    expect(readAll(queue, 60_000, true)).toEqual(forwards.toReversed());
    expect(readAll(queue, 29_999, true)[0]).toBe('29997 ready');
    expect(ready.length).toBe(20_000);
  });

  it('reads very many that consumers hold, in the order of their numbers, however their slots lie', () => {
    const unsettled = new DeliverySlots();
    for (let i = 0; i < 30_000; i++) unsettled.add(1 + ((i * 7919) % 30_000), 0, {} as never);
    const queue = { ready: new SingleLevel(new PositionArena()), contents: { unsettled } };
    const read = readAll(queue, 0, false);
    expect(read).toHaveLength(30_000);
    expect(read.slice(9_000, 9_002)).toEqual(['9001 unsettled', '9002 unsettled']);
  });
});
