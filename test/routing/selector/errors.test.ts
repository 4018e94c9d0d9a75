/** What is no selector is refused when the consumer subscribes, with where and why. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_PROPERTIES } from '../../../src/message/properties.ts';
import { SelectorError } from '../../../src/routing/selector/errors.ts';
import { TEXT_LENGTH_MAX, TOKENS_MAX } from '../../../src/routing/selector/lexer.ts';
import { DEPTH_MAX } from '../../../src/routing/selector/parser.ts';
import { CONVERT_STRINGS, compileSelector } from '../../../src/routing/selector/selector.ts';
import { verdict, view } from './support.ts';

function refusal(text: string): SelectorError {
  try {
    compileSelector(text);
  } catch (error) {
    if (error instanceof SelectorError) return error;
    throw error;
  }
  throw new Error(`'${text.slice(0, 100)}' was taken`);
}

describe('refuses', () => {
  it.each([
    ["colour = 'blue", 10, 'a string is not closed'],
    ['"colour = 1', 1, 'a quoted name is not closed'],
    ['"" = 1', 1, 'a quoted name is empty'],
    ['colour = ', 10, 'a value is expected, not the end'],
    ['= 5', 1, "a value is expected, not '='"],
    ['a = 5 5', 7, 'the number 5 is not expected here'],
    ['a = 5)', 6, "')' closes nothing"],
    ['(a = 5', 7, "')' is expected, not the end"],
    ['a != 5', 3, "unequal is written '<>', and negation NOT"],
    ['a == 5', 4, "a value is expected, not '='"],
    ['a = 5 && b = 6', 7, "'and' is written AND"],
    ['a = #', 5, "'#' is not understood"],
    ['a = 😀', 5, "'😀' is not understood"],
    ['a = NULL', 5, "NULL equals nothing: write 'IS NULL' or 'IS NOT NULL'"],
    ['a IS 5', 6, 'NULL is expected, not the number 5'],
    ['a NOT 5', 7, 'BETWEEN, IN or LIKE is expected, not the number 5'],
    ['a BETWEEN 1', 12, 'AND is expected, not the end'],
    ['a IN ()', 7, "a string in '…' is expected, not ')'"],
    ["a IN ('x'", 10, "',' or ')' is expected, not the end"],
    ['a IN (5)', 7, "a string in '…' is expected, not the number 5"],
    ["a IN 'x'", 6, "'(' is expected, not a string"],
    ['a LIKE b', 8, "a string in '…' is expected, not 'b'"],
    ["a LIKE 'x' ESCAPE 'yy'", 19, 'ESCAPE takes a string of one character'],
    ["a LIKE 'x' ESCAPE ''", 19, 'ESCAPE takes a string of one character'],
    ['5x = 1', 1, "'5x' is not a number"],
    ['0x = 1', 1, "'0x' is not a number"],
    ['08 = 1', 1, "'08' is not a number: a leading 0 makes it octal, and octal has no 8 or 9"],
    ['1e999 > 1', 1, "'1e999' is too large for a number"],
    ['a = 9223372036854775808', 5, 'an integer is too large for 64 bits'],
    ['a = -9223372036854775809', 6, 'an integer is too large for 64 bits'],
    ['5', 1, 'a condition is needed, and this is a number'],
    ["'x'", 1, 'a condition is needed, and this is a string'],
    ['a + 1', 1, 'a condition is needed, and this is a number'],
    ['a = 1 AND 5', 11, 'a condition is needed, and this is a number'],
    ["NOT 'x'", 5, 'a condition is needed, and this is a string'],
    ["a > 'x'", 5, 'a number is needed, and this is a string'],
    ["'x' < 5", 1, 'a number is needed, and this is a string'],
    ['a > TRUE', 5, 'a number is needed, and this is a condition'],
    ["a + 'x' = 1", 5, 'a number is needed, and this is a string'],
    ["-'x' = 1", 2, 'a number is needed, and this is a string'],
    ['(a = 1) + 1 = 2', 1, 'a number is needed, and this is a condition'],
    ["a BETWEEN 'a' AND 'b'", 11, 'a number is needed, and this is a string'],
    ["5 LIKE '5'", 1, 'a string is needed, and this is a number'],
    ["TRUE IN ('x')", 1, 'a string is needed, and this is a condition'],
  ])('%s', (text, position, what) => {
    const error = refusal(text);
    expect(error.message).toBe(`invalid selector: ${what}, at character ${position}`);
    expect(error.position).toBe(position);
    expect(error.code).toBe('invalid');
  });
});

it('counts positions without the prefix', () => {
  expect(refusal(`${CONVERT_STRINGS}a = #`).position).toBe(5);
});

it('bounds length, parts, nesting and patterns, and takes what is just within', () => {
  const padded = (length: number): string => `TRUE${' '.repeat(length - 4)}`;
  expect(refusal(padded(TEXT_LENGTH_MAX + 1)).message).toContain('longer than 8192 characters');
  expect(verdict('TRUE'.padEnd(TEXT_LENGTH_MAX - 6))).toBe(true);

  const parts = (count: number): string => `1${'+1'.repeat((count - 3) / 2)}>0`;
  expect(refusal(parts(TOKENS_MAX + 1)).message).toContain('more than 2048 parts');
  expect(compileSelector(parts(TOKENS_MAX - 1)).matches(view(), NO_PROPERTIES)).toBe(true);

  for (const [open, close] of [
    ['(', ')'],
    ['NOT ', ''],
  ] as const) {
    expect(refusal(`${open.repeat(DEPTH_MAX + 1)}TRUE${close.repeat(DEPTH_MAX + 1)}`).message).toContain(
      'nests more than 64',
    ); // prettier-ignore
    expect(
      compileSelector(`${open.repeat(DEPTH_MAX)}TRUE${close.repeat(DEPTH_MAX)}`).matches(view(), NO_PROPERTIES),
    ).toBe(true); // prettier-ignore
  }
  expect(refusal(`${'- '.repeat(DEPTH_MAX + 1)}1 = 1`).message).toContain('nests more than 64');
  expect(refusal(`a LIKE '${'x'.repeat(1025)}'`).message).toContain('longer than 1024 characters');
});

it('counts nesting where it is, not how often it was', () => {
  expect(verdict(Array(200).fill('(((TRUE)))').join(' AND '))).toBe(true);
});

it('answers any text with a selector or a refusal, and nothing else', () => {
  const pieces = fc.constantFrom(
    'a',
    'b',
    '5',
    '1.5',
    "'x'",
    '"q"',
    '(',
    ')',
    ',',
    '=',
    '<>',
    '<',
    '>=',
    '+',
    '-',
    '*',
    '/',
    '%',
    ' NOT ',
    ' AND ',
    ' OR ',
    ' IS ',
    ' NULL ',
    ' LIKE ',
    ' ESCAPE ',
    ' IN ',
    ' BETWEEN ',
    ' TRUE ',
    "'",
    '"',
    '!',
    '\0',
    'é',
  ); // prettier-ignore
  const text = fc.oneof(
    fc.array(pieces, { maxLength: 12 }).map((them) => them.join('')),
    fc.string({ unit: 'binary' }),
  );
  let taken = 0;
  fc.assert(
    fc.property(text, (it) => {
      try {
        compileSelector(it).matches(view(), NO_PROPERTIES);
        taken++;
      } catch (error) {
        if (!(error instanceof SelectorError)) throw error;
        expect(error.position).toBeGreaterThanOrEqual(1);
        expect(error.position).toBeLessThanOrEqual(it.length + 1);
      }
    }),
    { numRuns: 5000 },
  );
  expect(taken).toBeGreaterThan(20);
});

it('takes blank text for no selector, and says which selectors need no properties', () => {
  expect(compileSelector(' \n').matches(view(), NO_PROPERTIES)).toBe(true);
  expect(compileSelector(CONVERT_STRINGS).matches(view(), NO_PROPERTIES)).toBe(true);
  expect(compileSelector('JMSPriority > 5 AND JMSRedelivered').readsProperties).toBe(false);
  expect(compileSelector("JMSPriority > 5 OR JMSType = 'x'").readsProperties).toBe(true);
  expect(compileSelector('a IS NULL').readsProperties).toBe(true);
});

it('shows addresses as JMS clients know them', () => {
  const at = (exchange: string, key: string, text: string): boolean =>
    compileSelector(text).matches(view(exchange, key), NO_PROPERTIES);
  expect(at('amq.topic', 'a.b', "JMSDestination = 'topic://a.b'")).toBe(true);
  expect(at('x', 'k', "JMSDestination = 'exchange://x/k'")).toBe(true);
  const slashed = view('amq.topic', 'a/b');
  slashed.spelling = 1;
  expect(compileSelector("JMSDestination = 'topic://a.b'").matches(slashed, NO_PROPERTIES)).toBe(true);
});
