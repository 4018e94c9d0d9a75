/** Patterns of policies: what they match, and which may keep the broker busy for a moment at most. */
import { describe, expect, it } from 'vitest';
import { NamePattern } from '../../../src/vhost/topology/pattern.ts';

describe('the pattern of a policy', () => {
  it('is looked for anywhere in a name', () => {
    expect(new NamePattern('ord').matches('my-orders')).toBe(true);
    expect(new NamePattern('^ord').matches('my-orders')).toBe(false);
    expect(new NamePattern('').matches('anything')).toBe(true);
  });

  it('may be 1024 characters long, and has to be a regular expression', () => {
    expect(new NamePattern('a'.repeat(1024)).text).toHaveLength(1024);
    expect(() => new NamePattern('a'.repeat(1025))).toThrow('longer than 1024 characters');
    expect(() => new NamePattern('(')).toThrow('not a valid regular expression');
  });

  it('that could backtrack for years says no after a moment, and tells which name it was, once', () => {
    for (const text of ['^(a+)+$', '^(a|aa)*$', '^(a+){2,}$', '(?:a*)+b', 'a*a*a*a*a*a*a*a*a*a*b']) {
      const slow: [string, string][] = [];
      const pattern = new NamePattern(text, (which, name) => slow.push([which, name]));
      const evil = `${'a'.repeat(text.startsWith('a*') ? 480 : 60)}!`;
      const began = performance.now();
      expect(pattern.matches(evil)).toBe(false);
      expect(performance.now() - began).toBeLessThan(5_000);
      expect(pattern.matches(evil)).toBe(false);
      expect(slow.length).toBeLessThanOrEqual(1);
      if (slow.length > 0) expect(slow).toEqual([[text, evil]]);
    }
  });

  it('reads a class, an escape and a bracket as what they are', () => {
    const cases: [string, string, boolean][] = [
      ['[)*+]x', '+x', true],
      ['\\(a\\)+', '(a))', true],
      ['[\\]]+', ']]', true],
      ['q\\.(eu|us)', 'q.us', true],
      ['q\\.(eu|us)$', 'q.usa', false],
      ['^a{2}$', 'aa', true],
    ];
    for (const [text, name, matches] of cases)
      expect([text, new NamePattern(text).matches(name)]).toEqual([text, matches]);
  });

  it('that is simple is not trusted with a name of any length', () => {
    const pattern = new NamePattern('a*a*b');
    expect(pattern.matches(`${'a'.repeat(100_000)}!`)).toBe(false);
  });
});
