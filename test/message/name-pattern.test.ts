/** Patterns of names: what they match, what is refused, and that none can keep the broker busy. */
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import { NamePattern } from '../../src/message/name-pattern.ts';

describe('the pattern of a name', () => {
  it('is looked for anywhere in a name', () => {
    expect(new NamePattern('ord').matches('my-orders')).toBe(true);
    expect(new NamePattern('^ord').matches('my-orders')).toBe(false);
    expect(new NamePattern('').matches('anything')).toBe(true);
  });

  it('may be 1024 characters long, and has to be a regular expression', () => {
    expect(new NamePattern('a'.repeat(1024)).text).toHaveLength(1024);
    expect(() => new NamePattern('a'.repeat(1025))).toThrow('longer than 1024 characters');
    expect(() => new NamePattern('(')).toThrow('not a valid regular expression (RE2 syntax): missing closing )');
  });

  it('is refused where its time would not be linear, and says what it is that cannot be', () => {
    for (const text of ['(?=a)b', '^(?!amq)', '(?<=a)b', '(a)\\1', 'a++', '(?>a)', 'a{1001}', '((a{100}){100}){100}']) {
      expect(() => new NamePattern(text), text).toThrow('not a valid regular expression (RE2 syntax)');
    }
  });

  it('takes time in proportion to the name, whatever it is', () => {
    for (const text of ['^(a+)+$', '^(a|aa)*$', '^(a+){2,}$', '(?:a*)+b', 'a*a*a*a*a*a*a*a*a*a*b', '(.*)*x(.*)*y']) {
      const pattern = new NamePattern(text);
      const began = performance.now();
      expect(pattern.matches(`${'a'.repeat(60_000)}!`)).toBe(false);
      expect(performance.now() - began).toBeLessThan(2_000);
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

  it('is matched by its letters where it is no more than that, as the expression would be', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', '-', '/', ' ', '\\.', '\\-', '.', '*', '+', '(b)', '\n'), {
      maxLength: 4,
    });
    const ends = fc.tuple(fc.constantFrom('', '^'), letters, fc.constantFrom('', '$'));
    const name = fc.array(fc.constantFrom('a', 'b', '-', '/', ' ', '.', '\n', '\\'), { maxLength: 6 });
    fc.assert(
      fc.property(ends, name, ([begin, middle, end], characters) => {
        const text = `${begin}${middle.join('')}${end}`;
        let expression: RE2JS;
        try {
          expression = RE2JS.compile(text);
        } catch {
          return;
        }
        expect(new NamePattern(text).matches(characters.join(''))).toBe(expression.test(characters.join('')));
      }),
      { numRuns: 2_000 },
    );
  });

  it('can be made of a text that is meant as it stands', () => {
    const pattern = new NamePattern(`^${NamePattern.quoted('a.*(b|c)\\')}$`);
    expect(pattern.matches('a.*(b|c)\\')).toBe(true);
    expect(pattern.matches('a..b')).toBe(false);
  });
});
