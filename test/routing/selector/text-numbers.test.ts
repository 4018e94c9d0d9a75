/** Text counts as a number where the whole of it is one, and a message that says why where a condition cannot begin. */
import { describe, expect, it } from 'vitest';
import { MessageView } from '../../../src/message/message.ts';
import { compileSelector } from '../../../src/routing/selector/selector.ts';

const selects = (expression: string, text: string, convert = true): boolean =>
  compileSelector(`${convert ? 'convert_string_expressions:' : ''}${expression}`).matches(new MessageView(), {
    headers: [{ name: 'p', value: text }],
  });

describe('text beside a number', () => {
  const numbers: [string, string][] = [
    ['12', '12'],
    ['+12', '12'],
    ['-12', '-12'],
    ['012', '12'],
    ['1.5', '1.5'],
    ['.5', '0.5'],
    ['5.', '5.0'],
    ['1e3', '1000.0'],
    ['1E+3', '1000.0'],
    ['-2.5e-1', '-0.25'],
  ];
  for (const [text, number] of numbers) {
    it(`'${text}' is ${number}`, () => {
      expect(selects(`p = ${number}`, text)).toBe(true);
      expect(selects(`p <> ${number}`, text)).toBe(false);
      // Only where that was asked for.
      expect(selects(`p = ${number}`, text, false)).toBe(false);
    });
  }

  for (const text of [
    'x12',
    '12x',
    ' 12',
    '12 ',
    '--12',
    '1 2',
    '1.2.3',
    '.',
    'e3',
    '1e',
    '',
    '+',
    '0x12',
    `1${'0'.repeat(64)}`,
  ]) {
    it(`'${text.slice(0, 8)}' is none: it is neither equal nor above nor below`, () => {
      for (const operator of ['=', '<', '>', '<=', '>='])
        expect([operator, selects(`p ${operator} 12`, text)]).toEqual([operator, false]);
    });
  }
});

describe('a condition', () => {
  it('cannot begin with a word of the language, and says so, NULL in its own words', () => {
    for (const word of ['AND', 'OR', 'IN', 'LIKE', 'BETWEEN', 'IS', 'ESCAPE']) {
      expect(() => compileSelector(`p = ${word}`)).toThrow();
      expect(() => compileSelector(`p = ${word}`)).not.toThrow('NULL equals nothing');
    }
    expect(() => compileSelector('p = NULL')).toThrow("NULL equals nothing: write 'IS NULL' or 'IS NOT NULL'");
  });
});
