import { expect, it } from 'vitest';
import { Histogram } from '../../src/metrics/histogram.ts';

it('counts each value in the first bound that holds it, as often as is said', () => {
  const sizes = new Histogram([1, 10]);
  sizes.add(1);
  sizes.add(1.5, 3);
  sizes.add(11);
  expect([...sizes.counts]).toEqual([1, 3, 1]);
  expect([sizes.count, sizes.sum]).toEqual([5, 16.5]);
});
