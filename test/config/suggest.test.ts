import { expect, it } from 'vitest';
import { distance, nearest } from '../../src/config/suggest.ts';

it('counts what a hand gets wrong', () => {
  expect(distance('data', 'data')).toBe(0);
  expect(distance('dta', 'data')).toBe(1);
  expect(distance('adta', 'data')).toBe(1);
  expect(distance('', 'data')).toBe(4);
});

it('finds the nearest word, or none if none is near', () => {
  const words = ['data', 'listen', 'bodySizeMax', 'frameSizeMax'];
  expect(nearest('lsiten', words)).toBe('listen');
  expect(nearest('body_size_max', words)).toBe('bodySizeMax');
  expect(nearest('zebra', words)).toBeUndefined();
  expect(nearest('x', [])).toBeUndefined();
});
