import { expect, it } from 'vitest';
import { wholeNumber } from '../../../../protocols/stomp/codec/values.ts';

it('a whole number is told what is wrong with it: that it is none, or where it must lie', () => {
  const read = (text: string): number => wholeNumber('prefetch-count', text, 0, 100);
  expect([read('0'), read('-0'), read(' 7 '), read('+100')]).toEqual([0, 0, 7, 100]);
  for (const text of ['', 'x', '1.5', '1e1', '0x1', '9'.repeat(16)]) expect(() => read(text)).toThrow(/number/);
  for (const text of ['-1', '101']) expect(() => read(text)).toThrow(`must be from 0 to 100, not '${text}'`);
});
