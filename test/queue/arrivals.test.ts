/** A queue knows which route its latest messages came along, or says that it does not. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Arrivals } from '../../src/queue/arrivals.ts';

const A = { route: 'a' };
const B = { route: 'b' };

function arrived(...came: [seq: number, route: object | null, count?: number][]): Arrivals {
  const arrivals = new Arrivals();
  for (const [seq, route, count = 1] of came) arrivals.came(seq, count, route);
  return arrivals;
}

it('knows the route of all that came along it one after the other', () => {
  const arrivals = arrived([1, A], [4, A], [5, A, 10]);
  expect([1, 4, 14].map((seq) => arrivals.routeOf(seq))).toEqual([A, A, A]);
  expect(arrivals.routeOf(15)).toBe(null);
});

it('knows nothing of what came before the last that came along another route', () => {
  const arrivals = arrived([1, A], [2, B], [3, B]);
  expect([1, 2, 3].map((seq) => arrivals.routeOf(seq))).toEqual([null, B, B]);
});

it('knows nothing of messages beside one that was moved in, or has waited elsewhere', () => {
  const arrivals = arrived([1, A], [5, A], [3, null], [6, A]);
  expect([1, 3, 5, 6].map((seq) => arrivals.routeOf(seq))).toEqual([null, null, null, A]);
});

it('never says a route that a message did not come along, in whatever order they come', () => {
  const step = fc.record({
    back: fc.integer({ min: 0, max: 6 }),
    count: fc.integer({ min: 1, max: 3 }),
    route: fc.constantFrom(A, B, null),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const arrivals = new Arrivals();
      const routes = new Map<number, object | null>();
      // Some numbers are left out at first, and come later as if they had been held back.
      const heldBack: number[] = [];
      let next = 1;
      for (const { back, count, route } of steps) {
        if (back === 1) heldBack.push(next++);
        const late = back === 0 ? heldBack.shift() : undefined;
        const first = late ?? next;
        const many = late === undefined ? count : 1;
        for (let seq = first; seq < first + many; seq++) routes.set(seq, route);
        next = Math.max(next, first + many);
        arrivals.came(first, many, route);
      }
      for (const [seq, route] of routes) {
        const said = arrivals.routeOf(seq);
        if (said !== null) expect(said).toBe(route);
      }
    }),
  );
});
