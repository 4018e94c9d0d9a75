/** JSON read in parts says what `JSON.parse` says. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJson } from '../../src/message/json-reader.ts';
import { parseJson } from '../../src/message/values.ts';

function read(text: string): { readonly value: unknown; readonly parts: number } {
  const reading = readJson(text);
  for (let parts = 1; ; parts++) {
    const { done, value } = reading.next();
    if (done === true) return { value, parts };
  }
}

describe('JSON that is read in parts', () => {
  it('says what it says when it is read in one go', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.nat(3), (text, space) => {
        const spaced = JSON.stringify(JSON.parse(text), null, space);
        expect(read(spaced).value).toStrictEqual(parseJson(spaced));
      }),
    );
  });

  it.each([
    '"a\\"b\\\\"',
    '"\\\\"',
    '["\\u00e9\\ud83d\\ude00", "\\n"]',
    '{"__proto__":{"x":1},"a":{"__proto__":2}}',
    '{"a":1,"a":2}',
    '[-0, 1.5e3, 9223372036854775807, -9223372036854775808, 9223372036854775808, 0.1]',
    ' [ ] ',
    '{"a" : [ { } , null , true , false ] }',
  ])('says the same of %s', (text) => {
    expect(read(text).value).toStrictEqual(parseJson(text));
  });

  it.each([
    ...[
      '',
      ' ',
      '[',
      '[1',
      '[1,',
      '[1,]',
      '{',
      '{"a"',
      '{"a":',
      '{"a":1',
      '{"a":1,',
      '{"a":1,}',
      '{a:1}',
      '[}',
      '{]',
      '1 2',
      '[1]]',
    ],
    ...[
      'tru',
      'nul',
      '01',
      '-',
      '1.',
      '.5',
      '1e',
      '+1',
      'NaN',
      '"',
      '"a',
      '"\\"',
      '"\\x"',
      '"\n"',
      "'a'",
      '[1 2]',
      '{"a" 1}',
      '\u00a01',
    ],
  ])('refuses what is none: %j', (text) => {
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
    expect(() => read(text)).toThrow(SyntaxError);
  });

  it('refuses what nests without end', () => {
    expect(() => read('['.repeat(100_000) + ']'.repeat(100_000))).toThrow(/nests deeper/);
    expect(() => read('{"a":'.repeat(100_000))).toThrow(/nests deeper/);
  });

  it('takes parts for what is long', () => {
    const items = Array.from({ length: 10_000 }, (_, i) => ({ name: `queue-${i}`, durable: true }));
    const { value, parts } = read(JSON.stringify({ items }));
    expect(value).toEqual({ items });
    expect(parts).toBeGreaterThan(100);
  });
});
