import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Turn } from '../../../src/clock/turn.ts';
import { Confirms } from '../../../src/vhost/publish/confirms.ts';

it('a fault of one of those who wait for the log keeps none of the others waiting', () => {
  const turn = new Turn();
  const told: unknown[] = [];
  turn.onError = (error) => told.push(error);
  const confirms = new Confirms(turn, new ManualClock());
  const heard: string[] = [];
  const sink = (name: string) => ({
    confirm(id: number) {
      if (name === 'faulty') throw new Error('a fault');
      heard.push(`${name} ${id}`);
    },
    confirmEnd() {},
  });
  for (const name of ['first', 'faulty', 'last']) {
    const ring = confirms.ring(sink(name));
    ring.push(1, 1);
    ring.push(2, 2);
  }
  confirms.whenSafe(1, () => {
    throw new Error('another');
  });
  confirms.whenSafe(1, (failed) => heard.push(`asked ${failed}`));
  confirms.advance(1);
  expect(heard).toEqual(['first 1', 'last 1', 'asked false']);
  expect(told).toHaveLength(2);
  confirms.advance(2);
  expect(heard.slice(3)).toEqual(['first 2', 'last 2']);
});

it('where nobody hears of faults, whoever told that something is safe does', () => {
  const confirms = new Confirms(new Turn(), new ManualClock());
  confirms.whenSafe(1, () => {
    throw new Error('a fault');
  });
  expect(() => confirms.advance(1)).toThrow('a fault');
});

it('who has failed is asked again when there is something new, and not before', () => {
  const turn = new Turn();
  const told: unknown[] = [];
  turn.onError = (error) => told.push(error);
  const confirms = new Confirms(turn, new ManualClock());
  const heard: number[] = [];
  const ring = confirms.ring({
    confirm(id) {
      if (id === 1) throw new Error('a fault');
      heard.push(id);
    },
    confirmEnd() {},
  });
  ring.push(1, 1);
  confirms.advance(1);
  expect([told.length, confirms.awaited]).toEqual([1, false]);
  ring.push(2, 2);
  expect(confirms.awaited).toBe(true);
  confirms.advance(2);
  expect(heard).toEqual([2]);
});
