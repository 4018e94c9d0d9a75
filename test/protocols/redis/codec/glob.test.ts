/** Redis' patterns, and the bindings that are made of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globMatches } from '../../../../protocols/redis/codec/glob.ts';
import { bindingOf } from '../../../../protocols/redis/mapping/names.ts';
import { DOT } from '../../../../src/api/index.ts';
import { filterLevels, keyLevels, matches } from '../../../../src/routing/levels.ts';

const glob = (pattern: string, text: string): boolean =>
  globMatches(Buffer.from(pattern), Buffer.from(text), { left: 1_000_000 });

describe('patterns', () => {
  it.each([
    ['*', '', true],
    ['*', 'a.b', true],
    ['', '', true],
    ['', 'a', false],
    ['?', '', false],
    ['h?llo', 'hello', true],
    ['h?llo', 'hllo', false],
    ['h*llo', 'heeeello', true],
    ['h[ae]llo', 'hallo', true],
    ['h[ae]llo', 'hillo', false],
    ['h[^e]llo', 'hello', false],
    ['h[^e]llo', 'hallo', true],
    ['h[a-c]llo', 'hbllo', true],
    ['h[c-a]llo', 'hbllo', true],
    ['h[a-c]llo', 'hdllo', false],
    ['[', '[', false],
    ['[a', 'a', true],
    ['[a', 'b', false],
    ['[]', ']', false],
    ['[\\]]', ']', true],
    ['[^]', 'a', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a\\', 'a\\', true],
    ['*a*b*c*', 'xxaxxbxxcxx', true],
    ['*a*b*c*', 'xxaxxcxxbxx', false],
    ['a**b', 'ab', true],
  ])('%j and %j: %s', (pattern, text, expected) => {
    expect(glob(pattern, text)).toBe(expected);
  });

  it('take no more steps than pattern and text have bytes, multiplied, nor than they are given', () => {
    const steps = { left: 60_000 * 300 };
    const text = Buffer.from('a'.repeat(60_000));
    expect(globMatches(Buffer.from(`*${'a'.repeat(200)}b`), text, steps)).toBe(false);
    expect(steps.left).toBeGreaterThan(0);
    for (const pattern of [`*${'a'.repeat(200)}b`, `*[${'x'.repeat(200)}]b`]) {
      steps.left = 10_000;
      expect(globMatches(Buffer.from(pattern), text, steps)).toBe(false);
      expect(steps.left).toBeLessThan(0);
    }
  });
});

describe('bindings of patterns', () => {
  it.each([
    ['news', 'news'],
    ['a.\\*', 'a.*'],
    ['*', '#'],
    ['a*', '#'],
    ['a.*', 'a.#'],
    ['a.*.c', 'a.#.c'],
    ['a.b*.c.d', 'a.#.c.d'],
    ['a.*b.c', 'a.#.c'],
    ['*.c', '#.c'],
    ['a.?.*.[x].z', 'a.#.z'],
    ['.*', '.#'],
  ])('%j is bound as %j', (pattern, key) => {
    expect(bindingOf(Buffer.from(pattern))).toBe(key);
  });

  const piece = fc.constantFrom('a', 'b', '.', '..', '*', '#', '?', '[ab]', '[^a]', '\\*', '\\', '[', '.a', 'b.');
  const letters = fc.constantFrom('a', 'b', '.', '*', '#', '[', '\\');
  it('bring everything that the pattern matches', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.array(letters, { maxLength: 8 }), (pieces, text) => {
        const pattern = pieces.join('');
        const channel = text.join('');
        fc.pre(glob(pattern, channel));
        expect(matches(filterLevels(bindingOf(Buffer.from(pattern)), DOT), keyLevels(channel))).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });
});
